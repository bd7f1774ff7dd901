"""Accuracy."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.metrics._averaged import Average, AveragedMetric
from dlc.compiler.record import component


@component
class Accuracy(AveragedMetric):
    """The share of right answers.

        metrics: accuracy(logits, label)

    The answer is the class of the greatest score, the classes being where `cross_entropy`
    sees them. Where both sides have one shape, each number is a yes-or-no answer of its own:
    yes where the score is above `threshold`.

    Arguments:
        average: `micro` is the share of all answers, `macro` the mean over classes of the
            share of each that was found, `weighted` that by how often each is true; `none`
            gives a figure for each class, under its name
    """

    name: ClassVar[str] = "accuracy"

    average: Average = "micro"
