"""A dim cut into pieces that follow each other."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import Shape, TensorType
from dlc.compiler.ops._subscript import onnx_sizes
from dlc.compiler.ops.base import Op
from dlc.compiler.record import component

#: More pieces than anybody names.
MAX_PIECES = 1024


@component
class Pieces(Op):
    """Pieces of one dim, each a result."""

    results: ClassVar[tuple[str, ...]] = ("y",)

    def place(self, x: TensorType) -> int:
        """The dim that is cut, counted from the front. Raises `OpError`."""
        raise NotImplementedError(self.name)

    def sizes(self, x: TensorType, dim: int) -> Shape:
        """The sizes of the pieces. Raises `OpError`."""
        raise NotImplementedError(self.name)

    def infer(self, inputs: Inputs) -> tuple[TensorType, ...]:
        x = inputs.x
        dim = self.place(x)
        return tuple(
            x.with_shape(*x.shape[:dim], size, *x.shape[dim + 1 :]) for size in self.sizes(x, dim)
        )

    def result_names(self, count: int) -> tuple[str, ...]:
        return ("y", *(f"y{i}" for i in range(1, count)))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def onnx(self, b: OnnxBuilder) -> tuple[str, ...]:
        dim = self.place(b.inputs.x)
        sizes = [piece.shape[dim] for piece in b.results]
        if len(sizes) == 1:
            return (b["x"],)
        if len(set(sizes)) == 1 and not isinstance(sizes[0], int):
            return b.nodes("Split", b["x"], outputs=len(sizes), axis=dim, num_outputs=len(sizes))
        return b.nodes("Split", b["x"], onnx_sizes(b, sizes), outputs=len(sizes), axis=dim)
