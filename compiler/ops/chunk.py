"""`chunk`: a dim cut into equal pieces."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le
from dlc.compiler.ir.dims import Answer, Dim, compare, symbol
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import Shape, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis, how_to_state
from dlc.compiler.ops._split import MAX_PIECES, Pieces
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Chunk(Pieces):
    """A dim cut into a number of equal pieces; it has as many results.

        q, k, v = x -> chunk(3, dim=-1)       # [N, T, 2304] -> three of [N, T, 768]

    Where the number does not divide the dim the last piece is smaller, as in PyTorch. A
    dim that does not give that many pieces (6 in 4) is an error; one that is not
    known must be divided by the number.

    Arguments:
        chunks: how many pieces
        dim: the dim that is cut, 0 is the batch; channels are 1, the last one is -1
    """

    name: ClassVar[str] = "chunk"

    chunks: Annotated[int, Ge(1), Le(MAX_PIECES)]
    dim: int = 0

    def place(self, x: TensorType) -> int:
        return axis(self.name, x, self.dim)

    def sizes(self, x: TensorType, dim: int) -> Shape:
        size = x.shape[dim]
        if not isinstance(size, int):
            return (self._share(x, size),) * self.chunks
        piece = -(-size // self.chunks)
        last = size - piece * (self.chunks - 1)
        if last < 1:
            raise OpError(
                "E0404",
                f"dim {self.dim} of {x} does not give {self.chunks} pieces: pieces of {piece}"
                f" make {-(-size // piece)}",
                blame="chunks",
                help="list the sizes with `split([...], dim=...)`",
            )
        return (piece,) * (self.chunks - 1) + (last,)

    def _share(self, x: TensorType, size: Dim) -> Dim:
        share = size // self.chunks
        whole = share * self.chunks
        if compare(whole, size) is Answer.EQUAL:
            return share
        raise OpError(
            "E0407",
            f"{self.chunks} may not divide dim {self.dim} of {x}",
            blame="chunks",
            help=how_to_state(whole, size),
        )

    def torch(self, t: TorchWriter) -> str:
        if len(t.results) == 1:
            return t["x"]
        return f"{t['x']}.chunk({t.literal(self.chunks)}, dim={t.literal(self.dim)})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S")
        return (
            Example(cls(chunks=3, dim=-1), {"x": float_tensor(n, t, 6)}),
            Example(cls(chunks=3, dim=1), {"x": float_tensor(n, 8, t)}),
            Example(cls(chunks=2, dim=1), {"x": float_tensor(n, 2 * s, 2)}),
            Example(cls(chunks=1, dim=1), {"x": float_tensor(n, 4)}),
            Example(cls(chunks=2, dim=1), {"x": int_tensor(n, 4)}, {"x": (0, 9)}),
        )
