"""The optimizer `newton`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Gt, Positive, PositiveFloat
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.record import component


@component
class Newton(Optimizer):
    """Newton's method with all second derivatives, damped, for small models.

        data: {batch_size: all}
        optimizer: newton
        train: {steps: 20}

    Solves (H + damping I) d = g, with the gradient g and the Hessian H of all parameters
    together, and steps by -lr d. A step that makes the loss greater, or a matrix that is not
    positive definite, multiplies the damping by `factor` and is tried again; a step that is
    taken divides it, down to 1e-6, so that directions without curvature stand still. Time
    grows with the cube of the number of parameters, memory with its square. It is for the
    full batch, without dropout.

    Arguments:
        lr: the share of the step that is taken
        damping: what is first added to the diagonal
        factor: what damping is multiplied and divided by
        tries: how often more damping is tried in one step
        max_parameters: more parameters than these are refused

    Source: Marquardt, "An algorithm for least-squares estimation of nonlinear parameters"
    (1963), for the damping.
    """

    name: ClassVar[str] = "newton"
    torch_class: ClassVar[str] = ""
    usual_lr: ClassVar[tuple[float, float]] = (1e-2, 1.0)
    closure: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True

    lr: PositiveFloat = 1.0
    damping: PositiveFloat = 1e-3
    factor: Annotated[float, Gt(1)] = 10.0
    tries: Positive = 20
    max_parameters: Positive = 2000

    def torch(self) -> tuple[str, dict[str, object]]:
        given: dict[str, object] = {
            "lr": self.lr,
            "damping": self.damping,
            "factor": self.factor,
            "tries": self.tries,
        }
        return "Newton", given
