"""What `regularization` and `train.dropout` name, looked for in the network."""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.parameter_groups import covers, dropouts, trained
from dlc.compiler.components.sections.regularization import DEFAULT
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.suggest import did_you_mean, listed
from dlc.compiler.ir.graph import Program
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def check_regularizing(
    spec: tree.File, program: Program, settings: Settings
) -> Iterator[Diagnostic]:
    """Names of layers that are none, or have nothing that the section is about."""
    sections = {entry.key.text: entry.value for entry in spec.settings}
    yield from _strengths(sections.get("regularization"), program)
    yield from _dropout(sections.get("train"), program, settings)


def _strengths(section: tree.Expr | None, program: Program) -> Iterator[Diagnostic]:
    weights = [one.path for one in trained(program) if one.parameter.role == "weight"]
    layers = sorted({path.rpartition(".")[0] for path in weights})
    for entry in section.entries if isinstance(section, tree.Mapping) else ():
        for item in entry.value.entries if isinstance(entry.value, tree.Mapping) else ():
            name = item.key.text
            if name != DEFAULT and not any(covers(name, path) for path in weights):
                yield _unknown(name, "weight", item.key.span, [*layers, DEFAULT])


def _dropout(train: tree.Expr | None, program: Program, settings: Settings) -> Iterator[Diagnostic]:
    entries = train.entries if isinstance(train, tree.Mapping) else ()
    written = next((e for e in entries if e.key.text == "dropout"), None)
    if written is None or not settings.train.dropout:
        return
    layers = dropouts(program)
    value = written.value
    items = value.items if isinstance(value, tree.ListExpr) else (value,)
    for rate, item in zip(settings.train.dropout, items, strict=True):
        if not layers:
            yield Diagnostic(
                code("E0212"),
                "the network has no dropout whose rate could change",
                Label(written.key.span),
                help="add `dropout` between the layers, or leave this out",
            )
            return
        for pattern in rate.match:
            if not any(covers(pattern, path) for path in layers):
                yield _unknown(pattern, "dropout", item.span, layers)


def _unknown(name: str, what: str, span: Span, known: list[str]) -> Diagnostic:
    _, help = did_you_mean(name, known, "layer")
    return Diagnostic(
        code("E0212"),
        f"no {what} lies in `{name}`",
        Label(span),
        help=help or f"there is {listed(known)}",
    )
