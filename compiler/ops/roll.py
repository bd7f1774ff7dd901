"""`roll`: what falls off one end comes in at the other."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import INT, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops._extent import lowest
from dlc.compiler.ops._subscript import Part, onnx_parts
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Roll(Op):
    """Dims moved on; what falls off one end comes in at the other.

        roll(1, 1)                # one step later, [N, T, C]
        roll([-3, -3], [2, 3])    # the shifted windows of Swin, [N, C, H, W]

    Place i becomes place (i + shift) mod n.

    Arguments:
        shifts: by how many places; negative ones move to the front; one for each dim
        dims: the dim, or several; negative ones count from the end
    """

    name: ClassVar[str] = "roll"

    shifts: int | tuple[int, ...]
    dims: int | tuple[int, ...]

    def _moves(self, x: TensorType) -> tuple[tuple[int, int], ...]:
        """The dims, from the front, and their shifts."""
        shifts = self.shifts if isinstance(self.shifts, tuple) else (self.shifts,)
        dims = self.dims if isinstance(self.dims, tuple) else (self.dims,)
        if len(shifts) != len(dims) or not dims:
            raise OpError(
                "E0302",
                f"`roll` takes a shift for each dim, got {len(shifts)} for {len(dims)}",
                blame="shifts",
                help="`roll([1, 1], [2, 3])` moves two dims",
            )
        found = tuple(axis(self.name, x, dim, "dims") for dim in dims)
        if len(set(found)) != len(found):
            raise OpError("E0302", f"`roll` names a dim of {x} twice", blame="dims")
        return tuple(zip(found, shifts, strict=True))

    def infer(self, inputs: Inputs) -> TensorType:
        self._moves(inputs.x)
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.roll({t.literal(self.shifts)}, {t.literal(self.dims)})"

    def onnx(self, b: OnnxBuilder) -> str:
        x, value = b.inputs.x, b["x"]
        for dim, shift in self._moves(x):
            size = x.shape[dim]
            if isinstance(size, int):
                shift %= size
            if shift:
                value = self._onnx_roll(b, value, dim, size, shift)
        return value

    def _onnx_roll(self, b: OnnxBuilder, value: str, dim: int, size: Dim, shift: int) -> str:
        if lowest(size - abs(shift)) >= 0:
            last = onnx_parts(b, value, {dim: Part(start=-shift, stop=None)})
            first = onnx_parts(b, value, {dim: Part(start=0, stop=-shift)})
            return b.node("Concat", last, first, axis=dim)
        # The shift may go round more than once: the places are counted.
        length = b.dim(size)
        places = b.node("Range", b.scalar(0, INT), length, b.scalar(1, INT))
        places = b.node("Mod", b.node("Sub", places, b.scalar(shift, INT)), length)
        return b.node("Gather", value, places, axis=dim)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(shifts=1, dims=1), {"x": float_tensor(n, t, 3)}),
            Example(cls(shifts=(-3, 2), dims=(-1, 1)), {"x": float_tensor(n, 5, 4)}),
            Example(cls(shifts=-3, dims=2), {"x": float_tensor(n, 2, t)}),
            Example(cls(shifts=(7, -8), dims=(1, 2)), {"x": float_tensor(n, t, 4)}),
            Example(cls(shifts=-1, dims=0), {"x": int_tensor(n, 2)}, {"x": (0, 9)}),
        )
