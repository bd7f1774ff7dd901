"""What the recurrent cells share: one step of a recurrent layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, cast

from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Attribute, OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.compiler.ops._checks import known, require_equal, require_float, require_rank
from dlc.compiler.ops.base import Example, Op, Port, WeightedOp

H0 = Port("h0", "the hidden state before, [N, hidden_size]; 0 where it is not given", optional=True)


class RecurrentCell(WeightedOp):
    """One step of a recurrent layer, [N, C] and a state to a state.

    An op gives `twin`, the layer's class in torch.nn and its op in ONNX; `gates`, where each
    of ONNX's gates stands among PyTorch's; `kept`, how many vectors of a state's size autograd
    keeps beside inputs and results. The states before are the ports `h0`, `c0`, those
    behind its results.

    Arguments:
        hidden_size: the size of a state
        bias: whether there are biases
        recurrent_init: how the weights of the states start, as `init` where it is not given
    """

    twin: ClassVar[str]
    gates: ClassVar[tuple[int, ...]]
    kept: ClassVar[int]

    ports: ClassVar[tuple[Port, ...]] = (Port("x"), H0)
    results: ClassVar[tuple[str, ...]] = ("h",)
    exemptions: ClassVar[dict[str, str]] = {
        "saved_bytes": "an estimate: what is kept depends on the kernel",
    }

    hidden_size: int
    bias: bool
    recurrent_init: Initializer | None

    def infer(self, inputs: Inputs) -> TensorType | tuple[TensorType, ...]:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            2,
            layout="one step, [N, C]",
            help=f"a whole sequence goes through `{self.twin.lower()}`" if x.rank == 3 else None,
        )
        self._in_features(x)
        state = x.with_shape(x.shape[0], self.hidden_size)
        for port in self._state_ports:
            self._check_state(inputs, port, state)
        return state if len(self.results) == 1 else (state,) * len(self.results)

    @property
    def _state_ports(self) -> tuple[str, ...]:
        return tuple(f"{name}0" for name in self.results)

    def _in_features(self, x: TensorType) -> int:
        help = "give the last dim a number, or a param of the block (`float[N, dim]`)"
        return known(self.name, x, -1, "last size", help)

    def _check_state(self, inputs: Inputs, port: str, state: TensorType) -> None:
        given = inputs.get(port)
        if given is None:
            return
        require_float(self.name, given, port)
        require_rank(self.name, given, 2, layout=f"`{port}` of {state.shape_text}", port=port)
        for have, want in zip(given.shape, state.shape, strict=True):
            require_equal(
                self.name,
                have,
                want,
                f"`{port}` of `{self.name}` is expected to be {state}, got {given}",
                blame=port,
            )

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        rows = len(self.gates) * self.hidden_size
        found = [
            self.weight_parameter("weight_ih", rows, self._in_features(inputs.x)),
            self.weight_parameter("weight_hh", rows, self.hidden_size),
        ]
        if self.bias:
            found += [self.bias_parameter(name, rows) for name in ("bias_ih", "bias_hh")]
        return tuple(found)

    def starting(self, parameter: Parameter, section: Initializer | None) -> Initializer | None:
        if self.recurrent_init is not None and parameter.name == "weight_hh":
            return self.recurrent_init
        return super().starting(parameter, section)

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        width = self._in_features(inputs.x) + self.hidden_size
        return inputs.x.shape[0] * (len(self.gates) * self.hidden_size * width)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", *(port for port in self._state_ports if port in inputs))

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        return inputs.x.shape[0] * (self.kept * self.hidden_size * inputs.x.dtype.bytes)

    # ── PyTorch ──────────────────────────────────────────────────────────────

    def torch_options(self) -> dict[str, Value]:
        """The keyword arguments of the module that are not PyTorch's defaults."""
        return {} if self.bias else {"bias": False}

    def torch_state(self, t: TorchWriter) -> str | None:
        """The state as PyTorch's cell takes it."""
        return t.get("h0")

    def torch(self, t: TorchWriter) -> str:
        sizes = (self._in_features(t.inputs.x), self.hidden_size)
        cell = t.module(f"nn.{self.twin}Cell", *sizes, **self.torch_options())
        arguments = [t["x"]]
        if (state := self.torch_state(t)) is not None:
            arguments.append(state)
        return f"{cell}({', '.join(arguments)})"

    # ── ONNX ─────────────────────────────────────────────────────────────────

    def onnx_attributes(self) -> dict[str, Attribute]:
        """What the ONNX op needs beside the size."""
        return {}

    def onnx(self, b: OnnxBuilder) -> str | tuple[str, ...]:
        first = b.constant([0], DType.INT64)

        def step(value: str | None) -> str | None:
            return None if value is None else b.node("Unsqueeze", value, first)

        _, *states = b.nodes(
            self.twin,
            step(b["x"]),
            b.weight(self._cut("weight_ih").unsqueeze(0)),
            b.weight(self._cut("weight_hh").unsqueeze(0)),
            b.weight(self._cut("bias_ih").concat(self._cut("bias_hh"), axis=0).unsqueeze(0))
            if self.bias
            else None,
            None,
            *(step(b.get(port)) for port in self._state_ports),
            outputs=1 + len(self.results),
            domain="",
            hidden_size=self.hidden_size,
            **self.onnx_attributes(),
        )
        ends = tuple(b.node("Squeeze", state, first) for state in states)
        return ends if len(ends) > 1 else ends[0]

    def _cut(self, name: str) -> Weight:
        weight = Weight(name)
        return weight.blocks(self.gates) if len(self.gates) > 1 else weight

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x, state = float_tensor(symbol("N"), 3), float_tensor(symbol("N"), 4)
        # The arguments are those of the op, which this class does not declare.
        make = cast(Callable[..., Op], cls)
        return (
            Example(make(hidden_size=4), {"x": x, **{f"{n}0": state for n in cls.results}}),
            Example(make(hidden_size=4, bias=False), {"x": x, "h0": state}),
        )
