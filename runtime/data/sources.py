"""The rows of a data section: which files they are in, read by which format."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sources.base import Source, for_path
from dlc.compiler.components.sources.hugging_face import HuggingFace
from dlc.compiler.components.sources.idx import Idx
from dlc.compiler.components.sources.image_folder import ImageFolder as ImageFolderSource
from dlc.compiler.components.sources.parallel_text import ParallelText
from dlc.runtime.data.formats.base import Table
from dlc.runtime.data.formats.hugging_face import HuggingFaceTable
from dlc.runtime.data.formats.idx import IdxTable
from dlc.runtime.data.formats.image_folder import ImageFolder
from dlc.runtime.data.formats.joined import JoinedTable
from dlc.runtime.data.formats.text_lines import TextLinesTable
from dlc.runtime.data.tables import locate, open_table
from dlc.runtime.failures import failure, io_failure, shown

_GLOB = frozenset("*?[")
_MOST_FILES = 100_000


def open_source(data: Data, root: Path) -> Table:
    """The rows of a data section, all parts of it one after another. Raises `Failure` E0602
    to E0604 for what cannot be read, or is outside `root`."""
    source = data.source
    if isinstance(source, Files):
        tables = [_open(part, root) for _, part in parts_of(source)]
        found: Table = JoinedTable(root, tables) if len(tables) > 1 else tables[0]
    else:
        found = _open(source, root)
    found.skip = data.on_bad_sample == "skip"
    return found


def parts_of(files: Files) -> Iterator[tuple[str, str | Source]]:
    """The files that are given, by part."""
    for part in ("train", "validation", "test"):
        source = getattr(files, part)
        if source is not None:
            yield part, source


def source_of(path: str) -> Source:
    """The reader of a bare path, by its suffix. Raises `Failure` E0604."""
    source = for_path(path)
    if source is None:
        raise failure(
            "E0604",
            f"the suffix of `{path}` tells no format",
            help="name the reader: `source: {csv: {path: ...}}`",
        )
    return source


def _open(source: str | Source, root: Path) -> Table:
    if isinstance(source, str):
        source = source_of(source)
    if not source.available:
        raise failure(
            "E0602", f"`{source.name}` data is not read yet", help=source.available_note or None
        )
    if isinstance(source, HuggingFace):
        return HuggingFaceTable(
            source.path, source.config, source.split, source.revision, root=root
        )
    if isinstance(source, ParallelText):
        folder = locate(source.path, root)
        texts = {name: locate(f"{source.path}/{text}", root) for name, text in source.texts.items()}
        return TextLinesTable(folder, texts)
    if isinstance(source, Idx):
        return _idx(source, root)
    if isinstance(source, ImageFolderSource):
        return ImageFolder(locate(source.path, root), root)
    delimiter = getattr(source, "delimiter", None)
    paths = _matching(source.path, root)
    tables = [open_table(path, source.name, delimiter=delimiter) for path in paths]
    return tables[0] if len(tables) == 1 else JoinedTable(root / source.path, tables)


def _matching(path: str, root: Path) -> list[Path]:
    """The files that a path or a glob names, sorted by their paths."""
    if not _GLOB & set(path) or (root / path).exists():
        return [locate(path, root)]
    found = [root]
    for segment in path.replace("\\", "/").strip("/").split("/"):
        if _GLOB & set(segment):
            found = [child for folder in found for child in _children(folder, segment)]
        else:
            found = [folder / segment for folder in found if (folder / segment).exists()]
        if len(found) > _MOST_FILES:
            raise failure("E0604", f"`{path}` matches more than {_MOST_FILES:,} files")
    if not found:
        raise failure("E0604", f"no file matches `{path}` below `{shown(root)}`")
    # A link among them may lead anywhere.
    return [locate(str(each.relative_to(root)), root) for each in sorted(found)]


def _children(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        return []
    try:
        return [child for child in folder.iterdir() if fnmatchcase(child.name, pattern)]
    except OSError as error:
        raise io_failure("cannot read", folder, error) from None


def _idx(source: Idx, root: Path) -> IdxTable:
    path = locate(source.path, root)
    labels = source.labels
    if labels is None and "images-idx3" in source.path:
        beside = source.path.replace("images-idx3", "labels-idx1")
        labels = beside if (root / beside).exists() else None
    return IdxTable(path, locate(labels, root) if labels is not None else None)
