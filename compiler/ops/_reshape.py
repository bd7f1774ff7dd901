"""Reshaping in ONNX with sizes that are not known."""

from __future__ import annotations

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import DType, Shape


def onnx_reshape(b: OnnxBuilder, value: str, old: Shape, new: Shape) -> str:
    """`value` of the shape `old` in the shape `new`, without computing sizes where ONNX can
    copy or infer them: 0 copies the size at the same place, -1 is what is left."""
    sizes: list[int] = []
    for place, dim in enumerate(new):
        if isinstance(dim, int):
            sizes.append(dim)
        elif place < len(old) and old[place] == dim:
            sizes.append(0)
        else:
            sizes.append(-1)
    if sizes.count(-1) <= 1:
        return b.node("Reshape", value, b.constant(sizes, DType.INT64))
    computed: tuple[Dim, ...] = new
    return b.node("Reshape", value, b.shape(computed))
