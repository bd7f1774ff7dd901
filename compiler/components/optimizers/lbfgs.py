"""The optimizer `lbfgs`."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import NonNegative, Positive, PositiveFloat
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.record import component


@component
class Lbfgs(Optimizer):
    """L-BFGS: steps as Newton's, with the curvature learned from the last gradients.

        data: {batch_size: all}
        optimizer: lbfgs(line_search_fn=strong_wolfe)
        train: {steps: 20}

    One step here is up to `max_iter` iterations, each of which evaluates the loss anew, on the
    same samples: it is for the full batch, without dropout. With `line_search_fn` no learning
    rate needs tuning. The state is the last `history_size` steps and gradients.

    Arguments:
        lr: the learning rate
        max_iter: iterations in a step
        max_eval: evaluations of the loss in a step; 5/4 of `max_iter` where it is not given
        tolerance_grad: the greatest gradient at which it stops
        tolerance_change: the change of loss or weights at which it stops
        history_size: how many steps and gradients the curvature is made of
        line_search_fn: how far to go in the direction found; `null` goes by `lr` alone

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization"
    (1989).
    """

    name: ClassVar[str] = "lbfgs"
    torch_class: ClassVar[str] = "LBFGS"
    usual_lr: ClassVar[tuple[float, float]] = (1e-3, 2.0)
    closure: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True

    lr: PositiveFloat = 1.0
    max_iter: Positive = 20
    max_eval: Positive | None = None
    tolerance_grad: NonNegative = 1e-7
    tolerance_change: NonNegative = 1e-9
    history_size: Positive = 100
    line_search_fn: Literal["strong_wolfe"] | None = None
