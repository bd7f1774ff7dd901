"""Folders of images: a folder a class, or images alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from dlc.runtime.data.formats.base import Origin, Stored, Table, bad_file
from dlc.runtime.failures import failure, io_failure, shown

IMAGE, LABEL = "image", "label"
SUFFIXES = (".png", ".jpg", ".jpeg")
_MOST_DEPTH = 16
# A block is what is read at once. Folders are sorted by class: small blocks of large pictures
# let many classes meet in a batch, and a block of small ones is worth the work of reading it.
_BLOCK_BYTES = 256 << 10
_MOST_IN_BLOCK = 64


class ImageFolder(Table):
    """The images below a folder, ordered by their paths. The label is the name of the folder
    right below it; images beside no folder have none. Files of other kinds, and names that
    begin with a dot, are left out."""

    format = "image_folder"
    text = True

    def __init__(self, path: Path, root: Path | None = None) -> None:
        # Links may point anywhere; what they point at must stay below the root.
        self._root = (root or path).resolve()
        if not path.exists():
            raise failure("E0604", f"no folder `{shown(path)}`")
        if not path.is_dir():
            raise bad_file(path, "not a folder", help="its suffix tells no format of a file")
        self._paths: list[str] = []
        self._in_block = 1
        super().__init__(path)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.path / name for name in self._paths)

    @property
    def folder(self) -> Path:
        return self.path

    @property
    def origin(self) -> Origin:
        return Origin(self.path, self.files, range(len(self._paths)), single=True)

    def sha256(self) -> str:
        """Of the names and sizes: reading every picture of a large folder takes hours."""
        digest = hashlib.sha256()
        for name in self._paths:
            size = (self.path / name).stat().st_size
            digest.update(f"{name}\0{size}\n".encode())
        return digest.hexdigest()

    def _names(self) -> tuple[str, ...]:
        loose: list[str] = []
        classed: list[str] = []
        for name in _walk(self.path, self._root, ""):
            (classed if "/" in name else loose).append(name)
        if not loose and not classed:
            raise self.bad(
                "there is no image in it", help="put PNG or JPEG files into a folder for each class"
            )
        if loose and classed:
            raise self.bad(
                f"`{loose[0]}` is in no folder of a class",
                help=f"move it into one, such as `{classed[0].partition('/')[0]}`",
            )
        self._paths = sorted(loose or classed)
        return (IMAGE, LABEL) if classed else (IMAGE,)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        return self._chunks_after(0, columns, rows)

    def passes(self, rows: int) -> int:
        return min(rows, len(self._paths))

    def _chunks_after(self, passed: int, columns: list[str], rows: int) -> Iterator[pa.Table]:
        for start in range(passed, len(self._paths), rows):
            yield self._rows(start, start + rows, columns)

    def _rows(self, start: int, stop: int, columns: list[str]) -> pa.Table:
        paths = self._paths[start:stop]
        values = {IMAGE: paths, LABEL: [path.partition("/")[0] for path in paths]}
        return pa.table({name: pa.array(values[name], pa.string()) for name in columns})

    def stored(self) -> Stored:
        """As many pictures a block as take a quarter of a mebibyte in their files."""
        count = len(self._paths)
        with self._reading():
            bytes = sum((self.path / name).stat().st_size for name in self._paths)
        self._in_block = pictures_in_block(bytes, count)
        rows = [min(self._in_block, count - at) for at in range(0, count, self._in_block)]
        return Stored(tuple(rows), pa.schema([(name, pa.string()) for name in self.names]))

    def _block(self, index: int, columns: list[str]) -> pa.Table:
        return self._rows(index * self._in_block, (index + 1) * self._in_block, columns)


def pictures_in_block(bytes: int, count: int) -> int:
    """How many pictures are read at once, where `count` of them take `bytes` in their files."""
    return min(max(_BLOCK_BYTES * count // max(bytes, 1), 1), _MOST_IN_BLOCK)


def _walk(folder: Path, root: Path, prefix: str) -> Iterator[str]:
    if prefix.count("/") > _MOST_DEPTH:
        raise bad_file(folder, f"folders nested deeper than {_MOST_DEPTH}")
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise io_failure("cannot read", folder, error) from None
    for entry in found:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
            raise bad_file(Path(entry.path), "the link leaves the folder of the spec")
        if entry.is_dir():
            yield from _walk(Path(entry.path), root, f"{prefix}{entry.name}/")
        elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
            yield f"{prefix}{entry.name}"
