"""One dim cut into equal parts: halves that gate each other, groups that compete."""

from __future__ import annotations

from dlc.compiler.ir.dims import Answer, Dim, compare
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._checks import axis, how_to_state
from dlc.compiler.ops.base import OpError


def divided(op: str, x: TensorType, dim: int, by: int, *, blame: str, help: str) -> tuple[int, Dim]:
    """A dim counted from the front, and its size divided by `by`.

    Raises E0302 where there is no such dim, E0404 where `by` does not divide its size, and
    E0407 where it may or may not.
    """
    place = axis(op, x, dim)
    size = x.shape[place]
    part = size // by
    message = f"`{op}` cuts dim {dim} of {x} into parts, and {by} does not divide {size}"
    match compare(size, part * by):
        case Answer.DIFFERENT:
            raise OpError("E0404", message, blame=blame, help=help)
        case Answer.UNKNOWN:
            raise OpError(
                "E0407",
                f"`{op}` cuts dim {dim} of {x} into parts, and {by} may not divide {size}",
                blame=blame,
                help=how_to_state(size, part * by),
            )
        case Answer.EQUAL:
            pass
    return place, part
