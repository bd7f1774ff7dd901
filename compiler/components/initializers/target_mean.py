"""The initializer `target_mean`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._targets import FromTargets
from dlc.compiler.record import component


@component
class TargetMean(FromTargets):
    """Starts the bias of a regression output at the mean of its target.

        layers: [{linear: {out_features: 1, bias_init: target_mean}, output: price}]

    b = mean(t) over the training part, for each unit of the output its own; missing values are
    left out. The mean is the constant that the squared error likes best, so that training
    begins with what the inputs say about the target, and not with hundreds of steps that only
    move the bias to a price of 200,000. For `l1_loss`, `huber_loss` and `smooth_l1_loss` it is
    close to the best constant, which is nearer to the median.

    The target is the one that a loss compares the output with. `dlc train` sets the bias before
    the first step; the generated module alone starts at 0, since it has no data.

    Source: Karpathy, "A recipe for training neural networks" (2019).
    """

    name: ClassVar[str] = "target_mean"
    rank_help: ClassVar[str] = "it is for the bias of an output: `bias_init=target_mean`"
    remark: ClassVar[str] = "`dlc train` starts it at the mean of the target"
    losses: ClassVar[tuple[str, ...]] = ("mse_loss", "smooth_l1_loss", "huber_loss", "l1_loss")
