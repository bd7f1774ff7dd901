"""Weights that start for another activation than the one that follows.

A layer of a stack hands on fan_in · E[w²] · E[f(z)²] of the mean square that it gets. Xavier's
1 / fan is made for activations that keep a signal; relu drops half of it, so that after n
layers (1/2)^n is left (He et al., 2015). He's 2 / fan before tanh or a sigmoid is twice too
much, and drives them to their ends. The size behind the last layer is computed. A norm layer
between two mends it, and so nothing is said there. Remedy: `kaiming_normal` for relu and its
kin, `xavier_normal` for tanh and the sigmoid, `lecun_normal` for selu.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.flat import Layer
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.initializers._kaiming import Kaiming
from dlc.compiler.components.initializers._xavier import Xavier
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.ir.graph import Parameter
from dlc.compiler.lints._chains import (
    DROPPING,
    MOVING,
    RECTIFIERS,
    WEIGHTED,
    Chains,
    chains_of,
    weight_of,
)

CODE = code("W0119")

# In fewer layers the difference is one that training makes up for.
_LEAST = 3
_SYMMETRIC = ("tanh", "sigmoid", "hardtanh", "hardsigmoid")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    chains = chains_of(compilation)
    told: set[str] = set()
    for layer in chains.of_kinds(WEIGHTED):
        run = _run(chains, layer)
        if len(run) < _LEAST or layer.path in told or layer.node.span is None:
            continue
        told.update(one.path for one, _, _ in run)
        (_, kind, remedy), (last, _, _) = run[0], run[-1]
        weight = weight_of(layer)
        assert weight is not None
        yield Diagnostic(
            CODE,
            f"`{_name(weight.initializer)}` is not made for `{kind}`, which follows in {len(run)} "
            "layers",
            Label(layer.node.span),
            notes=_size(compilation, layer, last),
            help=f"start as `{remedy}`",
        )


def _run(chains: Chains, layer: Layer) -> list[tuple[Layer, str, str]]:
    """Layers from this one on that start unfit for their activations, with nothing between that
    sets the size of signals anew; each with the activation and the remedy."""
    found: list[tuple[Layer, str, str]] = []
    here: Layer | None = layer
    while here is not None and here.node.kind in WEIGHTED:
        weight, after = weight_of(here), chains.follower(here, MOVING | DROPPING)
        remedy = None if weight is None or after is None else _remedy(weight, after.node.kind)
        if remedy is None or after is None or (found and remedy != found[0][2]):
            break
        found.append((here, after.node.kind, remedy))
        here = chains.follower(after, MOVING | DROPPING)
    return found


def _remedy(weight: Parameter, kind: str) -> str | None:
    start = weight.initializer
    if isinstance(start, Xavier) and kind in RECTIFIERS and _gain(start) <= 1.0:
        return "kaiming_normal"
    if isinstance(start, Kaiming) and kind in _SYMMETRIC and _for_rectifiers(start):
        return "xavier_normal"
    return None


def _size(compilation: Compilation, first: Layer, last: Layer) -> tuple[str, ...]:
    # Imported on use: most networks start as is fit.
    from dlc.compiler.analysis.signal import signal

    found = signal(compilation.program)
    one, other = found.of(first.path).moments, found.of(last.path).moments
    if one is None or other is None or one.square <= 0:
        return ()
    factor = other.square / one.square
    return (
        f"the mean square of signals goes from {one.square:.2g} at `{first.path}` to "
        f"{other.square:.2g} at `{last.path}`, {factor:.2g} of it",
    )


def _gain(start: Xavier) -> float:
    gain = getattr(start, "gain", 1.0)
    # A gain that is named after an activation was chosen for it.
    return gain if isinstance(gain, int | float) else 2.0


def _for_rectifiers(start: Kaiming) -> bool:
    return getattr(start, "nonlinearity", "leaky_relu") in (*RECTIFIERS, "leaky_relu")


def _name(start: object) -> str:
    return str(getattr(start, "name", "the default"))
