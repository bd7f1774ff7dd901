"""`slice`: a part of a dim."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._extent import from_front, require_room
from dlc.compiler.ops._subscript import Part, onnx_parts, subscript
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Slice(Op):
    """A part of a dim: `x[start:end:step]` there, and all of the other dims.

        slice(1, 1)           # without the first token, [N, T, C] -> [N, T - 1, C]
        slice(1, 0, -1)       # without the last one
        slice(2, 0, 64)       # the first 64, [N, T, 192] -> [N, T, 64]
        slice(2, 0, W, 2)     # every second column

    Both ends must lie in the dim, and at least one place must be left: unlike Python's,
    a slice that reaches past the end is an error, as its size would not be the one asked
    for. Leave `end` out to go to the end.

    Arguments:
        dim: the dim; negative ones count from the end
        start: the first place that is taken; negative ones count from the end
        end: the first one that is not, `null` for the end; negative ones count from the end
        step: the distance between those that are taken
    """

    name: ClassVar[str] = "slice"

    dim: int
    start: Dim = 0
    end: Dim | None = None
    step: Positive = 1

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        dim = axis(self.name, x, self.dim)
        size = x.shape[dim]
        start = from_front(self.start, size, self.name, "start")
        end = size if self.end is None else from_front(self.end, size, self.name, "end")
        where = f"dim {self.dim} of {x}"
        require_room(
            size - end,
            f"`slice` reaches past {where}, got {self._text()}",
            f"`slice` may reach past {where}, got {self._text()}",
            blame="end",
            help="leave `end` out to go to the end",
        )
        require_room(
            start,
            f"`slice` starts before {where}, got {self._text()}",
            f"`slice` may start before {where}, got {self._text()}",
            blame="start",
        )
        require_room(
            end - start,
            f"`slice` leaves nothing of {where}, got {self._text()}",
            f"`slice` may leave nothing of {where}, got {self._text()}",
            blame="start" if self.end is None else "end",
            least=1,
        )
        taken = end - start if self.step == 1 else (end - start + self.step - 1) // self.step
        return x.with_shape(*x.shape[:dim], taken, *x.shape[dim + 1 :])

    def _text(self) -> str:
        return f"{self.start} to {'the end' if self.end is None else self.end}"

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def _part(self, x: TensorType) -> Part:
        size = x.shape[self.dim]
        return Part.of(self.start, size if self.end is None else self.end, size, self.step)

    def torch(self, t: TorchWriter) -> str:
        return subscript(t["x"], self.dim, self._part(t.inputs.x).torch(t))

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        return onnx_parts(b, b["x"], {axis(self.name, x, self.dim): self._part(x)})

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T", 2), symbol("S", 4)
        return (
            Example(cls(dim=1, start=1), {"x": float_tensor(n, t, 3)}),
            Example(cls(dim=-2, end=-1), {"x": float_tensor(n, 2, t, 3)}),
            Example(cls(dim=1, start=0, end=t - 1), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
            Example(cls(dim=2, start=1, end=6, step=2), {"x": float_tensor(n, t, 7)}),
            Example(cls(dim=1, start=-3, step=2), {"x": float_tensor(n, s, 3)}),
            Example(cls(dim=-1, end=s // 2), {"x": float_tensor(n, 3, s)}),
            Example(cls(dim=1, start=s - 3, end=s - 1), {"x": float_tensor(n, s)}),
        )
