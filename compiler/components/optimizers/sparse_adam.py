"""The optimizer `sparse_adam`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat, Probability
from dlc.compiler.components.optimizers._groups import GroupedOptimizer
from dlc.compiler.record import component


@component
class SparseAdam(GroupedOptimizer):
    """Adam for embeddings with `sparse=true`: only the rows of a batch move.

        optimizer: sparse_adam(lr=1e-3)

    The running means of a row stand still while it is not looked up. All parameters must have
    sparse gradients; for a network that has other layers too, use `sgd` or `adagrad`, which
    take both.

    Arguments:
        lr: the learning rate
        betas: how much of the running means of gradient and square is kept each step
        eps: what keeps the divisor from 0
        groups: parameters with settings of their own; of groups that match, the first counts

    Source: torch.optim.SparseAdam.
    """

    name: ClassVar[str] = "sparse_adam"
    torch_class: ClassVar[str] = "SparseAdam"
    usual_lr: ClassVar[tuple[float, float]] = (1e-7, 0.1)
    gradients: ClassVar[frozenset[str]] = frozenset({"sparse"})

    betas: tuple[Probability, Probability] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
