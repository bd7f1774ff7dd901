"""`max_unpool3d`: the maxima of windows of volumes, put back where they stood."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._max_unpool import MaxUnpool
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class MaxUnpool3d(MaxUnpool):
    """The maxima of windows of volumes, put back where they stood, [N, C, D, H, W].

        y, places = x -> max_pool3d(2, return_indices=true)
        y -> max_unpool3d(2, indices=places)   # [N, 8, 2, 14, 14] -> [N, 8, 4, 28, 28]

    Each number goes to the place that `indices` names, all other places are 0: SegNet's way
    up. A side of n becomes (n − 1)·stride − 2·padding + kernel_size. Places are counted along
    the channel that went into the pool: where the formula gives another size than that, say
    it in `output_size`, or the numbers go astray. Where windows overlap, several numbers may
    have one place, and which of them stays is not defined.

    Source: Zeiler and Fergus, Visualizing and understanding convolutional networks, 2014.
    """

    name: ClassVar[str] = "max_unpool3d"
    rank: ClassVar[int] = 3

    kernel_size: Positive | tuple[Positive, Positive, Positive]
    stride: Positive | tuple[Positive, Positive, Positive] | None = None
    padding: Natural | tuple[Natural, Natural, Natural] = 0

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")

        def inputs(*shape: Dim) -> dict[str, TensorType | tuple[TensorType, ...]]:
            return {"x": float_tensor(*shape), "indices": int_tensor(*shape)}

        # One number a channel: of several with one place, it is not defined which stays.
        return (
            Example(cls(kernel_size=4), inputs(n, 2, 1, 1, 1), {"indices": (0, 64)}),
            Example(
                cls(kernel_size=5, stride=2, padding=1),
                inputs(n, symbol("S"), 1, 1, 1),
                {"indices": (0, 27)},
            ),
            Example(
                cls(kernel_size=4, output_size=(5, 4, 3)),
                inputs(n, 2, 1, 1, 1),
                {"indices": (0, 60)},
            ),
        )
