"""How large the inputs of a network are, as far as its spec and the profile of its data tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from dlc.compiler.analysis.data_profile import DataProfile, Spread
from dlc.compiler.analysis.signal import Moments
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.graph import Program
from dlc.compiler.record import record

# What gives numbers of mean 0 and variance 1, whatever comes in.
_UNIT = frozenset({"standardize", "whiten", "zca"})
# Between these two ends, about evenly.
_SHARES = {"min_max": (0.0, 1.0), "max_abs": (-1.0, 1.0)}
# What leaves the size of numbers as it is, roughly.
_HARMLESS = frozenset({"impute", "resize", "crop", "center_crop", "pad", "grayscale", "clip"})


@record
class InputMoments:
    """An input with its moments, and how they are known: `standardized`, `profile` of the data,
    the `range` that a step brings it to, a guess, or `assumed` of mean 0 and variance 1."""

    name: str
    moments: Moments
    known_by: str


def input_moments(
    program: Program, settings: Settings, profile: DataProfile | None = None
) -> tuple[InputMoments, ...]:
    """The float inputs of a network, in their order."""
    graph = program.graph
    return tuple(
        _moments(name, settings.preprocess.get(name, ()), profile)
        for name in graph.inputs
        if graph.values[name].dtype.is_float
    )


def _moments(name: str, steps: Sequence[Any], profile: DataProfile | None) -> InputMoments:
    left = [step for step in steps if step.name not in _HARMLESS]
    last = left[-1] if left else None
    spreads = [
        column.spread
        for column in (profile.of(name) if profile is not None else ())
        if column.spread is not None
    ]
    if last is None:
        if spreads:
            return InputMoments(name, _joined(spreads), "profile")
    elif last.name in _UNIT or last.name == "normalize":
        return InputMoments(name, Moments(0.0, 1.0), "standardized")
    elif last.name in _SHARES:
        if spreads and len(left) == 1:
            return InputMoments(name, _joined(_scaled(last, spreads)), "profile")
        low, high = _SHARES[last.name]
        low, high = float(getattr(last, "low", low)), float(getattr(last, "high", high))
        # As if all between the ends were equally likely.
        mean = (low + high) / 2
        square = mean * mean + (high - low) ** 2 / 12
        return InputMoments(name, Moments(mean, square, exact=False), "range")
    elif last.name == "scale" and spreads and len(left) == 1:
        factor = float(last.factor)
        scaled = [Spread(*(factor * n for n in (s.mean, s.std, s.low, s.high))) for s in spreads]
        return InputMoments(name, _joined(scaled), "profile")
    return InputMoments(name, Moments(0.0, 1.0), "assumed")


def _scaled(step: Any, spreads: Iterable[Spread]) -> list[Spread]:
    """Columns as `min_max` or `max_abs` leave them; the ends are those of all rows."""
    found = []
    for spread in spreads:
        if step.name == "max_abs":
            shift, divisor, low = 0.0, max(abs(spread.low), abs(spread.high)), 0.0
            factor = 1.0
        else:
            shift, divisor = spread.low, spread.high - spread.low
            low, factor = float(step.low), float(step.high) - float(step.low)
        share = factor / divisor if divisor else 0.0
        found.append(
            Spread(
                low + (spread.mean - shift) * share,
                spread.std * abs(share),
                low + (spread.low - shift) * share,
                low + (spread.high - shift) * share,
            )
        )
    return found


def _joined(spreads: Sequence[Spread]) -> Moments:
    """The numbers of several columns as one."""
    count = len(spreads)
    return Moments(
        math.fsum(spread.mean for spread in spreads) / count,
        math.fsum(spread.square for spread in spreads) / count,
    )
