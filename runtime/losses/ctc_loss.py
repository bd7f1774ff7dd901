"""How `ctc_loss` is measured: by the forward algorithm, for all samples at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlc.compiler.components.losses.ctc_loss import CtcLoss
from dlc.runtime.losses.base import MeanLoss
from dlc.runtime.metrics.base import Array, Types


class CtcLossMeasure(MeanLoss[CtcLoss]):
    def part(self, loss: CtcLoss, values: Mapping[str, Array], types: Types) -> tuple[float, float]:
        logs = values[loss.input].astype(np.float64)
        target = values[loss.target]
        frames = _lengths(loss.input_lengths, values, logs)
        labels = _lengths(loss.target_lengths, values, target)
        found = _negative_log_likelihood(logs, target, frames, labels, loss.blank)
        if loss.zero_infinity:
            found = np.where(np.isinf(found), 0.0, found)
        return float((found / np.maximum(labels, 1)).sum()), float(len(logs))


def _lengths(name: str | None, values: Mapping[str, Array], of: Array) -> Array:
    return np.full(len(of), of.shape[1]) if name is None else values[name]


def _negative_log_likelihood(
    logs: Array, target: Array, frames: Array, labels: Array, blank: int
) -> Array:
    """-log p(target) of each sample: `logs` [N, T, C], `target` [N, S]."""
    count, steps, _ = logs.shape
    length = 2 * target.shape[1] + 1
    # Blanks stand between and around the labels.
    path = np.full((count, length), blank)
    path[:, 1::2] = target
    rows = np.arange(count)
    # Past a blank between two unlike labels one may go straight.
    skips = np.zeros((count, length), bool)
    skips[:, 3::2] = target[:, 1:] != target[:, :-1]
    alpha = np.full((count, length), -np.inf)
    alpha[:, 0] = logs[:, 0, blank]
    if length > 1:
        alpha[:, 1] = np.where(labels > 0, logs[rows, 0, path[:, 1]], -np.inf)
    found = np.full(count, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for step in range(steps):
            if step:
                stay, one, two = alpha, _shifted(alpha, 1), _shifted(alpha, 2)
                two = np.where(skips, two, -np.inf)
                moved = np.logaddexp(np.logaddexp(stay, one), two)
                alpha = moved + logs[rows[:, None], step, path]
            last = 2 * labels
            before = np.where(labels > 0, alpha[rows, np.maximum(last - 1, 0)], -np.inf)
            end = np.logaddexp(alpha[rows, last], before)
            found = np.where(frames == step + 1, end, found)
    return -found


def _shifted(alpha: Array, by: int) -> Array:
    found = np.full_like(alpha, -np.inf)
    found[:, by:] = alpha[:, :-by]
    return found
