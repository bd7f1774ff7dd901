"""Reductions: some dims become one number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import BOOL, INT, DType, Shape, TensorType, float_tensor
from dlc.compiler.ops._broadcast import onnx_cast
from dlc.compiler.ops._checks import axis
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


def reduced_dims(op: str, x: TensorType, dim: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """The dims that go, counted from the front, in order; all where none is named.

    Raises E0302 where there is no such dim, or one is named twice.
    """
    if dim is None:
        return tuple(range(x.rank))
    given = dim if isinstance(dim, tuple) else (dim,)
    if not given:
        raise OpError(
            "E0302",
            f"`dim` of `{op}` is an empty list",
            blame="dim",
            help="leave out `dim` for all dims",
        )
    found = [axis(op, x, d) for d in given]
    if len(set(found)) < len(found):
        raise OpError(
            "E0302", f"`dim` of `{op}` names a dim of {x} twice, got {list(given)}", blame="dim"
        )
    return tuple(sorted(found))


def remaining(x: TensorType, dims: tuple[int, ...], keepdim: bool) -> Shape:
    """The shape without these dims, or with 1 for each."""
    if keepdim:
        return tuple(1 if place in dims else size for place, size in enumerate(x.shape))
    return tuple(size for place, size in enumerate(x.shape) if place not in dims)


def dim_arguments(t: TorchWriter, dim: int | tuple[int, ...] | None, keepdim: bool) -> list[str]:
    """`dim=1, keepdim=True` as source text, where they are not PyTorch's defaults."""
    if dim is None and not keepdim:
        return []
    dims = tuple(range(t.inputs.x.rank)) if dim is None else dim
    keep = [f"keepdim={t.literal(keepdim)}"] if keepdim else []
    return [f"dim={t.literal(dims)}", *keep]


def require_numbers(op: str, x: TensorType, port: str = "x", *, bools: bool = False) -> None:
    """Raises E0406 where the elements are texts, or flags without `bools`."""
    if x.dtype.is_float or x.dtype.is_int or (bools and x.dtype is BOOL):
        return
    raise OpError(
        "E0406",
        f"`{op}` takes numbers, got {x}",
        blame=port,
        help="`to(float)` makes 1 and 0 of flags" if x.dtype is BOOL else None,
    )


def summed_dtype(dtype: DType) -> DType:
    """The element type of a sum, as PyTorch has it: whole numbers and flags count in int64."""
    return dtype if dtype.is_float else INT


@component
class Reduction(Op):
    """Some dims become one number.

    Class variables: `method`, of a tensor in PyTorch; `onnx_type`, the ONNX operator.

    Arguments:
        dim: the dims that go, one or a list of them; without it all, the batch too
        keepdim: whether each of them stays as a dim of size 1
    """

    method: ClassVar[str]
    onnx_type: ClassVar[str]

    dim: int | tuple[int, ...] | None = None
    keepdim: bool = False

    def require(self, x: TensorType) -> None:
        """Raises E0406 where there is no such reduction of these elements."""
        require_numbers(self.name, x)

    def result_dtype(self, dtype: DType) -> DType:
        """The element type of the result."""
        return dtype

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        self.require(x)
        shape = remaining(x, self.dims(x), self.keepdim)
        return TensorType(self.result_dtype(x.dtype), shape)

    def dims(self, x: TensorType) -> tuple[int, ...]:
        """The dims that go, counted from the front."""
        return reduced_dims(self.name, x, self.dim)

    def count(self, x: TensorType) -> Dim:
        """How many numbers become one."""
        return product(x.shape[place] for place in self.dims(x))

    def known_count(self, inputs: Inputs) -> int | None:
        """The same where it is a number."""
        count = self.count(inputs.x)
        return count if isinstance(count, int) else None

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        return f"{t['x']}.{self.method}({', '.join(self.torch_arguments(t))})"

    def torch_arguments(self, t: TorchWriter) -> list[str]:
        """`dim` and `keepdim`, where they are not PyTorch's defaults."""
        return dim_arguments(t, self.dim, self.keepdim)

    def onnx(self, b: OnnxBuilder) -> str:
        value = onnx_cast(b, b["x"], b.inputs.x.dtype, b.results[0].dtype)
        return self.onnx_reduce(b, self.onnx_type, value)

    def onnx_reduce(self, b: OnnxBuilder, type: str, value: str, keep: bool | None = None) -> str:
        """One ONNX reduction over the dims, `keepdim` unless `keep` says otherwise."""
        axes = b.constant(self.dims(b.inputs.x), INT) if b.inputs.x.rank else None
        return b.node(type, value, axes, keepdims=int(self.keepdim if keep is None else keep))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dim=1), {"x": float_tensor(n, t, 4)}),
            Example(cls(dim=(-1, 1)), {"x": float_tensor(n, 3, t, 4)}),
            Example(cls(dim=-1, keepdim=True), {"x": float_tensor(n, t, 4)}),
            Example(cls(), {"x": float_tensor(n, t, 3)}),
            Example(cls(keepdim=True), {"x": float_tensor(n, 3)}),
        )
