"""What an op is. One op is one file: adding one is that file and its page of cases."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component, ComponentError, keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component, record


class OpError(ComponentError):
    """An op that cannot take its inputs. `blame` names an argument, or a port, whose place
    is then underlined; ops know neither spans nor diagnostics."""


@record
class Port:
    """A tensor that flows in. The first port takes the value from the line above; the
    others are given by name (`key_padding_mask=mask`). A variadic port takes all."""

    name: str
    doc: str = ""
    optional: bool = False
    variadic: bool = False


@record
class Example:
    """An op on inputs of given types, for the conformance test. `ranges` bounds the drawn
    numbers of a port, half-open (`{"x": (0, 10)}` for an index); `extremes` False
    where values of 1e4 are outside what the op is for, with the reason."""

    op: Op
    inputs: dict[str, TensorType | tuple[TensorType, ...]]
    ranges: dict[str, tuple[int, int]] | None = None
    extremes: bool = True
    reason: str = ""


@component
class Op(Component):
    """The base of every op.

    Class variables: `ports`, none for an op that makes its value of its arguments alone;
    `results`, the names of what comes out; `shareable`, the parameters that another
    layer's may stand in for (`weight=tok.weight`);
    `exemptions`, conformance checks that do not apply, each with the reason: `meta`,
    `gradient` where it is 0 everywhere,
    `meta:lengths` for the examples that give that port or argument,
    `onnx.reference:extreme` for huge numbers.
    """

    kind: ClassVar[str] = "op"
    ports: ClassVar[tuple[Port, ...]] = (Port("x"),)
    results: ClassVar[tuple[str, ...]] = ("y",)
    shareable: ClassVar[tuple[str, ...]] = ()
    exemptions: ClassVar[dict[str, str]] = {}

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """What the conformance test runs; at least one."""
        raise NotImplementedError(cls.name)

    def infer(self, inputs: Inputs) -> TensorType | tuple[TensorType, ...]:
        """The type of the result, or of each result. Raises `OpError`."""
        raise NotImplementedError(self.name)

    def result_names(self, count: int) -> tuple[str, ...]:
        """The names of so many results; an op that gives any number of them says how."""
        return self.results[:count]

    def result_types(self, inputs: Inputs) -> tuple[TensorType, ...]:
        found = self.infer(inputs)
        return found if isinstance(found, tuple) else (found,)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        """Learned tensors and buffers, in state_dict order. Raises `OpError`."""
        return ()

    def index_limits(self) -> dict[str, int]:
        """The ports that take indices, each with the number that all of them are below."""
        return {}

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        """Multiply-accumulates as torch's counter counts them: convolutions and matrix
        products only (half of its FLOPs)."""
        return 0

    def keeps(self, inputs: Inputs) -> tuple[str, ...] | None:
        """The ports and results that autograd keeps for the backward pass: what one layer
        gives and the next keeps is one tensor. None where the theory stops."""
        return None

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        """Bytes that autograd keeps beside those: masks, indices, statistics."""
        return 0

    def saved_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim | None:
        """Bytes that autograd keeps for the backward pass beside the parameters, in
        float32; None where the theory stops."""
        kept = self.keeps(inputs)
        if kept is None:
            return None
        named = dict(zip(self.result_names(len(results)), results, strict=True))
        types = [
            t for name in kept for t in ((named[name],) if name in named else inputs.many(name))
        ]
        total = self.own_bytes(inputs, results)
        for t in types:
            total = total + t.elements * t.dtype.bytes
        return total

    def gain(self, inputs: Inputs) -> float | None:
        """The mean square of the output over that of the input, for independent, normal
        inputs of mean 0 and variance 1; None where the theory stops."""
        return None

    def torch(self, t: TorchWriter) -> str:
        """The source text of the result; a tuple of several."""
        raise NotImplementedError(self.name)

    def onnx(self, b: OnnxBuilder) -> str | tuple[str, ...]:
        """The ONNX nodes; gives the handle of the result, or of each result. Raises
        `OpError("E0614", ...)` where ONNX cannot express this."""
        raise NotImplementedError(self.name)


@component
class InitializedOp(Op):
    """An op with learned weights.

    Arguments:
        init: how the weights start; overrides the `init` section
    """

    init: Initializer | None = keyword(None)

    def weight_parameter(self, name: str, *shape: Dim, role: str = "weight") -> Parameter:
        """A parameter that starts as `init` says."""
        return Parameter(name=name, shape=shape, role=role, initializer=self.init)

    def starting(self, parameter: Parameter, section: Initializer | None) -> Initializer | None:
        """How a parameter starts: as an argument of this op says, else as the `init` section
        does, `section`; None where neither speaks of it."""
        return self.init or section


@component
class WeightedOp(InitializedOp):
    """An op with learned weights and biases.

    Arguments:
        bias_init: how the bias starts; overrides the `init` section
    """

    bias_init: Initializer | None = keyword(None)

    def bias_parameter(self, name: str, *shape: Dim, role: str = "bias") -> Parameter:
        """A parameter that starts as `bias_init` says."""
        return Parameter(name=name, shape=shape, role=role, initializer=self.bias_init)

    def starting(self, parameter: Parameter, section: Initializer | None) -> Initializer | None:
        if parameter.is_bias:
            return self.bias_init or section
        return super().starting(parameter, section)

    @property
    def has_bias(self) -> bool:
        """Whether anything starts as `bias_init` says."""
        return bool(getattr(self, "bias", True))

    def validate(self) -> None:
        if self.bias_init is not None and not self.has_bias:
            raise OpError(
                "E0311",
                f"`{self.name}` has no bias here, yet `bias_init` is given",
                blame="bias_init",
                help="leave out `bias_init`",
            )
