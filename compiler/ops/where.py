"""`where`: one of two tensors, place by place."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import BOOL, TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops._broadcast import broadcast, onnx_cast, promote
from dlc.compiler.ops._logical import require_flags
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, Port
from dlc.compiler.record import component


@component
class Where(Op):
    """One of two tensors, place by place, as a flag says.

        known = tokens -> ne(1)
        known -> where(x=word, y=unknown)
        [known, word, unknown] -> where

    y = x where the condition holds, else the other. All three stretch as in `add`. With a
    number in place of a tensor it is `masked_fill`.
    """

    name: ClassVar[str] = "where"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("condition", "the flags"),
        Port("x", "what is taken where the flag is true"),
        Port("y", "what is taken where it is false"),
    )
    results: ClassVar[tuple[str, ...]] = ("chosen",)

    def infer(self, inputs: Inputs) -> TensorType:
        condition, x, y = inputs["condition"], inputs["x"], inputs["y"]
        require_flags(self.name, condition, "condition")
        for port, value in (("x", x), ("y", y)):
            require_numbers(self.name, value, port, bools=True)
        dtype = promote(self.name, x.dtype, y.dtype, "y")
        either = TensorType(dtype, broadcast(self.name, x, y, "y"))
        return either.with_shape(*broadcast(self.name, either, condition, "condition"))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        floats = inputs["x"].dtype.is_float or inputs["y"].dtype.is_float
        return ("condition",) if floats else ()

    def gain(self, inputs: Inputs) -> float | None:
        return 1.0

    def torch(self, t: TorchWriter) -> str:
        return f"torch.where({t['condition']}, {t['x']}, {t['y']})"

    def onnx(self, b: OnnxBuilder) -> str:
        dtype = b.results[0].dtype
        if dtype is BOOL:
            # onnxruntime chooses between numbers only.
            first = b.node("And", b["condition"], b["x"])
            second = b.node("And", b.node("Not", b["condition"]), b["y"])
            return b.node("Or", first, second)
        return b.node(
            "Where",
            b["condition"],
            onnx_cast(b, b["x"], b.inputs["x"].dtype, dtype),
            onnx_cast(b, b["y"], b.inputs["y"].dtype, dtype),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x, flags = float_tensor(n, t, 3), bool_tensor(n, t, 1)
        whole = {"x": (-5, 5), "y": (-5, 5)}
        return (
            Example(cls(), {"condition": flags, "x": x, "y": x}),
            Example(cls(), {"condition": flags, "x": x, "y": float_tensor(3)}),
            Example(
                cls(), {"condition": bool_tensor(n, 3), "x": float_tensor(3), "y": float_tensor(1)}
            ),
            Example(
                cls(),
                {"condition": bool_tensor(n, t), "x": int_tensor(n, t), "y": int_tensor(1)},
                whole,
            ),
            Example(
                cls(),
                {"condition": bool_tensor(n, t), "x": float_tensor(n, t), "y": int_tensor(t)},
                whole | {"x": (-2, 2)},
            ),
            Example(
                cls(), {"condition": bool_tensor(n, t), "x": bool_tensor(n, t), "y": bool_tensor(t)}
            ),
        )
