"""Dates parsed, their parts put on circles."""

from __future__ import annotations

import calendar
from datetime import datetime

import numpy as np

from dlc.compiler.components.preprocessing.cyclic import Cyclic
from dlc.runtime.data.steps.base import Array, BadSample, Statistics, Step


class CyclicStep(Step[Cyclic]):
    def apply(self, step: Cyclic, values: Array, statistics: Statistics) -> Array:
        known: dict[str, list[float]] = {}
        for index, text in enumerate(values.tolist()):
            if text not in known:
                known[text] = [_share(part, _parsed(text, index)) for part in step.parts]
        shares = np.array([known[text] for text in values.tolist()], dtype=np.float64)
        angles = 2 * np.pi * shares.reshape(len(values), len(step.parts))
        points = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
        found: Array = points.reshape(len(values), -1).astype(np.float32)
        return found


def _parsed(text: str, index: int) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise BadSample(
            index,
            f"`{shown}` is no date",
            "write dates as `2024-05-01` or `2024-05-01T13:05:00`",
        ) from None


def _share(part: str, at: datetime) -> float:
    """How far round its circle a part is."""
    match part:
        case "month":
            return (at.month - 1) / 12
        case "day":
            return (at.day - 1) / calendar.monthrange(at.year, at.month)[1]
        case "yearday":
            return (at.timetuple().tm_yday - 1) / (366 if calendar.isleap(at.year) else 365)
        case "weekday":
            return at.weekday() / 7
        case "hour":
            return at.hour / 24
        case "minute":
            return at.minute / 60
        case _:
            return at.second / 60
