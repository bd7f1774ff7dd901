"""What the pools share: a window that slides over the spatial dims."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._conv import layout, rank_help, require_fit, spread
from dlc.compiler.ops.base import Op, OpError
from dlc.compiler.record import component


@component
class SlidingPool(Op):
    """A window that slides over the spatial dims.

    Arguments:
        kernel_size: the side of the window; one number, or one for each spatial dim
        stride: the step of the window; the window's side where not given
        ceil_mode: whether a last window that is cut off by the border counts
    """

    rank: ClassVar[int]
    family: ClassVar[str]
    #: Whether a window must fit without the padding too, as PyTorch wants in three dims.
    fits_unpadded: ClassVar[bool] = False

    if TYPE_CHECKING:
        # Fields of the subclasses, which PyTorch puts in different orders.
        kernel_size: Positive | tuple[Positive, ...]
        stride: Positive | tuple[Positive, ...] | None = None
        ceil_mode: bool = False

    @property
    def kernel(self) -> tuple[int, ...]:
        return spread(self.kernel_size, self.rank)

    @property
    def window(self) -> tuple[int, ...]:
        """The side of the window with its gaps."""
        return self.kernel

    @property
    def strides(self) -> tuple[int, ...]:
        return self.kernel if self.stride is None else spread(self.stride, self.rank)

    @property
    def paddings(self) -> tuple[int, ...]:
        """What is added at both ends of each spatial dim."""
        return (0,) * self.rank

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """What is added before and after each spatial dim, in a pool that rounds down.

        Rounding up is more room at the end: room for the cut-off window (stride − 1), but
        never for one that starts in it (window − 1 at most), which PyTorch leaves out.
        """
        return tuple(
            (p, min(p + s - 1, w - 1) if self.ceil_mode else p)
            for p, s, w in zip(self.paddings, self.strides, self.window, strict=True)
        )

    def infer(self, inputs: Inputs) -> TensorType | tuple[TensorType, ...]:
        return self.pooled(inputs.x)

    def pooled(self, x: TensorType) -> TensorType:
        """The type of what comes out. Raises `OpError`."""
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            self.rank + 2,
            layout=layout(self.rank),
            help=rank_help(x, self.rank, self.family),
        )
        sides: list[Dim] = []
        for size, window, (before, after), step, padding in zip(
            x.shape[2:], self.window, self.pads, self.strides, self.paddings, strict=True
        ):
            if self.fits_unpadded:
                require_fit(self.name, x, size, size, window)
            require_fit(self.name, x, size, size + before + after, window, padding)
            sides.append((size + before + after - window) // step + 1)
        return x.with_shape(*x.shape[:2], *sides)


@component
class Pool(SlidingPool):
    """A pool.

    Arguments:
        padding: what is added at both ends of each spatial dim, at most half of the
            kernel
    """

    kernel_size: Positive | tuple[Positive, ...]
    stride: Positive | tuple[Positive, ...] | None = None
    padding: Natural | tuple[Natural, ...] = 0

    @property
    def paddings(self) -> tuple[int, ...]:
        return spread(self.padding, self.rank)

    def validate(self) -> None:
        # PyTorch leaves the gaps of a dilated window out of account.
        for padding, side in zip(self.paddings, self.kernel, strict=True):
            if padding > side // 2:
                raise OpError(
                    "E0302",
                    f"`padding` of `{self.name}` is at most half of `kernel_size`,"
                    f" expected 0 to {side // 2}, got {padding}",
                    blame="padding",
                )
