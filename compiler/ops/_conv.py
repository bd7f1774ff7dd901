"""What the convolutions and their transposes share, whatever their number of spatial dims."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Answer, Dim, product
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, Shape, TensorType
from dlc.compiler.ops._checks import at_least, known, range_help, require_float, require_rank
from dlc.compiler.ops._normed import NormedOp
from dlc.compiler.ops.base import OpError
from dlc.compiler.record import component

SPATIAL = ("", "L", "H, W", "D, H, W")
_ONNX_PAD = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def layout(rank: int) -> str:
    """How the input of a convolution or pool is written: `[N, C, H, W]`."""
    return f"[N, C, {SPATIAL[rank]}]"


def spread(value: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """One number for each spatial dim."""
    return value if isinstance(value, tuple) else (value,) * rank


def rank_help(x: TensorType, rank: int, family: str) -> str | None:
    """What to do about an input with another number of dims."""
    if 3 <= x.rank <= 5 and x.rank != rank + 2:
        return f"use `{family}{x.rank - 2}d` for {x}"
    if x.rank == 2:
        return "the dims were flattened before; or bring them back with `reshape`"
    return None


@component
class Convolution(NormedOp):
    """What convolutions and their transposes share.

    Arguments:
        out_channels: the number of filters
        kernel_size: the side of the window; one number, or one for each spatial dim
        stride: the step of the window
        dilation: the distance between the points of the window
        groups: the channels are cut into that many groups, each with filters of its own;
            as many as channels is a depthwise convolution
        bias: whether a number is added to each filter's result; leave it out before a
            batch norm
    """

    rank: ClassVar[int]
    family: ClassVar[str]

    out_channels: Positive
    kernel_size: Positive | tuple[Positive, ...]
    stride: Positive | tuple[Positive, ...] = 1

    if TYPE_CHECKING:
        # Fields of the subclasses, which PyTorch puts in different orders.
        dilation: Positive | tuple[Positive, ...] = 1
        groups: Positive = 1
        bias: bool = True

    def validate(self) -> None:
        super().validate()
        if self.out_channels % self.groups:
            raise OpError(
                "E0404",
                f"`groups` must divide `out_channels`, got {self.groups} and {self.out_channels}",
                blame="groups",
            )

    @property
    def kernel(self) -> tuple[int, ...]:
        return spread(self.kernel_size, self.rank)

    @property
    def strides(self) -> tuple[int, ...]:
        return spread(self.stride, self.rank)

    @property
    def dilations(self) -> tuple[int, ...]:
        return spread(self.dilation, self.rank)

    @property
    def window(self) -> tuple[int, ...]:
        """The side of the window with its gaps."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def _in_channels(self, x: TensorType) -> int:
        channels = known(
            self.name,
            x,
            1,
            "number of channels",
            "give dim 1 a number, or a param of the block (`float[N, width, H, W]`)",
        )
        if channels % self.groups:
            raise OpError(
                "E0404",
                f"`groups` must divide the channels, got {self.groups} and {x}",
                blame="groups",
            )
        return channels

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            self.rank + 2,
            layout=layout(self.rank),
            help=rank_help(x, self.rank, self.family),
        )
        self._in_channels(x)
        return x.with_shape(x.shape[0], self.out_channels, *self._sides(x))

    def _sides(self, x: TensorType) -> Shape:
        """The spatial sizes of the result."""
        raise NotImplementedError(self.name)

    def _weight_shape(self, x: TensorType) -> tuple[int, ...]:
        raise NotImplementedError(self.name)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        weight = self.weight_parameter("weight", *self._weight_shape(inputs.x))
        if not self.bias:
            return self.stored(weight)
        return self.stored(weight, self.bias_parameter("bias", self.out_channels))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return self.norm_bytes(self._weight_shape(inputs.x))

    def _mean_square(self, x: TensorType) -> float | None:
        """The mean square of the numbers that the weight starts with; None where that is not
        known."""
        if self.spectral_norm:
            return None
        shape = self._weight_shape(x)
        if self.init is None:
            # PyTorch's own start: kaiming_uniform(a=sqrt(5)), whose fan in is that of dim 1.
            return 1 / (3 * math.prod(shape[1:]))
        return self.init.mean_square(shape)


@component
class Conv(Convolution):
    """A convolution.

    Arguments:
        padding: what is added at both ends of each spatial dim; `same` keeps the size
            (stride 1 only), `valid` is 0
        padding_mode: what is added: `zeros`, `reflect`, `replicate` or `circular`
    """

    family: ClassVar[str] = "conv"

    padding: Natural | tuple[Natural, ...] | Literal["same", "valid"] = 0
    dilation: Positive | tuple[Positive, ...] = 1
    groups: Positive = 1
    bias: bool = True
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"

    def validate(self) -> None:
        super().validate()
        if self.padding == "same" and any(s != 1 for s in self.strides):
            raise OpError(
                "E0311",
                f"`padding=same` needs a stride of 1, got {self.stride}",
                blame="padding",
                help="write the padding as a number; half of the kernel halves the size exactly",
            )

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """What is added before and after each spatial dim."""
        if self.padding == "valid":
            return ((0, 0),) * self.rank
        if self.padding == "same":
            # PyTorch puts the odd one at the end.
            return tuple(((w - 1) // 2, w - 1 - (w - 1) // 2) for w in self.window)
        return tuple((p, p) for p in spread(self.padding, self.rank))

    def _sides(self, x: TensorType) -> Shape:
        self._check_padding_mode(x)
        sides: list[Dim] = []
        for size, window, (before, after), step in zip(
            x.shape[2:], self.window, self.pads, self.strides, strict=True
        ):
            require_fit(self.name, x, size, size + before + after, window)
            sides.append((size + before + after - window) // step + 1)
        return tuple(sides)

    def _check_padding_mode(self, x: TensorType) -> None:
        """Reflection needs more points than it adds, wrapping at least as many."""
        if self.padding_mode not in ("reflect", "circular"):
            return
        for size, pads in zip(x.shape[2:], self.pads, strict=True):
            least = max(pads) + (self.padding_mode == "reflect")
            answer = at_least(size, least)
            if answer is Answer.EQUAL:
                continue
            raise OpError(
                "E0405" if answer is Answer.DIFFERENT else "E0407",
                f"`padding_mode={self.padding_mode}` with a padding of {max(pads)} needs"
                f" sides of at least {least}, got {x}",
                blame="padding_mode",
                help="use less `padding`, or `padding_mode=zeros`"
                if answer is Answer.DIFFERENT
                else range_help(size, least),
            )

    def _weight_shape(self, x: TensorType) -> tuple[int, ...]:
        return (self.out_channels, self._in_channels(x) // self.groups, *self.kernel)

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return results[0].elements * math.prod(self._weight_shape(inputs.x)[1:])

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        # Where the padding is written out, the padded copy is kept; reflecting and
        # replicating keep what they padded too.
        if self.padding_mode == "circular" or self._copied == "odd ends":
            return ()
        return ("x",)

    @property
    def _copied(self) -> Literal["no", "odd ends", "all"]:
        """How much of the padding PyTorch writes out before it convolves."""
        if self.padding_mode != "zeros":
            return "all"
        return "odd ends" if any(a != b for a, b in self.pads) else "no"

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        normed = super().own_bytes(inputs, results)
        if self._copied == "no":
            return normed
        x = inputs.x
        written = [b - a if self._copied == "odd ends" else a + b for a, b in self.pads]
        sides = [n + more for n, more in zip(x.shape[2:], written, strict=True)]
        return product((*x.shape[:2], *sides)) * x.dtype.bytes + normed

    def gain(self, inputs: Inputs) -> float | None:
        """Away from the borders."""
        square = self._mean_square(inputs.x)
        fan_in = math.prod(self._weight_shape(inputs.x)[1:])
        return None if square is None else fan_in * square

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {
            name: getattr(self, name)
            for name, default in (
                ("stride", 1),
                ("padding", 0),
                ("dilation", 1),
                ("groups", 1),
                ("bias", True),
                ("padding_mode", "zeros"),
            )
            if getattr(self, name) != default
        }
        layer = t.module(
            f"nn.Conv{self.rank}d",
            self._in_channels(t.inputs.x),
            self.out_channels,
            self.kernel_size,
            **options,
        )
        return f"{self.normed(t, layer)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        x, pads = b["x"], self.pads
        ends = [p[0] for p in pads] + [p[1] for p in pads]
        if self.padding_mode != "zeros" and any(ends):
            full = [0, 0, *ends[: self.rank], 0, 0, *ends[self.rank :]]
            mode = _ONNX_PAD[self.padding_mode]
            x = b.node("Pad", x, b.constant(full, DType.INT64), mode=mode)
            ends = [0] * len(ends)
        return b.node(
            "Conv",
            x,
            b.weight("weight"),
            b.weight("bias") if self.bias else None,
            kernel_shape=self.kernel,
            strides=self.strides,
            pads=ends,
            dilations=self.dilations,
            group=self.groups,
        )


def require_fit(
    op: str, x: TensorType, size: Dim, padded: Dim, window: int, padding: int | None = None
) -> None:
    """Raises E0405 where a window is larger than its padded side, E0407 where it may be."""
    answer = at_least(padded, window)
    if answer is Answer.EQUAL:
        return
    got = f"a side of {size}" if isinstance(size, int) else f"a side of `{size}`"
    added = padded - size if padding is None else 2 * padding
    if added != 0:
        got += f" with {added} of padding"
    message = f"the window of `{op}` needs a side of at least {window}, got {got} in {x}"
    if answer is Answer.DIFFERENT:
        raise OpError(
            "E0405",
            message,
            blame="kernel_size",
            help="add `padding`, use a smaller `kernel_size`, or shrink the image less before",
        )
    raise OpError(
        "E0407",
        f"{message}, which may be less",
        blame="kernel_size",
        help=range_help(padded, window) + ", or add `padding`",
    )
