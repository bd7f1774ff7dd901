"""Checking small specs in tests, and reading what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlc.compiler import Compilation, Diagnostic, Result, Source, check

SPECS = Path(__file__).resolve().parents[1] / "specs"


def check_file(path: Path, sets: Sequence[str] = ()) -> Result:
    """A spec file, with its folder as the root."""
    text = path.read_text(encoding="utf-8")
    return check(Source(path.name, text, path.suffix[1:]), path=path, sets=sets)


def check_yaml(text: str, *, sets: Sequence[str] = ()) -> Result:
    return check(Source("net.yaml", text, "yaml"), sets=sets)


def check_dlc(text: str, *, sets: Sequence[str] = ()) -> Result:
    return check(Source("net.dlc", text, "dlc"), sets=sets)


def net(body: str, *, inputs: str = "x: float[N, 8]", head: str = "", tail: str = "") -> str:
    """A `.dlc` spec whose model has this body; `;` separates statements."""
    lines = ["dlc 1", *_lines(head), "model Net {"]
    lines += [f"  input {line}" for line in _lines(inputs)]
    lines += [f"  {line}" for line in _lines(body)]
    return "\n".join([*lines, "}", *_lines(tail)]) + "\n"


def check_net(
    body: str,
    *,
    inputs: str = "x: float[N, 8]",
    head: str = "",
    tail: str = "",
    sets: Sequence[str] = (),
) -> Result:
    return check_dlc(net(body, inputs=inputs, head=head, tail=tail), sets=sets)


def _lines(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", "\n").splitlines() if part.strip()]


def compiled(result: Result) -> Compilation:
    """The compilation of a spec that must be right."""
    assert not [d for d in result.diagnostics if d.severity.value == "error"], shown(result)
    assert result.compilation is not None
    return result.compilation


def only(result: Result) -> Diagnostic:
    """The one finding of a spec that must have just one."""
    assert len(result.diagnostics) == 1, shown(result)
    return result.diagnostics[0]


def codes(result: Result) -> list[str]:
    return [d.code.number for d in result.diagnostics]


def errors(result: Result) -> list[str]:
    return [d.code.number for d in result.diagnostics if d.severity.value == "error"]


def underlined(diagnostic: Diagnostic) -> str:
    """The text at the primary place."""
    assert diagnostic.primary is not None
    return diagnostic.primary.span.text


def line(diagnostic: Diagnostic) -> int:
    assert diagnostic.primary is not None
    return diagnostic.primary.span.location.line


def shown(result: Result) -> str:
    return "\n".join(f"{d.code} {d.message} | {underlined(d)}" for d in result.diagnostics)


def layers(result: Result) -> list[str]:
    """The names of the nodes of the main graph, in order."""
    return [node.name for node in compiled(result).program.graph.nodes]


def kinds(result: Result) -> list[str]:
    """The kinds of all layers after expansion, in the order of execution."""
    return [node.kind for _, _, node in compiled(result).program.walk()]


def type_of(result: Result, name: str) -> str:
    """The type of an output, as a spec writes it."""
    graph = compiled(result).program.graph
    return str(graph.values[dict(graph.outputs)[name]])
