"""`squeeze`: dims of size 1 go away."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Answer, compare, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Squeeze(Op):
    """Dims of size 1 go away.

        squeeze(-1)       # [N, 1] -> [N]
        squeeze([2, 3])   # [N, 512, 1, 1] -> [N, 512]

    Without dims, all that are the number 1. A batch, or any other size that may be
    something else, stays even where it is 1 when the model runs. Unlike PyTorch's, a named dim
    that is not of size 1 is an error.

    Arguments:
        dim: the dim, or several; negative ones count from the end
    """

    name: ClassVar[str] = "squeeze"

    dim: int | tuple[int, ...] | None = None

    def _dims(self, x: TensorType) -> tuple[int, ...]:
        """The dims that go, as the author counts them."""
        if self.dim is None:
            return tuple(place for place, size in enumerate(x.shape) if size == 1)
        return self.dim if isinstance(self.dim, tuple) else (self.dim,)

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        gone = [axis(self.name, x, dim) for dim in self._dims(x)]
        if not gone:
            raise OpError(
                "E0402",
                f"`squeeze` takes a dim of size 1 away, and there is none in {x}",
                blame="x",
                help="leave it out",
            )
        for place in gone:
            size = x.shape[place]
            match compare(size, 1):
                case Answer.DIFFERENT:
                    raise OpError(
                        "E0402",
                        f"`squeeze` takes dims of size 1 away, got {size} at dim {place} of {x}",
                        blame="dim",
                    )
                case Answer.UNKNOWN:
                    raise OpError(
                        "E0407",
                        f"`squeeze` takes dims of size 1 away, and dim {place} of {x} may be"
                        f" another size: {size}",
                        blame="dim",
                        help="assert the shape before it with `shape(...)`",
                    )
                case Answer.EQUAL:
                    pass
        if len(set(gone)) != len(gone):
            raise OpError("E0302", f"`squeeze` names a dim of {x} twice", blame="dim")
        return x.with_shape(*(size for place, size in enumerate(x.shape) if place not in gone))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        dims = self._dims(t.inputs.x)
        return f"{t['x']}.squeeze({t.literal(dims[0] if len(dims) == 1 else dims)})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Squeeze", b["x"], b.constant(self._dims(b.inputs.x), DType.INT64))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=-1), {"x": float_tensor(n, 3, 1)}),
            Example(cls(dim=(1, -1)), {"x": float_tensor(n, 1, t, 1)}),
            Example(cls(), {"x": float_tensor(n, 1, t, 1, 3)}),
            Example(cls(dim=1), {"x": int_tensor(n, 1)}, {"x": (0, 9)}),
        )
