"""`split`: a dim cut into pieces of given sizes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, DimError, symbol
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import Shape, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis, require_equal
from dlc.compiler.ops._extent import require_room
from dlc.compiler.ops._split import MAX_PIECES, Pieces
from dlc.compiler.ops._subscript import bare
from dlc.compiler.ops.base import Example, OpError
from dlc.compiler.record import component


@component
class Split(Pieces):
    """A dim cut into pieces of given sizes; it has as many results as there are pieces.

        a, b = x -> split([64, 32], dim=1)        # [N, 96] -> [N, 64] and [N, 32]
        first, rest = x -> split([1, T - 1], dim=1)

    One number cuts pieces of that size, and the last one is smaller where it does not
    divide the dim. For a number of equal pieces use `chunk`.

    Arguments:
        split_size: the size of each piece in a list, or one size for all
        dim: the dim that is cut, 0 is the batch; channels are 1, the last one is -1
    """

    name: ClassVar[str] = "split"

    split_size: Dim | tuple[Dim, ...]
    dim: int = 0

    def validate(self) -> None:
        sizes = self.split_size if isinstance(self.split_size, tuple) else (self.split_size,)
        if not sizes:
            raise OpError("E0303", "`split` needs sizes, such as `split([64, 32], dim=1)`")
        for size in sizes:
            if isinstance(size, int) and size < 1:
                raise OpError(
                    "E0302",
                    f"a piece of `split` is at least 1 long, got {size}",
                    blame="split_size",
                )

    def place(self, x: TensorType) -> int:
        return axis(self.name, x, self.dim)

    def sizes(self, x: TensorType, dim: int) -> Shape:
        size = x.shape[dim]
        if not isinstance(self.split_size, tuple):
            return self._equal(x, size, self.split_size)
        total: Dim = 0
        for piece in self.split_size:
            require_room(
                piece,
                f"a piece of `split` is at least 1 long, got {piece}",
                f"a piece of `split` is at least 1 long, got {piece}, which may be less",
                blame="split_size",
                least=1,
            )
            total = total + piece
        shown = ", ".join(map(str, self.split_size))
        require_equal(
            self.name,
            total,
            size,
            f"the pieces of `split` make up dim {self.dim}, got {total} in [{shown}] and"
            f" {size} in {x}",
            blame="split_size",
            help="drop what is not wanted by giving it no name further on",
        )
        return self.split_size

    def _equal(self, x: TensorType, size: Dim, piece: Dim) -> Shape:
        if isinstance(size, int) and isinstance(piece, int):
            whole, rest = divmod(size, piece)
        else:
            whole, rest = self._exact(x, size, piece), 0
        if whole > MAX_PIECES:
            raise OpError(
                "E0302",
                f"`split` cuts at most {MAX_PIECES} pieces, got {whole} of {piece} in {x}",
                blame="split_size",
            )
        return (piece,) * whole + ((rest,) if rest else ())

    def _exact(self, x: TensorType, size: Dim, piece: Dim) -> int:
        """How many pieces of a size that is not known make up the dim."""
        try:
            count = size // piece
            if isinstance(count, int) and count * piece == size:
                return count
        except DimError:
            pass
        raise OpError(
            "E0403",
            f"`split` cannot count its pieces: {piece} in `{size}` of {x}",
            blame="split_size",
            help="list the sizes, `split([1, T - 1], dim=1)`, or use `chunk`, whose pieces are"
            " counted",
        )

    def torch(self, t: TorchWriter) -> str:
        if len(t.results) == 1:
            return t["x"]
        if isinstance(self.split_size, tuple):
            size = f"[{', '.join(bare(t, piece) for piece in self.split_size)}]"
        else:
            size = bare(t, self.split_size)
        return f"{t['x']}.split({size}, dim={t.literal(self.dim)})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T", 2), symbol("S")
        return (
            Example(cls(split_size=(2, 3, 1), dim=1), {"x": float_tensor(n, 6, t)}),
            Example(cls(split_size=2, dim=-1), {"x": float_tensor(n, t, 5)}),
            Example(cls(split_size=(1, t - 1), dim=1), {"x": float_tensor(n, t, 3)}),
            Example(cls(split_size=s, dim=1), {"x": float_tensor(n, 2 * s, s)}),
            Example(cls(split_size=3, dim=1), {"x": float_tensor(n, 3)}),
            Example(cls(split_size=4, dim=1), {"x": int_tensor(n, 8)}, {"x": (0, 9)}),
        )
