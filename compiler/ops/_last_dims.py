"""What layer norm and rms norm share: they normalize over the last dims."""

from __future__ import annotations

from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._checks import known, require_float, require_least_rank
from dlc.compiler.ops.base import InitializedOp, OpError


def last_sizes(op: str, x: TensorType, dims: int) -> tuple[int, ...]:
    """The sizes of the last `dims` dims. Raises `OpError` E0403 where one is not known."""
    help = "give the last dim a number, or a param of the block (`float[N, T, dim]`)"
    return tuple(known(op, x, place - dims, "last size", help) for place in range(dims))


def check_last_dims(op: str, x: TensorType, dims: int) -> None:
    """Raises `OpError` where x cannot be normalized over its last `dims` dims."""
    require_float(op, x)
    what = "last size" if dims == 1 else f"{dims} last sizes"
    require_least_rank(op, x, dims + 1, f"[N, ..., {what}]")
    last_sizes(op, x, dims)


def refuse_idle_init(op: InitializedOp, affine: bool) -> None:
    """Raises `OpError` E0311 where `init` is given and nothing is learned."""
    if op.init is not None and not affine:
        raise OpError(
            "E0311",
            f"`{op.name}` has no weight here, yet `init` is given",
            blame="init",
            help="leave out `init`, or write `elementwise_affine=true`",
        )
