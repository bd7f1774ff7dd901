"""`masked_mean`: the mean over the places of a sequence that are no padding."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, bool_tensor, float_tensor
from dlc.compiler.ops._checks import (
    require_bool,
    require_equal,
    require_float,
    require_least_rank,
    require_rank,
)
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component

_HELPER = '''\
def masked_mean(x: Tensor, padding_mask: Tensor) -> Tensor:
    """The mean over dim 1 without the places where the mask is true; 0 where it is everywhere."""
    padding = padding_mask.reshape(padding_mask.shape + (1,) * (x.dim() - 2))
    count = (~padding).sum(dim=1).clamp(min=1)
    return x.masked_fill(padding, 0.0).sum(dim=1) / count
'''


@component
class MaskedMean(Op):
    """The mean over the places of a sequence that are no padding.

        mask = tokens -> eq(0)
        text = x -> masked_mean(padding_mask=mask)       # [N, T, 256], bool[N, T] -> [N, 256]

    `padding_mask` is **true where there is padding**, as `key_padding_mask` of attention is.
    What stands there counts for nothing, be it NaN. A sequence that is padding throughout
    gives 0.
    """

    name: ClassVar[str] = "masked_mean"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x", "the sequences, [N, T, ...]"),
        Port("padding_mask", "bool[N, T], true where there is padding"),
    )

    def infer(self, inputs: Inputs) -> TensorType:
        x, mask = inputs.x, inputs["padding_mask"]
        require_float(self.name, x)
        require_least_rank(self.name, x, 2, "[N, T, ...]")
        require_bool(self.name, mask, "padding_mask")
        require_rank(self.name, mask, 2, layout="a mask of [N, T]", port="padding_mask")
        for size, other in zip(x.shape, mask.shape, strict=False):
            require_equal(
                self.name,
                size,
                other,
                f"`masked_mean` needs a flag for each place, got {x.shape_text} and the mask"
                f" {mask.shape_text}",
                blame="padding_mask",
            )
        return x.with_shape(x.shape[0], *x.shape[2:])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("padding_mask",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # How many places of each sequence count.
        return inputs.x.shape[0] * INT.bytes

    def torch(self, t: TorchWriter) -> str:
        return f"{t.helper('masked_mean', _HELPER)}({t['x']}, {t['padding_mask']})"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        padding = b["padding_mask"]
        if x.rank > 2:
            padding = b.node("Unsqueeze", padding, b.constant(range(2, x.rank), INT))
        along = b.constant([1], INT)
        total = b.node(
            "ReduceSum", b.node("Where", padding, b.scalar(0.0, x.dtype), b["x"]), along, keepdims=0
        )
        taken = b.node("Cast", b.node("Not", padding), to=x.dtype.onnx)
        count = b.node("ReduceSum", taken, along, keepdims=0)
        return b.node("Div", total, b.node("Max", count, b.scalar(1.0, x.dtype)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        mask = bool_tensor(n, t)
        return (
            Example(cls(), {"x": float_tensor(n, t, 4), "padding_mask": mask}),
            Example(cls(), {"x": float_tensor(n, t), "padding_mask": mask}),
            Example(cls(), {"x": float_tensor(n, t, 2, 3), "padding_mask": mask}),
            Example(cls(), {"x": float_tensor(n, 5, 4), "padding_mask": bool_tensor(n, 5)}),
        )
