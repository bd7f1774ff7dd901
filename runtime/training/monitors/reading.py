"""What one sample of the monitors says, in plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LayerReading:
    """One layer with parameters. What could not be taken is None.

    `gradient` is the root mean square of the loss's derivative by the weights, `weight` that of
    the weights, `update` the norm of what the step changed over the norm of the weights; `mean`
    and `std` are of what the layer gives, over units and samples, and `drift` is by how many of
    those deviations the mean of a unit moved in the step (the median over units).
    """

    weight: float | None = None
    gradient: float | None = None
    update: float | None = None
    mean: float | None = None
    std: float | None = None
    drift: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """After `step` steps. `gradient_norm` is that of all parameters on the probed samples;
    `flat` the share of each activation that is dead or saturated, by its name, `kinds` what
    kind of activation it is; `ranks` are effective ranks, where they were taken. Layers are in
    the order in which they are applied."""

    step: int
    gradient_norm: float | None = None
    layers: Mapping[str, LayerReading] = field(default_factory=dict)
    flat: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    ranks: Mapping[str, float] = field(default_factory=dict)

    def record(self, most: int) -> dict[str, Any]:
        """As a line of `monitors.jsonl`, of at most so many layers, spread evenly."""
        layers = _spread(self.layers, most)
        return {
            "step": self.step,
            "gradient_norm": self.gradient_norm,
            "layers": {
                name: {k: _short(v) for k, v in vars(layer).items() if v is not None}
                for name, layer in layers.items()
            },
            "flat": {name: _short(share) for name, share in _spread(self.flat, most).items()},
            **({"ranks": dict(_spread(self.ranks, most))} if self.ranks else {}),
        }


def _spread(named: Mapping[str, Any], most: int) -> dict[str, Any]:
    if len(named) <= most:
        return dict(named)
    names = [*named]
    kept = {names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)}
    return {name: value for name, value in named.items() if name in kept}


def _short(value: float) -> float:
    """Four digits: the rest is noise, and a run has many of these."""
    return float(f"{value:.4g}")
