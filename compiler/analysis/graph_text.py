"""Reading a textual graph: parsed, its arguments checked, and verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import Mismatch
from dlc.compiler.components.base import arguments
from dlc.compiler.components.plugins import BrokenPlugin
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.literal_text import TextError
from dlc.compiler.ir.text import parse_program
from dlc.compiler.ir.verify import verify
from dlc.compiler.source import Source


def read_program(source: Source) -> Program:
    """The program of a textual graph. Raises `DiagnosticError` E0503 where it cannot be read
    or does not hold together, with every finding of `verify`."""
    try:
        program = parse_program(source.text, make)
    except TextError as problem:
        raise DiagnosticError(_finding(source, problem.message, problem.line)) from None
    problems = verify(program)
    if problems:
        raise DiagnosticError(
            *(_finding(source, str(p), _line(source, p.graph, p.node)) for p in problems)
        )
    return program


def make(kind: str, name: str, given: Mapping[str, Any]) -> Any:
    """A component from values that may be of any type. Raises ValueError."""
    try:
        component = registry.load(kind, name)
    except BrokenPlugin as problem:
        raise ValueError(str(problem)) from None
    except registry.UnknownComponent as problem:
        _, help = did_you_mean(name, registry.all_names(kind), kind)
        raise ValueError(f"{problem}; {help}" if help else str(problem)) from None
    table = arguments(component)
    values = {}
    for key, value in given.items():
        if key not in table:
            raise ValueError(f"`{name}` has no argument `{key}`")
        try:
            values[key] = table[key].type.check(value)
        except Mismatch as problem:
            raise ValueError(f"`{key}` of `{name}` is {problem.expected}") from None
    for spec in table.values():
        if spec.required and spec.name not in values:
            raise ValueError(f"`{name}` needs its argument `{spec.name}`")
    made = component(**values)
    made.validate()
    return made


def _finding(source: Source, message: str, line: int) -> Diagnostic:
    text = source.line(line)
    start = source.offset(max(line, 1), len(text) - len(text.lstrip()) + 1)
    label = Label(source.span(start, start + len(text.strip())))
    return Diagnostic(code("E0503"), message, label, help="make the graph anew with `dlc graph`")


def _line(source: Source, graph: str, node: str) -> int:
    """The number of the line that declares a node, or its graph."""
    number = 0
    inside = False
    for i, line in enumerate(source.text.splitlines(), 1):
        if line.startswith("graph "):
            inside = line.split()[1] == graph
            number = i if inside else number
        elif inside and node and line.strip().lstrip("@").startswith(f"{node} = "):
            return i
    return number or 1
