"""Arithmetic between two tensors, or a tensor and a number."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Answer, Dim, compare, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import (
    BOOL,
    FLOAT,
    DType,
    Shape,
    TensorType,
    float_tensor,
    int_tensor,
)
from dlc.compiler.ops._checks import how_to_state
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component

_ARITHMETIC = frozenset({DType.INT32, DType.INT64, DType.BOOL})


def broadcast(op: str, a: TensorType, b: TensorType, blame: str = "other") -> Shape:
    """The shape of both together: sizes agree from the right, where one side is the number 1
    or has no such dim the other's size counts. Two named sizes never broadcast.

    Raises E0402 where two sizes differ, E0407 where that is not decided.
    """
    rank = max(a.rank, b.rank)
    left: Shape = (1,) * (rank - a.rank) + a.shape
    right: Shape = (1,) * (rank - b.rank) + b.shape
    sizes: list[Dim] = []
    for m, n in zip(left, right, strict=True):
        if m == 1 or n == 1:
            sizes.append(n if m == 1 else m)
            continue
        answer = compare(m, n)
        if answer is not Answer.EQUAL:
            raise _clash(op, a, b, m, n, answer, blame)
        sizes.append(m)
    return tuple(sizes)


def _clash(
    op: str, a: TensorType, b: TensorType, m: Dim, n: Dim, answer: Answer, blame: str
) -> OpError:
    message = f"`{op}` needs equal shapes, got {a.shape_text} and {b.shape_text}"
    if answer is Answer.DIFFERENT:
        return OpError(
            "E0402",
            message,
            blame=blame,
            help=f"{m} and {n} differ; a size stretches only where it is the number 1 or missing"
            " in front",
        )
    return OpError(
        "E0407",
        f"{message}: these agree only where {m} = {n}",
        blame=blame,
        help=how_to_state(m, n),
    )


def promote(op: str, a: DType, b: DType, blame: str = "other") -> DType:
    """The element type of a result, as PyTorch decides it between kinds: float before int
    before bool. Raises E0406 between sizes of one kind, where only the author can choose."""
    if a is b:
        return a
    if {a, b} == {DType.INT32, DType.INT64}:
        return DType.INT64
    for first, second in ((a, b), (b, a)):
        if first.is_float and second in _ARITHMETIC:
            return first
        if first.is_int and second is DType.BOOL:
            return first
    raise OpError(
        "E0406",
        f"`{op}` needs one element type, got {a.spec_name} and {b.spec_name}",
        blame=blame,
        help="declare both inputs with the same type",
    )


@component
class Arithmetic(Op):
    """Arithmetic on two tensors, or on a tensor and a number.

    Arguments:
        scalar: the number, where there is no second tensor
    """

    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        Port("other", "the second tensor", optional=True),
    )
    sign: ClassVar[str]
    onnx_type: ClassVar[str]
    true_division: ClassVar[bool] = False

    scalar: float | None = keyword(None)

    @property
    def reversed(self) -> bool:
        """Whether the number stands on the left."""
        return bool(getattr(self, "reverse", False))

    def infer(self, inputs: Inputs) -> TensorType:
        x, other = inputs.x, inputs.get("other")
        if (other is None) == (self.scalar is None):
            raise OpError(
                "E0410",
                f"`{self.name}` takes two values, got {'one' if other is None else 'three'}",
                blame="x" if other is None else "scalar",
                help=f"write `a {self.sign} b`, or `[a, b] -> {self.name}`",
            )
        if x.dtype is DType.STRING or (other is not None and other.dtype is DType.STRING):
            raise OpError("E0406", f"`{self.name}` takes numbers, got {x}", blame="x")
        if other is None:
            return x.with_dtype(self._scalar_dtype(x.dtype))
        dtype = promote(self.name, x.dtype, other.dtype)
        if dtype is BOOL:
            raise OpError(
                "E0406",
                f"`{self.name}` takes numbers, got {x} and {other}",
                blame="x",
                help="multiply a float by a mask to make numbers of it",
            )
        if self.true_division and not dtype.is_float:
            dtype = FLOAT
        return TensorType(dtype, broadcast(self.name, x, other))

    def _scalar_dtype(self, dtype: DType) -> DType:
        """A whole number leaves integers what they are."""
        assert self.scalar is not None
        if dtype.is_float or (dtype.is_int and self.scalar.is_integer() and not self.true_division):
            return dtype
        return FLOAT

    def _number(self, result: DType) -> float | int:
        assert self.scalar is not None
        return int(self.scalar) if result.is_int else self.scalar

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        if self.scalar is None:
            return f"{t['x']} {self.sign} {t['other']}"
        # An integer times a whole number stays an integer; true division makes a float anyway.
        whole = t.inputs.x.dtype.is_int and self.scalar.is_integer()
        number = t.literal(int(self.scalar) if whole else self.scalar)
        if self.reversed:
            return f"{number} {self.sign} {t['x']}"
        return f"{t['x']} {self.sign} {number}"

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.results[0].dtype
        left = onnx_cast(b, b["x"], b.inputs.x.dtype, dtype)
        if self.scalar is not None:
            right = b.scalar(self._number(dtype), dtype)
        else:
            right = onnx_cast(b, b["other"], b.inputs["other"].dtype, dtype)
        if self.reversed:
            left, right = right, left
        return b.node(self.onnx_type, left, right)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 3, t), "other": float_tensor(n, 3, t)}),
            Example(cls(), {"x": float_tensor(n, t, 4), "other": float_tensor(4)}),
            Example(cls(), {"x": float_tensor(t, 4), "other": float_tensor(n, 1, 4)}),
            Example(cls(), {"x": float_tensor(n, 4), "other": int_tensor(n, 1)}, {"other": (1, 5)}),
            Example(cls(scalar=2.0), {"x": float_tensor(n, 4)}),
            Example(cls(scalar=3.0), {"x": int_tensor(n, t)}, {"x": (1, 9)}),
            Example(cls(scalar=-0.5), {"x": float_tensor(n, t)}),
        )


def onnx_cast(b: OnnxBuilder, value: str, have: DType, want: DType) -> str:
    """The value in the wanted element type."""
    return value if have is want else b.node("Cast", value, to=want.onnx)
