"""The optimizer `muon`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Le, NonNegative, PositiveFloat, Probability
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.optimizers.adamw import Adamw
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.record import component


@component
class Muon(Optimizer):
    """Muon for the matrices of hidden layers, AdamW for all other parameters.

        optimizer: muon(lr=0.02, others=adamw(lr=3e-4, no_decay=[bias, norm]))

    The momentum of a matrix is made orthogonal, by Newton-Schulz iterations, before it is the
    step: all directions move alike. That is meant for matrices between hidden layers.
    Embeddings, the layer that makes an output, kernels of convolutions, biases and norms are
    stepped by `others`; a schedule moves both learning rates by the same factor.

    Arguments:
        lr: the learning rate of the matrices
        weight_decay: the share of the matrices taken away each step, times the learning rate
        momentum: how much of the running mean of the gradient is kept each step
        nesterov: look ahead by the momentum
        ns_coefficients: the coefficients of the Newton-Schulz iteration
        eps: what keeps the divisor from 0
        ns_steps: how many iterations
        adjust_lr_fn: how the rate follows the shape; `match_rms_adamw` lets `lr` and
            `weight_decay` be those of `adamw`, `null` is `original`
        others: the optimizer of all other parameters, an `adamw`

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024).
    """

    name: ClassVar[str] = "muon"
    torch_class: ClassVar[str] = "Muon"
    usual_lr: ClassVar[tuple[float, float]] = (1e-6, 1.0)

    weight_decay: NonNegative = 0.1
    momentum: Probability = 0.95
    nesterov: bool = True
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315)
    eps: PositiveFloat = 1e-7
    ns_steps: Annotated[int, Ge(1), Le(99)] = 5
    adjust_lr_fn: Literal["original", "match_rms_adamw", "spectral_unclamped"] | None = None
    others: Optimizer = keyword(Adamw())

    def _ours(self) -> tuple[str, ...]:
        return ("others",)

    def validate(self) -> None:
        if not isinstance(self.others, Adamw):
            raise ComponentError(
                "E0311",
                f"`muon` goes together with `adamw`, not with `{self.others.name}`",
                blame="others",
                help="write `others=adamw(lr=3e-4)`",
            )
