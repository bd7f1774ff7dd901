"""A weights file held against a compiled spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Severity
from dlc.compiler.record import component
from dlc.compiler.semantics.rename import Rule
from dlc.compiler.semantics.rename_maps import read_rules, rules_in, shipped
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree
from dlc.compiler.transfer.findings import findings
from dlc.compiler.transfer.header import Stored
from dlc.compiler.transfer.network import network_of
from dlc.compiler.transfer.plan import Plan, plan


@component
class Examined:
    """A plan and what there is to say about it."""

    plan: Plan
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)


def examine(
    compilation: Compilation,
    tensors: Mapping[str, Stored],
    *,
    file: str,
    named_in_spec: bool = True,
    rules: Sequence[Rule] | None = None,
) -> Examined:
    """Which tensors of a file fill which of a network.

    `file` is the file's name as messages show it; `named_in_spec` says that the spec names
    it, and not a command. `rules` None are those of the spec's `transfer`, none where it
    has no such section.
    """
    transfer = compilation.settings.transfer
    if rules is None:
        rules = rules_in(compilation.spec, transfer) if transfer is not None else ()
    found = plan(network_of(compilation.program), tensors, rules)
    place = weights_place(compilation.spec) if named_in_spec else None
    return Examined(plan=found, diagnostics=findings(found, place, file, fitting_map))


def weights_place(spec: tree.File) -> Span | None:
    """Where a spec names its weights file."""
    section = next((e.value for e in spec.settings if e.key.text == "transfer"), None)
    for entry in section.entries if isinstance(section, tree.Mapping) else ():
        if entry.key.text == "weights":
            return entry.value.span
    return None


def fitting_map(found: Plan) -> tuple[str, int] | None:
    """The shipped map that fills most of a network from a file, and how many tensors; None
    where none fills half of them."""
    best: tuple[int, str] = (0, "")
    for name in shipped():
        try:
            tried = plan(found.network, found.tensors, read_rules(name))
        except DiagnosticError:  # a broken installation; the message at hand is another one
            continue
        if not tried.incomplete:
            best = max(best, (len(tried.fills), name))
    count, name = best
    return (name, count) if 2 * count > len(found.network.tensors) else None
