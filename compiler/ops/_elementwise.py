"""Functions of one number, applied everywhere, that are no activations."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops._reduction import require_numbers
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component


@component
class Elementwise(Op):
    """A function of one number, applied everywhere.

    Class variables: `call`, the PyTorch function; `onnx_type`, the ONNX operator; `kept`,
    what of `x` and `y` autograd keeps; `integers`, whether whole numbers stay whole ones;
    `domain`, the numbers that examples draw; `mean_square`, of the result for a normal input.
    """

    call: ClassVar[str]
    onnx_type: ClassVar[str]
    kept: ClassVar[tuple[str, ...]] = ()
    integers: ClassVar[bool] = False
    domain: ClassVar[tuple[int, int] | None] = None
    mean_square: ClassVar[float | None] = None

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        if self.integers:
            require_numbers(self.name, x)
        elif not x.dtype.is_float:
            raise OpError(
                "E0406",
                f"`{self.name}` takes float, got {x}",
                blame="x",
                help="write `to(float)` before",
            )
        return x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return self.kept if inputs.x.dtype.is_float else ()

    def gain(self, inputs: Inputs) -> float | None:
        return self.mean_square

    def torch(self, t: TorchWriter) -> str:
        return f"{self.call}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node(self.onnx_type, b["x"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        drawn = {"x": cls.domain} if cls.domain else None
        found = (
            Example(cls(), {"x": float_tensor(n, 3, 4)}, drawn),
            Example(cls(), {"x": float_tensor(n, t)}, drawn),
        )
        if not cls.integers:
            return found
        return (*found, Example(cls(), {"x": int_tensor(n, t)}, {"x": (-9, 9)}))


@component
class Stepwise(Elementwise):
    """A function that is constant but for jumps."""

    integers: ClassVar[bool] = True
    exemptions: ClassVar[dict[str, str]] = {"gradient": "its derivative is 0"}
