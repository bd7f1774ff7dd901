"""Activations: functions of one number, applied everywhere."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_float
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.record import component


@component
class Activation(Op):
    """A function of one number, applied everywhere.

    Class variables: `call`, the PyTorch function; `onnx_type`, the ONNX operator; `kept`,
    whether autograd keeps what comes in or what goes out; `mean_square`, of the result for
    a normal input.
    """

    call: ClassVar[str]
    onnx_type: ClassVar[str]
    kept: ClassVar[str]
    mean_square: ClassVar[float | None] = None

    def infer(self, inputs: Inputs) -> TensorType:
        require_float(self.name, inputs.x)
        return inputs.x

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return (self.kept,)

    def gain(self, inputs: Inputs) -> float | None:
        return self.mean_square

    def torch(self, t: TorchWriter) -> str:
        given = [(f.name, getattr(self, f.name), f.default) for f in dataclasses.fields(self)]
        options = [
            f"{name}={t.literal(value)}" for name, value, default in given if value != default
        ]
        return f"{self.call}({', '.join([t['x'], *options])})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node(self.onnx_type, b["x"])

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(), {"x": float_tensor(n, 3, 4)}),
            Example(cls(), {"x": float_tensor(n, t, 4)}),
        )
