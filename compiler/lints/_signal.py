"""What the lints about the size of signals share: which networks are worth following."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.model import Code, Diagnostic, Label
from dlc.compiler.ir.graph import Parameter, Program

if TYPE_CHECKING:
    from dlc.compiler.analysis.signal import Signal

_WEIGHTED = ("linear", "conv")
# Fewer layers between norms keep their signals, unless the spec gives weights a size of its own.
_DEEP, _DEEP_BY_OWN_START = 6, 2
# These know the fan in, or start at nothing.
_FITTING = ("kaiming", "xavier", "lecun", "orthogonal", "lsuv", "zeros")


def found(compilation: Compilation, code: Code, word: str, help: str) -> Iterator[Diagnostic]:
    """The first layer with that verdict, at its place; KIND in `help` is that of the layer."""
    program = compilation.program
    verdict = _first(program, word) if _is_deep(program) else None
    if verdict is None:
        return
    path, what, factor, count, of = verdict
    places = {at: (node.span, node.kind) for at, _, node in program.walk()}
    span, kind = places[path]
    if span is None:
        return
    than = "what comes in" if what == "signal" else "the output's"
    if what == "gradient" and word == "vanishes":
        than = "the largest"
    yield Diagnostic(
        code,
        f"the {what} of `{path}` starts at {factor:.0e} of {than}",
        Label(span),
        notes=(f"{count} of {of} layers with weights do; `dlc signal` shows each",),
        help=help.replace("KIND", kind),
    )


def _first(program: Program, word: str) -> tuple[str, str, float, int, int] | None:
    # Imported on use: most networks are not deep enough for it.
    from dlc.compiler.analysis.signal_verdict import verdicts

    followed = _followed(program)
    told = verdicts(followed)
    weighted = [layer.path for layer in followed.weighted]
    like = [path for path in weighted if told[path].word == word]
    if not like:
        return None
    first = told[like[0]]
    return like[0], first.what, first.factor, len(like), len(weighted)


_last: list[tuple[Program, Signal]] = []


def _followed(program: Program) -> Signal:
    """The signals of a network, which two lints ask for, one after the other."""
    if not _last or _last[0][0] is not program:
        from dlc.compiler.analysis.signal import signal

        _last[:] = [(program, signal(program))]
    return _last[0][1]


def _is_deep(program: Program) -> bool:
    """Whether enough layers with weights follow each other without a norm."""
    run = longest = 0
    started = False
    for _, _, node in program.walk():
        if node.kind.endswith("norm") or "_norm" in node.kind:
            run = 0
        elif node.kind.startswith(_WEIGHTED) and node.parameters:
            run += 1
            longest = max(longest, run)
            started |= any(_sets_a_size(p) for p in node.parameters)
    return longest >= (_DEEP_BY_OWN_START if started else _DEEP)


def _sets_a_size(parameter: Parameter) -> bool:
    name = str(getattr(parameter.initializer, "name", ""))
    return parameter.role == "weight" and bool(name) and not name.startswith(_FITTING)
