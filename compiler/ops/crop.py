"""`crop`: a window of an image."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import require_least_rank
from dlc.compiler.ops._extent import require_room
from dlc.compiler.ops._subscript import Part, onnx_parts
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Crop(Op):
    """A window of an image, or of any [N, C, ...]: the middle, or from given offsets.

        crop(224)                             # [N, 3, 256, 256] -> [N, 3, 224, 224]
        crop(H - 4, W - 4)                    # two less on every side
        crop(28, 28, offset=[0, 2])           # from the first row and the third column

    The middle begins at (side − size) // 2: an odd remainder is cut at the end. U-Net
    crops so what it carries over to the upsampled image.

    Arguments:
        size: the sides of the window; one number, or one for each spatial dim
        offset: where the window begins in each spatial dim; `null` for the middle
    """

    name: ClassVar[str] = "crop"
    variadic: ClassVar[str | None] = "size"

    size: tuple[Dim, ...]
    offset: tuple[Dim, ...] | None = keyword(None)

    def _windows(self, x: TensorType) -> tuple[tuple[int, Dim, Dim], ...]:
        """Each spatial dim, and where its window begins and ends."""
        sides = x.shape[2:]
        sizes = self.size * len(sides) if len(self.size) == 1 else self.size
        starts: tuple[Dim, ...] = tuple(
            (side - size) // 2 for side, size in zip(sides, sizes, strict=False)
        )
        if self.offset is not None:
            starts = self.offset
        for field, given in (("size", sizes), ("offset", starts)):
            if len(given) != len(sides):
                raise OpError(
                    "E0401",
                    f"`crop` takes a number for each of the {len(sides)} spatial dims of {x},"
                    f" got {len(given)}",
                    blame=field,
                )
        return tuple(
            (dim, start, start + size)
            for dim, (start, size) in enumerate(zip(starts, sizes, strict=True), 2)
        )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_least_rank(
            self.name, x, 3, "[N, C, ...]", help="cut other dims with `slice`, one at a time"
        )
        sides: list[Dim] = []
        for dim, start, end in self._windows(x):
            size = end - start
            require_room(
                size,
                f"a side of `crop` is at least 1, got {size}",
                f"a side of `crop` is at least 1, got {size}, which may be less",
                blame="size",
                least=1,
            )
            blame = "size" if self.offset is None else "offset"
            # In the middle, the window lies within the side where it is not larger.
            within = (x.shape[dim] - size,) if self.offset is None else (start, x.shape[dim] - end)
            for left in within:
                require_room(
                    left,
                    f"the window of `crop` does not lie in dim {dim} of {x}, got"
                    f" {self._text(start, size)}",
                    f"the window of `crop` may not lie in dim {dim} of {x}, got"
                    f" {self._text(start, size)}",
                    blame=blame,
                    help="use a smaller window, or `pad` first",
                )
            sides.append(size)
        return x.with_shape(*x.shape[:2], *sides)

    def _text(self, start: Dim, size: Dim) -> str:
        return f"a side of {size}" + ("" if self.offset is None else f" from {start}")

    def _parts(self, x: TensorType) -> dict[int, Part]:
        """The parts of the dims that lose something."""
        return {
            dim: Part.of(start, end, x.shape[dim])
            for dim, start, end in self._windows(x)
            if end - start != x.shape[dim]
        }

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        x = t.inputs.x
        parts = self._parts(x)
        if not parts:
            return t["x"]
        inner = [parts[dim].torch(t) if dim in parts else ":" for dim in range(2, x.rank)]
        return f"{t['x']}[..., {', '.join(inner)}]"

    def onnx(self, b: OnnxBuilder) -> str:
        parts = self._parts(b.inputs.x)
        return onnx_parts(b, b["x"], parts) if parts else b["x"]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w = symbol("N"), symbol("H", 4), symbol("W", 4)
        return (
            Example(cls(size=(4,)), {"x": float_tensor(n, 3, 7, 8)}),
            Example(cls(size=(3,)), {"x": float_tensor(n, 3, h, w)}),
            Example(cls(size=(h - 2, w)), {"x": float_tensor(n, 3, h, w)}),
            Example(cls(size=(h // 2, 4), offset=(1, 0)), {"x": float_tensor(n, 3, h, w)}),
            Example(cls(size=(2, 3), offset=(0, w - 3)), {"x": float_tensor(n, 3, 5, w)}),
            Example(cls(size=(2,)), {"x": float_tensor(n, 3, w)}),
            Example(cls(size=(2,)), {"x": float_tensor(n, 2, 3, 4, 5)}),
            Example(cls(size=(5,)), {"x": int_tensor(n, 2, 5, 5)}, {"x": (0, 9)}),
        )
