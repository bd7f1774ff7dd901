"""What the transposed convolutions share, whatever their number of spatial dims."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Answer, Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, Shape, TensorType
from dlc.compiler.ops._checks import at_least, range_help
from dlc.compiler.ops._conv import Convolution, spread
from dlc.compiler.ops.base import OpError
from dlc.compiler.record import component


@component
class ConvTranspose(Convolution):
    """A transposed convolution.

    Arguments:
        stride: how far apart the places of the input are laid in the result
        padding: what is cut off at both ends of each spatial dim of the result
        output_padding: what is added to the end of each spatial dim of the result; less than
            the stride, or than the dilation. It chooses among the sizes that a convolution
            with this stride brings to one
    """

    family: ClassVar[str] = "conv_transpose"
    spectral_dim: ClassVar[int] = 1
    exemptions: ClassVar[dict[str, str]] = {
        "onnx.reference:groups": "its groups take the weights of other groups"
    }

    padding: Natural | tuple[Natural, ...] = 0
    output_padding: Natural | tuple[Natural, ...] = 0
    groups: Positive = 1
    bias: bool = True
    dilation: Positive | tuple[Positive, ...] = 1

    @property
    def pads(self) -> tuple[int, ...]:
        return spread(self.padding, self.rank)

    @property
    def extras(self) -> tuple[int, ...]:
        return spread(self.output_padding, self.rank)

    def validate(self) -> None:
        super().validate()
        for extra, step, gap in zip(self.extras, self.strides, self.dilations, strict=True):
            if extra >= max(step, gap):
                raise OpError(
                    "E0302",
                    f"`output_padding` of `{self.name}` is less than `stride` or `dilation`,"
                    f" expected 0 to {max(step, gap) - 1}, got {extra}",
                    blame="output_padding",
                    help="a larger size is made by a larger `kernel_size` or less `padding`",
                )

    def _sides(self, x: TensorType) -> Shape:
        sides: list[Dim] = []
        for size, window, step, padding, extra in zip(
            x.shape[2:], self.window, self.strides, self.pads, self.extras, strict=True
        ):
            side = (size - 1) * step + window + extra - 2 * padding
            require_side(self.name, x, side, padding)
            sides.append(side)
        return tuple(sides)

    def _weight_shape(self, x: TensorType) -> tuple[int, ...]:
        return (self._in_channels(x), self.out_channels // self.groups, *self.kernel)

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Each number of the input is multiplied with a whole filter, cut off or not.
        return inputs.x.elements * math.prod(self._weight_shape(inputs.x)[1:])

    def gain(self, inputs: Inputs) -> float | None:
        """Away from the borders, and over all places of a stride: those between the places
        of the input may get fewer terms."""
        square = self._mean_square(inputs.x)
        terms = self._in_channels(inputs.x) // self.groups * math.prod(self.kernel)
        return None if square is None else terms / math.prod(self.strides) * square

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {
            name: getattr(self, name)
            for name, default in (
                ("stride", 1),
                ("padding", 0),
                ("output_padding", 0),
                ("groups", 1),
                ("bias", True),
                ("dilation", 1),
            )
            if getattr(self, name) != default
        }
        layer = t.module(
            f"nn.ConvTranspose{self.rank}d",
            self._in_channels(t.inputs.x),
            self.out_channels,
            self.kernel_size,
            **options,
        )
        return f"{self.normed(t, layer)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        x, extras = b["x"], list(self.extras)
        spare = [0] * self.rank
        if any(e >= s for e, s in zip(extras, self.strides, strict=True)):
            # onnxruntime wants less than the stride, whatever the dilation: zeros behind
            # the input make room for it, and what they make too much is cut off.
            more = [-(-e // s) for e, s in zip(extras, self.strides, strict=True)]
            spare = [m * s - e for m, s, e in zip(more, self.strides, extras, strict=True)]
            pads = [*[0] * (self.rank + 4), *more]
            x = b.node("Pad", x, b.constant(pads, DType.INT64))
            extras = [0] * self.rank
        y = b.node(
            "ConvTranspose",
            x,
            b.weight("weight"),
            b.weight("bias") if self.bias else None,
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=[*self.pads, *self.pads],
            output_padding=extras,
            dilations=self.dilations,
            group=self.groups,
        )
        if not any(spare):
            return y
        ends = [(place + 2, -cut) for place, cut in enumerate(spare) if cut]
        return b.node(
            "Slice",
            y,
            b.constant([0] * len(ends), DType.INT64),
            b.constant([end for _, end in ends], DType.INT64),
            b.constant([axis for axis, _ in ends], DType.INT64),
        )


def require_side(op: str, x: TensorType, side: Dim, padding: int) -> None:
    """Raises E0302 where cutting off `padding` leaves no place, E0407 where it may leave none."""
    match at_least(side, 1):
        case Answer.DIFFERENT:
            raise OpError(
                "E0302",
                f"a `padding` of {padding} leaves nothing of {x}: `{op}` gives a side of {side}",
                blame="padding",
                help="use less `padding`",
            )
        case Answer.UNKNOWN:
            raise OpError(
                "E0407",
                f"a `padding` of {padding} may leave nothing of {x}: `{op}` gives a side of"
                f" `{side}`",
                blame="padding",
                help=f"{range_help(side, 1)}, or use less `padding`",
            )
