"""From a file or folder of data to the text of a first spec."""

from __future__ import annotations

import json
from pathlib import Path

from dlc.compiler.components import registry
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sources.base import Source, for_path
from dlc.compiler.components.sources.image_folder import ImageFolder
from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.runtime.data.formats.image_folder import IMAGE, LABEL
from dlc.runtime.data.images import decode
from dlc.runtime.data.sources import open_source
from dlc.runtime.data.tables import Table, open_table
from dlc.runtime.drafting.draft import draft
from dlc.runtime.drafting.language import draft_language, survey_text
from dlc.runtime.drafting.pictures import draft_pictures
from dlc.runtime.drafting.roles import assign
from dlc.runtime.drafting.survey import survey
from dlc.runtime.failures import failure, shown

_DELIMITERS = (";", "\t", "|")
_MOST_SIDE = 64


def first_spec(data: Path, target: str | None, folder: Path, command: str) -> str:
    """The spec of `data` for a spec in `folder`, not yet in canonical form. Raises `Failure`
    E0303, E0602 to E0606."""
    reader = _reader(data)
    source = relative_to_folder(data, folder)
    if reader.name == "image_folder":
        return _of_pictures(data, source, command)
    table, given = _open(data, reader, source, folder)
    if reader.name == "text_lines":
        if target is not None:
            raise failure(
                "E0605",
                f"`{shown(data)}` is text without columns",
                help="leave `--target` out: each piece is predicted from those before it",
            )
        return draft_language(survey_text(table), source=source, command=command)
    if target is None:
        raise failure(
            "E0303",
            "`dlc init` needs to know what is predicted",
            notes=(f"the columns of `{shown(data)}` are {listed(table.names)}",),
            help=f"`dlc init {shown(data)} --target {table.names[-1]}`, say",
            exit_code=2,
        )
    if target not in table.names:
        near = closest(target, table.names)
        raise failure(
            "E0605",
            f"`{target}` is no column of `{shown(data)}`",
            help=f"`{near}` is one" if near else "its columns are " + listed(table.names),
        )
    words = registry.load("preprocess", "word").available
    roles = assign(survey(table), target, data, texts=words)
    return draft(roles, source=given, names=table.names, command=command)


def _reader(data: Path) -> Source:
    if not data.exists():
        raise failure("E0604", f"there is no `{shown(data)}`", help=_similar(data))
    reader = ImageFolder(path=str(data)) if data.is_dir() else for_path(data.name)
    if reader is None:
        raise failure(
            "E0604",
            f"the suffix of `{shown(data)}` tells no format",
            help="name it .csv, .tsv, .jsonl, .parquet or .arrow after what it holds",
        )
    if not reader.available:
        raise failure("E0602", f"`{reader.name}` data is not read yet", help=reader.available_note)
    return reader


def _similar(data: Path) -> str | None:
    try:
        near = closest(data.name, [entry.name for entry in data.parent.iterdir()])
    except OSError:
        return None
    return f"`{shown(data.with_name(near))}` is there" if near else None


def relative_to_folder(data: Path, folder: Path) -> str:
    """The path of the data as a spec in `folder` names it. Raises `Failure` E0604."""
    where, root = data.resolve(), folder.resolve()
    if not where.is_relative_to(root) or where == root:
        raise failure(
            "E0604",
            f"`{shown(data)}` is not below `{shown(folder)}`, the folder of the spec",
            help=f"write the spec beside it: `-o {shown(data.with_suffix('.yaml'))}`",
            exit_code=2,
        )
    return where.relative_to(root).as_posix()


def _open(data: Path, reader: Source, source: str, folder: Path) -> tuple[Table, str]:
    """The table, and the value of `data.source` that reads it."""
    table = open_source(Data(source=source), folder)
    if reader.name == "csv" and len(table.names) == 1:
        for delimiter in _DELIMITERS:
            if delimiter in table.names[0]:
                path, sign = (json.dumps(text, ensure_ascii=False) for text in (source, delimiter))
                given = f"{{csv: {{path: {path}, delimiter: {sign}}}}}"
                return open_table(data, "csv", delimiter=delimiter), given
    return table, json.dumps(source, ensure_ascii=False)


def _of_pictures(data: Path, source: str, command: str) -> str:
    resize = registry.load("preprocess", "resize")
    if not resize.available:
        raise failure("E0602", "folders of pictures are not trained on yet")
    table = open_table(data, "image_folder")
    if LABEL not in table.names:
        raise failure(
            "E0606",
            f"the pictures of `{shown(data)}` are not in folders of their class",
            help="put the pictures of each class into a folder of its name",
        )
    content = table.read([IMAGE, LABEL])
    labels = content.column(LABEL).to_pylist()
    classes = [(name, labels.count(name)) for name in sorted({*labels} - {None})]
    if len(classes) < 2:
        raise failure(
            "E0606",
            f"`{shown(data)}` has pictures of one class",
            help="put the pictures of each class into a folder of its name",
        )
    if len(labels) < 10:
        raise failure(
            "E0606",
            f"`{shown(data)}` has {len(labels)} pictures, too few to train on",
            help="give at least ten, better some hundreds of each class",
        )
    image = decode((table.folder / content.column(IMAGE)[0].as_py()).read_bytes())
    side = max(8, min(_MOST_SIDE, 8 * (min(image.shape[1:]) // 8)))
    channels = 1 if image.shape[0] == 1 else 3
    return draft_pictures(classes, source=source, side=side, channels=channels, command=command)
