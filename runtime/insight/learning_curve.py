"""Training on more and more of the training part: whether more data would help.

Where the validation error still falls at the right end of the curve, more rows lower it; where it
lies flat near the training error, they do not, and a bigger network may. Each share is trained for
as many steps as the whole, since a run of fewer steps would be worse for that reason alone. The
shares are nested: a row of a smaller one is in every larger one. Source: Ng, "Machine Learning
Yearning" (2018), chapters 28 to 32.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dlc.compiler.components.intervals.steps import Steps
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.failures import failure
from dlc.runtime.inference.evaluator import Rows, run_subject
from dlc.runtime.inference.measures import Measures
from dlc.runtime.training import session
from dlc.runtime.training.assembly import Load
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.validation import measures_of

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
# Of the validation error at the right end, from the last two points.
_STILL_FALLING = 0.05
_NEAR = 0.1


@dataclass(frozen=True, kw_only=True)
class Point:
    """Training on so many rows: the figures on these rows and on the validation part."""

    rows: int
    training: dict[str, float]
    validation: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The points, fewest rows first, and what they say: `more_data`, `bigger_network`, `both`
    or `neither`."""

    points: tuple[Point, ...]
    verdict: str

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"points": [vars(point) for point in self.points], "verdict": self.verdict}


def learning_curve(
    plan: Plan,
    *,
    spec: tuple[str, str],
    load: Load,
    progress: Progress,
    shares: Sequence[float] = SHARES,
    device: str = "auto",
) -> Curve:
    """Trains once for each share of the training part, in a folder that is removed afterwards.
    Raises `Failure` E0309 where there is no validation part or too few rows, and what training
    raises."""
    data = session.prepare_for(plan)
    if not len(data.division.validation):
        raise failure(
            "E0309",
            "a learning curve needs a validation part",
            help="give it a share: `data.split: {train: 0.8, validation: 0.2}`",
        )
    rows = _shuffled(data.division.train, plan.settings.train.seed)
    counts = sorted({max(round(share * len(rows)), 1) for share in shares})
    batch = plan.data.batch_size
    least = 2 if batch == "all" else min(batch, len(rows))
    counts = [count for count in counts if count >= least] or [len(rows)]
    plan = _of_steps(plan, len(rows))
    points = []
    with tempfile.TemporaryDirectory(prefix="dlc-learning-curve-") as name:
        for count in counts:
            progress.say(f"training on {count:,} of {len(rows):,} rows")
            folder = Path(name) / str(count)
            some = np.sort(rows[:count])
            part = replace(data, division=replace(data.division, train=some))
            outcome = session.start(
                plan, folder, spec=spec, load=load, progress=progress, device=device, data=part
            )
            if outcome.exit_code:
                break
            points.append(_point(plan, folder, device, part))
    if not points:
        raise failure("E0309", "the curve was stopped before its first point")
    return Curve(points=tuple(points), verdict=_verdict(points))


def _shuffled(rows: Rows, seed: int) -> Rows:
    return rows[np.random.default_rng(seed).permutation(len(rows))]


def _of_steps(plan: Plan, rows: int) -> Plan:
    """The plan counted in steps of the whole training part, with as many validations."""
    train, batch = plan.settings.train, plan.data.batch_size
    size = rows if batch == "all" else min(batch, rows)
    steps = -(-rows // (size * train.accumulate))
    train = replace(
        train,
        epochs=None,
        steps=train.duration.in_steps(steps),
        validate_every=Steps(n=train.validate_every.in_steps(steps)),
        checkpoint=replace(train.checkpoint, every=Steps(n=train.checkpoint.every.in_steps(steps))),
        dropout=(),
    )
    return replace(plan, settings=replace(plan.settings, train=train))


def _point(plan: Plan, folder: Path, device: str, data: DataSet) -> Point:
    """The figures of a finished run, without dropout, on rows that trained it and others."""
    subject = run_subject(folder, device)

    def figures(places: Rows) -> dict[str, float]:
        measures: Measures = measures_of(plan, data.preprocessing.labels)
        for found, values in subject.chunks(data, places):
            measures.add(values, len(found))
        return {n: v for n, v in measures.results().items() if "." not in n}

    return Point(
        rows=len(data.division.train),
        training=figures(data.division.train),
        validation=figures(data.division.validation),
    )


def _verdict(points: Sequence[Point]) -> str:
    """What the right end of the curve says, by the loss."""
    last = points[-1]
    high, low = last.validation.get("loss", math.nan), last.training.get("loss", math.nan)
    if len(points) < 2 or not math.isfinite(high) or not math.isfinite(low):
        return "neither"
    before = points[-2].validation["loss"]
    falling = before - high > _STILL_FALLING * abs(before)
    apart = high - low > _NEAR * abs(high)
    if falling and apart:
        return "more_data"
    if falling:
        return "both"
    return "neither" if apart else "bigger_network"
