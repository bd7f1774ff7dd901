"""`to`: another element type."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import (
    BOOL,
    FLOAT,
    INT,
    DType,
    TensorType,
    bool_tensor,
    float_tensor,
    int_tensor,
)
from dlc.compiler.ops._broadcast import onnx_cast
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_TYPES = {"float": FLOAT, "int": INT, "bool": BOOL}
_METHODS = {FLOAT: "float", INT: "long", BOOL: "bool"}


@component
class To(Op):
    """The same numbers with another element type.

        age -> to(float)             # int[N] -> float[N]
        mask -> to(float)            # 1 where true, 0 where false

    Float becomes int by cutting towards 0, and bool by being other than 0; no gradient goes
    through either. Precision is no matter of the network: `train.precision` and
    `export.precision` set it for all.

    Arguments:
        dtype: the element type
    """

    name: ClassVar[str] = "to"
    dtype: Literal["float", "int", "bool"]

    @property
    def _type(self) -> DType:
        return _TYPES[self.dtype]

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        if x.dtype is DType.STRING:
            raise OpError(
                "E0406",
                f"`to` takes numbers or flags, got {x}",
                blame="x",
                help="strings become indices with `preprocess: {x: vocabulary}`",
            )
        return x.with_dtype(self._type)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0 if self._type is FLOAT else None

    def torch(self, t: TorchWriter) -> str:
        if t.inputs.x.dtype is self._type:
            return t["x"]
        return f"{t['x']}.{_METHODS[self._type]}()"

    def onnx(self, b: OnnxBuilder) -> str:
        return onnx_cast(b, b["x"], b.inputs.x.dtype, self._type)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(dtype="float"), {"x": int_tensor(n, t)}, {"x": (-9, 9)}),
            Example(cls(dtype="float"), {"x": bool_tensor(n, t)}),
            Example(cls(dtype="float"), {"x": float_tensor(n, t)}),
            Example(cls(dtype="int"), {"x": float_tensor(n, t, 3)}),
            Example(cls(dtype="int"), {"x": bool_tensor(n, t)}),
            Example(cls(dtype="bool"), {"x": int_tensor(n, t)}, {"x": (-1, 2)}),
            Example(cls(dtype="bool"), {"x": float_tensor(n, t)}),
        )
