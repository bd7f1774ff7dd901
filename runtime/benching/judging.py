"""What is made of the measurements: speeds beside equality, and the winner."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlc.runtime.benching.contenders import Contender, Outputs
from dlc.runtime.benching.feeds import ROWS
from dlc.runtime.benching.measuring import Measured, speed
from dlc.runtime.export.parity import FLOAT32_CPU
from dlc.runtime.inference.session import Array

GOALS = ("both", "latency", "throughput")
#: What is not faster by so much may be noise, and is not worth another setting; where other
#: processes disturbed most of the rounds, more of it may be.
MARGIN, NOISY_MARGIN = 1.05, 1.25
#: Below this share of quiet rounds the measurement was disturbed.
QUIET = 0.5


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far outputs are from those of the first contender: the largest difference of a
    number, the share of rows with the same answer, and whether each number is as near as an
    exported file has to be."""

    largest: float
    same: float
    close: bool

    def record(self) -> dict[str, Any]:
        return {"largest_difference": self.largest, "same": self.same, "close": self.close}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender at one size of batch: seconds, rows a second, and how many times as fast
    as the first contender."""

    contender: int
    size: int
    p50: float
    p99: float
    rows_per_second: float
    speed: float
    rounds: int
    quiet: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The place of the contender whose settings are to be used, and why in a sentence."""

    contender: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Judged:
    """All of it. `metrics` are by the name of a file or of PyTorch."""

    contenders: Sequence[Contender]
    absent: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    parities: Sequence[Parity]
    quiet_share: float
    left_out: Sequence[int]
    verdict: Verdict | None
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(row.size for row in self.rows))


def rows_of(contenders: Sequence[Contender], measured: Measured) -> list[Row]:
    """The rows of the table, batch by batch."""
    found = []
    for size in measured.sizes:
        yardstick = measured.timings[0, size]
        for index in range(len(contenders)):
            timing = measured.timings[index, size]
            found.append(
                Row(
                    contender=index,
                    size=size,
                    p50=timing.p50,
                    p99=timing.p99,
                    rows_per_second=size / timing.p50,
                    speed=speed(timing, yardstick),
                    rounds=len(timing.rounds),
                    quiet=timing.quiet,
                )
            )
    return found


def parities(contenders: Sequence[Contender], rows: int = ROWS) -> list[Parity]:
    """Every contender against the first."""
    reference = contenders[0].check(rows)
    return [parity(reference, contender.check(rows)) for contender in contenders]


def parity(reference: Outputs, outputs: Outputs) -> Parity:
    """The outputs that both have, compared. A row's answer is its label where both give labels,
    else the greatest of its numbers."""
    common = [name for name in reference if name in outputs]
    numbers = [name for name in common if reference[name].dtype.kind == "f"]
    largest, close = 0.0, True
    for name in numbers:
        a, b = reference[name].astype(np.float64), outputs[name].astype(np.float64)
        with np.errstate(invalid="ignore"):
            difference = np.abs(a - b)
        # Where both are infinite or no number they agree.
        difference[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
        largest = max(largest, float(np.max(difference, initial=0.0)))
        near = (difference == 0.0) | (difference <= FLOAT32_CPU.allowed(a))
        close = close and bool(np.all(near))
    labels = [name for name in common if reference[name].dtype.kind in "OUSib"]
    answers = [name for name in numbers if reference[name].ndim == 2 and not labels]
    shares = [float(np.mean(_rows(reference[name] == outputs[name]))) for name in labels]
    shares += [
        float(np.mean(reference[name].argmax(1) == outputs[name].argmax(1)))
        for name in answers
        if reference[name].shape[1] > 1
    ]
    return Parity(largest=largest, same=min(shares, default=1.0), close=close)


def verdict(
    contenders: Sequence[Contender],
    measured: Measured,
    agreeing: Sequence[Parity],
    goal: str = "both",
) -> Verdict | None:
    """Which settings the first model file is run with: those of the contender that is fastest
    among its sessions with the same answers, by the smallest batch for `latency`, by the
    largest for `throughput`, by the geometric mean over all batches for `both`. None where no
    file takes part."""
    mine = [index for index, one in enumerate(contenders) if one.settings is not None]
    mine = [index for index in mine if contenders[index].file == contenders[mine[0]].file]
    if not mine:
        return None
    usual = mine[0]
    sizes = measured.sizes
    sizes = {"latency": sizes[:1], "throughput": sizes[-1:]}.get(goal, sizes)
    where = {
        "latency": f"batches of {sizes[0]}",
        "throughput": f"batches of {sizes[-1]}",
    }.get(goal, "all batches together")
    scores = {
        index: math.exp(
            sum(
                math.log(speed(measured.timings[index, size], measured.timings[usual, size]))
                for size in sizes
            )
            / len(sizes)
        )
        for index in mine
        if index == usual or (agreeing[index].same == 1.0 and agreeing[index].close)
    }
    best = max(scores, key=lambda index: scores[index])
    noisy = measured.quiet_share < QUIET
    margin = NOISY_MARGIN if noisy else MARGIN
    if scores[best] < margin:
        why = f"no other setting is more than {margin - 1:.0%} faster".replace("%", " %")
        if noisy:
            why += ", and less tells nothing beside other processes"
        return Verdict(contender=usual, why=why)
    return Verdict(
        contender=best,
        why=f"{scores[best]:.2f} times as fast as {contenders[usual].title}, over {where}",
    )


def _rows(equal: Array) -> Array:
    """Whether all of a row is equal."""
    found: Array = np.all(np.asarray(equal).reshape(len(equal), -1), axis=1)
    return found
