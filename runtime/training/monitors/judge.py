"""Where a reading crosses a line, and what to do about it.

The lines are far from what healthy networks show: a warning that is mostly wrong is worse than
none. Each is said once for a run. Sources: Glorot and Bengio, "Understanding the difficulty of
training deep feedforward neural networks" (2010), for vanishing gradients and saturation;
Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), for
exploding ones; Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic
models" (2013), for dead units; Ioffe and Szegedy, "Batch normalization" (2015), for drift. That
an update is about a thousandth of the weight is the rule of thumb of Karpathy's CS231n notes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dlc.runtime.training.monitors.reading import Reading

# The first steps start from zero gradients where branches start at zero, and are large where
# optimizers know no scale yet.
_SETTLED = 16
_VANISHED = 1e-7
_EXPLODED = 1e3
_DEAD = 0.5
_SATURATED = {"tanh": 0.5, "hardtanh": 0.5, "sigmoid": 0.9, "hardsigmoid": 0.9}
_LARGE_UPDATE = 0.3
_SMALL_UPDATE = 1e-7
_DRIFT = 1.0
_LOST_RANK = 0.1
_TINY = 1e-30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A line that was crossed: the code, what was seen, the remedy; `layer` is the module or
    activation that it is about, "" for all of the network."""

    number: str
    message: str
    help: str
    layer: str = ""


class Judge:
    """Judges the readings of one run, in their order. `recurrent` says that the network has a
    recurrent layer, `clipped` that gradients are clipped."""

    def __init__(self, *, recurrent: bool, clipped: bool) -> None:
        self.recurrent = recurrent
        self.clipped = clipped
        self._norms: list[float] = []
        self._first_ranks: dict[str, float] = {}
        self._fast: dict[str, int] = {}
        self._slow = 0

    def findings(self, reading: Reading, *, halfway: bool) -> Iterator[Finding]:
        """What is to be said of a reading; `halfway` says that half of the run is still to come,
        so that a rate near zero is not the end of a schedule."""
        yield from self._exploding(reading)
        yield from self._rank(reading)
        if reading.step < _SETTLED:
            return
        yield from self._vanishing(reading)
        yield from self._flat(reading)
        yield from self._updates(reading, halfway=halfway)
        yield from self._drift(reading)

    # ── one line each ────────────────────────────────────────────────────────

    def _exploding(self, reading: Reading) -> Iterator[Finding]:
        norm = reading.gradient_norm
        if norm is None or not math.isfinite(norm) or self.clipped:
            # A loss that is not finite has a message of its own.
            return
        usual = statistics.median(self._norms) if self._norms else None
        self._norms.append(norm)
        if norm <= _EXPLODED and (usual is None or norm <= 1.0 or norm <= _EXPLODED * usual):
            return
        help = "clip them: `train: {clip_grad_norm: 1.0}`"
        help += "" if self.recurrent else "; a lower learning rate or a norm layer may be the cure"
        was = "" if usual is None or norm > _EXPLODED else f", after {usual:.3g} before"
        yield Finding(
            number="W0311", message=f"the norm of all gradients is {norm:.3g}{was}", help=help
        )

    def _vanishing(self, reading: Reading) -> Iterator[Finding]:
        taken = {n: x.gradient for n, x in reading.layers.items() if x.gradient is not None}
        if len(taken) < 2:
            return
        strongest = max(taken, key=lambda name: taken[name])
        top = taken[strongest]
        weak = [name for name, gradient in taken.items() if gradient < _VANISHED * top]
        if top > _TINY and weak:
            weakest, least = weak[0], taken[weak[0]]
            yield Finding(
                number="W0310",
                layer=weakest,
                message=f"the gradient of `{weakest}` is {least:.2g}, of `{strongest}` {top:.2g}",
                help="take `relu` and `he_normal` for saturating activations, add a norm layer, or "
                "lead a residual path round the layers behind it",
            )

    def _flat(self, reading: Reading) -> Iterator[Finding]:
        for name, share in reading.flat.items():
            kind = reading.kinds[name]
            if kind in ("relu", "relu6") and share > _DEAD:
                yield Finding(
                    number="W0312",
                    layer=name,
                    message=f"{share:.0%} of the units of `{name}` are 0 for every probed sample",
                    help="lower the learning rate, start as `he_normal`, or take `leaky_relu`",
                )
            elif kind in _SATURATED and share > _SATURATED[kind]:
                yield Finding(
                    number="W0313",
                    layer=name,
                    message=f"{share:.0%} of what `{name}` gives is at an end of its range",
                    help="start with smaller weights (`xavier_normal`), scale the inputs, put a "
                    "norm layer before it, or lower the learning rate",
                )

    def _updates(self, reading: Reading, *, halfway: bool) -> Iterator[Finding]:
        updates = {n: x.update for n, x in reading.layers.items() if x.update is not None}
        for name, update in updates.items():
            self._fast[name] = self._fast.get(name, 0) + 1 if update > _LARGE_UPDATE else 0
            if self._fast[name] == 2:
                yield Finding(
                    number="W0314",
                    layer=name,
                    message=f"a step changes the weights of `{name}` by {update:.0%}",
                    help="lower the learning rate: about 0.1% is usual; `dlc lr-range` finds one",
                )
        if not updates or not halfway:
            return
        self._slow = self._slow + 1 if max(updates.values()) < _SMALL_UPDATE else 0
        if self._slow == 2:
            yield Finding(
                number="W0315",
                message=f"no layer changes by more than {max(updates.values()):.1g} of its weights "
                "in a step",
                help="raise the learning rate: about 1e-3 is usual; `dlc lr-range` finds one",
            )

    def _drift(self, reading: Reading) -> Iterator[Finding]:
        # Nothing learns from what the last layer gives.
        followed = list(reading.layers.items())[:-1]
        moved = {name: layer.drift for name, layer in followed if layer.drift is not None}
        most = max(moved, key=lambda name: moved[name], default=None)
        if most is not None and moved[most] > _DRIFT:
            yield Finding(
                number="W0316",
                layer=most,
                message=f"what `{most}` gives moved by {moved[most]:.2g} deviations in one step",
                help="lower the learning rate, or put a norm layer behind it: the layers that "
                "follow learn for signals that are gone",
            )

    def _rank(self, reading: Reading) -> Iterator[Finding]:
        for name, rank in reading.ranks.items():
            first = self._first_ranks.setdefault(name, rank)
            if rank < _LOST_RANK * first:
                yield Finding(
                    number="W0317",
                    layer=name,
                    message=f"the effective rank of `{name}` fell from {first:.3g} to {rank:.3g}",
                    help="lower the learning rate or the weight decay, or add residual paths or "
                    "norm layers: what it gives has hardly more than one direction",
                )

    # ── state ────────────────────────────────────────────────────────────────

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain JSON."""
        return {
            "norms": self._norms,
            "ranks": self._first_ranks,
            "fast": {name: count for name, count in self._fast.items() if count},
            "slow": self._slow,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self._norms = [*state["norms"]]
        self._first_ranks = dict(state["ranks"])
        self._fast = dict(state["fast"])
        self._slow = state["slow"]


def is_new(finding: Finding, told: Sequence[str]) -> bool:
    """Whether nothing of its kind was said of the run yet: one layer stands for the rest."""
    return finding.number not in told
