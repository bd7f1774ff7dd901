"""What the steps over classes share."""

from __future__ import annotations

from dlc.compiler.components.base import ComponentError
from dlc.compiler.ir.types import TensorType


def float_scores(what: str, x: TensorType) -> None:
    """The output holds float scores. Raises `ComponentError`."""
    if not x.dtype.is_float:
        raise ComponentError(
            "E0406",
            f"`{what}` takes float scores, got {x}",
            help="put it after the output of the last linear layer",
        )


def class_axis(what: str, x: TensorType, dim: int) -> int:
    """The dim of the classes, counted from the first. Raises `ComponentError`."""
    if x.rank < 2:
        raise ComponentError(
            "E0401",
            f"`{what}` needs a score for each class, got {x}",
            help="for yes or no use `sigmoid`",
        )
    if not -x.rank < dim < x.rank or dim == 0:
        raise ComponentError(
            "E0401",
            f"`{what}` has classes in dim {dim}, and the output is {x}",
            blame="dim",
            help=f"give a dim from 1 to {x.rank - 1}, or -1 for the last",
        )
    axis = dim % x.rank
    if x.shape[axis] == 1:
        raise ComponentError(
            "E0402",
            f"`{what}` has a single class to choose from in {x}",
            help="for yes or no use `sigmoid`",
        )
    return axis
