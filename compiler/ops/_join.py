"""What joining tensors asks of them."""

from __future__ import annotations

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops.base import OpError


def joined(op: str, inputs: Inputs, call: str) -> tuple[TensorType, ...]:
    """The tensors: two or more, of one element type and equally many dims. `call` is how a
    spec joins them."""
    values = inputs.many("x")
    if len(values) < 2:
        raise OpError(
            "E0410",
            f"`{op}` joins two values or more, got {len(values)}",
            blame="x",
            help=f"write `[a, b] -> {call}`",
        )
    first = values[0]
    for other in values[1:]:
        if other.dtype is not first.dtype:
            raise OpError(
                "E0406", f"`{op}` needs one element type, got {first} and {other}", blame="x"
            )
        if other.rank != first.rank:
            raise OpError(
                "E0401",
                f"`{op}` needs equally many dims, got {first} and {other}",
                blame="x",
                help="bring one of them to the other's dims with `reshape` or `flatten`",
            )
    return values
