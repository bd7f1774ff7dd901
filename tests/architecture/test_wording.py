"""How messages are worded: lower case, no full stop, statements, never "illegal"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from source_tree import modules

_CODE = re.compile(r"[EW]\d{4}")


def sentences() -> Iterator[tuple[str, str, str]]:
    """(place, role, text) of every message, label and help line that stands in the source
    beside a code. A part that is computed is shown as `{}`."""
    for module in modules().values():
        if module.name == "dlc.compiler.diagnostics.catalog":
            continue  # names and summaries, which have a test of their own
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            at = next((i for i, a in enumerate(node.args[:2]) if _is_code(a)), None)
            if at is None:
                continue
            place = f"{module.name}:{node.lineno}"
            if len(node.args) > at + 1:
                yield from _texts(place, "message", node.args[at + 1])
            for keyword in node.keywords:
                if keyword.arg in ("message", "help"):
                    yield from _texts(place, keyword.arg, keyword.value)


def _is_code(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "code" and node.args:
        node = node.args[0]
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(_CODE.fullmatch(node.value))
    )


def _texts(place: str, role: str, node: ast.expr) -> Iterator[tuple[str, str, str]]:
    match node:
        case ast.Constant(value=str(text)) if text:
            yield place, role, text
        case ast.JoinedStr(values=values):
            parts = [v.value if isinstance(v, ast.Constant) else "{}" for v in values]
            yield place, role, "".join(map(str, parts))
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(place, role, body)
            yield from _texts(place, role, other)
        case ast.BoolOp(values=options):
            for option in options:
                yield from _texts(place, role, option)


FOUND = list(sentences())


def test_the_walk_sees_the_messages() -> None:
    assert len([f for f in FOUND if f[1] == "message"]) > 100
    assert len([f for f in FOUND if f[1] == "help"]) > 50


@pytest.mark.parametrize(("place", "role", "text"), FOUND, ids=[f"{p}-{r}" for p, r, _ in FOUND])
def test_a_message_is_worded_as_all_others(place: str, role: str, text: str) -> None:
    first = text.split()[0]
    plain = first.strip("`{}'\"(").rstrip(",:;")
    proper = first.startswith(("`", "{")) or not plain[:1].isupper() or plain.isupper()
    names = ("YAML", "UTF-8", "ONNX", "PyTorch", "CUDA", "UTF-16")
    assert proper or plain in names, f"begins with a capital: {text}"
    assert not text.rstrip().endswith(".") or text.rstrip().endswith("..."), f"a full stop: {text}"
    assert not re.search(r"\b(illegal|invalid|sorry|oops)\b", text, re.IGNORECASE), text
    assert not re.search(r"did you mean|\?$", text, re.IGNORECASE), f"a question: {text}"
    assert text.count("`") % 2 == 0, f"an odd backtick: {text}"
