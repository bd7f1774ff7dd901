"""Vocabularies from files: a piece a line, or a `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.bpe import Bpe
from dlc.compiler.components.preprocessing.character import Character
from dlc.compiler.components.preprocessing.unigram import Unigram
from dlc.runtime.data.tables import bad_file, locate
from dlc.runtime.data.tokenizers import Tokenizer, build, finished, model_of
from dlc.runtime.failures import failure, io_failure, shown

_MOST_BYTES = 64 << 20
_OR_LEARNED = ", or give a number: a vocabulary of that size is then learned from the training part"


def read(step: TokenStep, before: Sequence[TextStep], root: Path, name: str) -> bytes:
    """The `tokenizer.json` of a step whose vocabulary is a file below `root`. `name` is the
    input. Raises `Failure` E0604, E0611."""
    assert step.file is not None
    path = locate(step.file, root)
    content = _content(path, step, name)
    what = f"`{shown(path)}`"
    if path.suffix != ".json":
        if isinstance(step, Bpe | Unigram):
            joins, holds = (
                ("joins bytes", "the merges")
                if isinstance(step, Bpe)
                else ("weighs them", "their scores")
            )
            raise bad_file(
                path,
                f"a list of pieces does not say how `{step.name}` {joins}",
                help=f"give the `tokenizer.json`, which holds {holds} too",
            )
        return finished(build(step, _listed(path, content, step)), before, step)
    kind = model_of(content, what)
    if kind != step.model:
        steps = {
            "WordLevel": "word",
            "WordPiece": "wordpiece",
            "BPE": "bpe",
            "Unigram": "unigram",
        }
        raise bad_file(
            path,
            f"it holds a tokenizer of kind {kind}, and `{step.name}` takes {step.model}",
            help=f"write `{steps[kind]}(vocabulary={step.file})`" if kind in steps else None,
        )
    return finished(Tokenizer(content, what).inner, before, step)


def _content(path: Path, step: TokenStep, name: str) -> bytes:
    try:
        if not path.is_file():
            missing = "no regular file" if path.exists() else "no file"
            raise failure(
                "E0604",
                f"`preprocess.{name}`: {missing} `{shown(path)}`, the vocabulary of `{step.name}`",
                help="put it there" + ("" if isinstance(step, Unigram) else _OR_LEARNED),
            )
        if path.stat().st_size > _MOST_BYTES:
            raise bad_file(path, "a vocabulary of more than 64 MiB")
        return path.read_bytes()
    except OSError as error:
        raise io_failure("cannot read", path, error) from None


def _listed(path: Path, content: bytes, step: TokenStep) -> dict[str, int]:
    """A piece a line. A list that begins with [PAD] numbers all pieces itself; before another
    one the special pieces are put."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _bad_line(path, line, "the text is not UTF-8", "save the file as UTF-8") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise bad_file(path, "the vocabulary is empty", help="it lists a piece a line")
    whole = lines[0] == step.specials[0]
    found = {} if whole else {piece: index for index, piece in enumerate(step.specials)}
    first: dict[str, int] = {}
    for number, piece in enumerate(lines, 1):
        if piece == "":
            raise _bad_line(path, number, "the line is empty", "leave it out")
        if piece in first:
            raise _bad_line(
                path, number, f"`{piece}` stands in line {first[piece]:,} already", "leave it out"
            )
        if piece in found:
            raise _bad_line(
                path,
                number,
                f"the special piece `{piece}` stands below others",
                f"begin the file with {', '.join(step.specials)}, or leave them out",
            )
        if isinstance(step, Character) and len(piece) > 1 and piece not in step.specials:
            raise _bad_line(path, number, f"`{piece}` is more than one character", None)
        first[piece] = number
    if not whole:
        return found | {piece: index for index, piece in enumerate(lines, len(found))}
    # The pieces that are put round a text or stand for unknown ones; [MASK] is of some tasks.
    for special in step.specials[: step.around + 2]:
        if special not in first:
            raise bad_file(
                path,
                f"the list begins with `{step.specials[0]}` and lacks `{special}`",
                help="add it, or leave all special pieces out: they are then put first",
            )
    return {piece: index for index, piece in enumerate(lines)}


def _bad_line(path: Path, line: int, message: str, help: str | None) -> Exception:
    return failure("E0604", f"`{shown(path)}`, line {line:,}: {message}", help=help)
