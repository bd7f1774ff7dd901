"""What the inverses of the max pools share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Answer, Dim, product
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops._checks import at_least, require_equal, require_float, require_rank
from dlc.compiler.ops._conv import layout, rank_help, spread
from dlc.compiler.ops._conv_transpose import require_side
from dlc.compiler.ops.base import Op, OpError, Port
from dlc.compiler.record import component


@component
class MaxUnpool(Op):
    """The inverse of a max pool.

    Arguments:
        kernel_size: the side of the pool's window; one number, or one for each spatial dim
        stride: the step of the pool's window; the window's side where not given
        padding: what the pool added at both ends of each spatial dim
        output_size: the sides of the result, where several sizes pool to the same one: they
            differ from the formula's by less than the stride
    """

    rank: ClassVar[int]
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        Port("indices", "where each number goes, the second result of the max pool"),
    )

    kernel_size: Positive | tuple[Positive, ...]
    stride: Positive | tuple[Positive, ...] | None = None
    padding: Natural | tuple[Natural, ...] = 0
    output_size: Positive | tuple[Positive, ...] | None = keyword(None)

    @property
    def kernel(self) -> tuple[int, ...]:
        return spread(self.kernel_size, self.rank)

    @property
    def strides(self) -> tuple[int, ...]:
        return self.kernel if self.stride is None else spread(self.stride, self.rank)

    def infer(self, inputs: Inputs) -> TensorType:
        x, indices = inputs.x, inputs["indices"]
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            self.rank + 2,
            layout=layout(self.rank),
            help=rank_help(x, self.rank, "max_unpool"),
        )
        if indices.dtype is not DType.INT64:
            raise OpError(
                "E0406",
                f"`indices` of `{self.name}` takes int, got {indices}",
                blame="indices",
                help=f"`y, places = max_pool{self.rank}d(..., return_indices=true)` gives them",
            )
        what = f"`{self.name}` needs an index for each number, got {x} and {indices}"
        if x.rank != indices.rank:
            raise OpError("E0401", what, blame="indices")
        for a, b in zip(x.shape, indices.shape, strict=True):
            require_equal(self.name, a, b, what, blame="indices")
        return x.with_shape(*x.shape[:2], *self._sides(x))

    def _sides(self, x: TensorType) -> tuple[Dim, ...]:
        usual: list[Dim] = []
        for size, window, step, padding in zip(
            x.shape[2:], self.kernel, self.strides, spread(self.padding, self.rank), strict=True
        ):
            usual.append((size - 1) * step + window - 2 * padding)
        if self.output_size is None:
            for side, padding in zip(usual, spread(self.padding, self.rank), strict=True):
                require_side(self.name, x, side, padding)
            return tuple(usual)
        wanted = spread(self.output_size, self.rank)
        for given, side, step in zip(wanted, usual, self.strides, strict=True):
            answers = {at_least(given - side, 1 - step), at_least(side - given, 1 - step)}
            if answers == {Answer.EQUAL}:
                continue
            refused = Answer.DIFFERENT in answers
            raise OpError(
                "E0302" if refused else "E0407",
                f"`output_size` of `{self.name}` differs from `{side}` by less than the stride"
                f" of {step}, got {given}" + ("" if refused else ", which may differ by more"),
                blame="output_size",
                help="it is the size of what went into the pool"
                if refused
                else "give the input a fixed size, or leave out `output_size`",
            )
        return wanted

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("indices",)

    def torch(self, t: TorchWriter) -> str:
        arguments = [t["x"], t["indices"], t.literal(self.kernel_size)]
        if self.strides != self.kernel:
            arguments.append(f"stride={t.literal(self.stride)}")
        if any(spread(self.padding, self.rank)):
            arguments.append(f"padding={t.literal(self.padding)}")
        if self.output_size is not None:
            arguments.append(f"output_size={t.literal(spread(self.output_size, self.rank))}")
        return f"F.max_unpool{self.rank}d({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> str:
        # Not by ONNX's MaxUnpool, which onnxruntime has for the CPU alone, and which counts
        # through the whole batch.
        batch, channels, *sides = b.results[0].shape
        empty = b.shape([batch, channels, product(sides)])
        places = b.constant([0, 0, -1], DType.INT64)
        y = b.node(
            "ScatterElements",
            b.node("Expand", b.scalar(0.0, b.inputs.x.dtype), empty),
            b.node("Reshape", b["indices"], places),
            b.node("Reshape", b["x"], places),
            axis=2,
        )
        return b.node("Reshape", y, b.shape(b.results[0].shape))
