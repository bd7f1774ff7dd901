"""What the recurrent layers share: layers, directions, lengths and states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, ClassVar, TypeAlias, cast

from dlc.compiler.components.arguments import Ge, Le
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.parametrization import is_magnitude, plain_name
from dlc.compiler.ir.protocols import Attribute, OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import known, require_equal, require_float, require_int, require_rank
from dlc.compiler.ops._normed import NormedOp
from dlc.compiler.ops.base import Example, Op, OpError, Port

LayerCount: TypeAlias = Annotated[int, Ge(1), Le(1000)]

LENGTHS = Port("lengths", "the true length of each sequence, int[N]", optional=True)
H0 = Port("h0", "the first hidden states, [num_layers·D, N, hidden_size]", optional=True)

_HELPER = '''\
class {name}(nn.{name}):
    """{title}, batch first, that gives its outputs and the last states.

    Behind the length of a sequence nothing is run: outputs there are 0, and the last state
    is the one at the true end, in both directions. Without `return_sequences` the output
    is the last layer's state at the end, both directions side by side.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        return_sequences: bool = True,
        **options: bool | float | str,
    ) -> None:
        super().__init__(input_size, hidden_size, batch_first=True, **options)
        self.return_sequences = return_sequences

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, h0: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if lengths is None:
            y, h = super().forward(x, h0)
        else:
            # Lengths steer the kernel from the CPU.
            packed = nn.utils.rnn.pack_padded_sequence(
                x, lengths.to("cpu", torch.int64), batch_first=True, enforce_sorted=False
            )
            packed, h = super().forward(packed, h0)
            y, _ = nn.utils.rnn.pad_packed_sequence(
                packed, batch_first=True, total_length=x.shape[1]
            )
        if not self.return_sequences:
            directions = 2 if self.bidirectional else 1
            y = h[-directions:].transpose(0, 1).flatten(1)
        return y, h
'''


_NORM_ALL = '''\
def {norm}_all(layer: nn.RNNBase) -> nn.RNNBase:
    """Applies {words} norm to every weight of a recurrent layer."""
    for name in [name for name, _ in layer.named_parameters() if name.startswith("weight")]:
        {norm}(layer, name)
    return layer
'''


def _norm_all(norm: str) -> str:
    return _NORM_ALL.format(norm=norm, words=norm.removesuffix("_norm"))


def one_state_helper(name: str, title: str) -> str:
    """The class of a layer whose state is one tensor, on top of PyTorch's of this name."""
    return _HELPER.format(name=name, title=title)


class Recurrent(NormedOp):
    """A recurrent layer, or several, over [N, T, C].

    An op gives `twin`, the class in torch.nn and the op in ONNX; `gates`, where each of
    ONNX's gates stands among PyTorch's; `helper`, the class that is written; `kept`, how many
    vectors of a state's size autograd keeps of a step, what comes out among them. The last
    states are the results after the first, and the first ones the ports `h0`, `c0`.

    The arguments are declared by each op, in PyTorch's order.

    Arguments:
        recurrent_init: how the weights of the states start, as `init` where it is not given
        hidden_size: the size of a state
        num_layers: how many such networks follow each other
        bias: whether there are biases
        dropout: the probability of zeros between the layers while training
        bidirectional: whether another network runs from the end to the beginning
        return_sequences: whether y has every step, or the end only
    """

    twin: ClassVar[str]
    gates: ClassVar[tuple[int, ...]]
    helper: ClassVar[str]
    kept: ClassVar[int]

    ports: ClassVar[tuple[Port, ...]] = (Port("x"), LENGTHS, H0)
    results: ClassVar[tuple[str, ...]] = ("y", "h")
    exemptions: ClassVar[dict[str, str]] = {
        "onnx.reference:lengths": "it ignores `sequence_lens`",
        "meta:lengths": "PyTorch packs sequences by lengths, which have no values there",
        "saved_bytes": "an estimate: what is kept depends on the kernel",
    }

    hidden_size: int
    num_layers: int
    bias: bool
    dropout: float
    bidirectional: bool
    return_sequences: bool
    recurrent_init: Initializer | None

    def validate(self) -> None:
        super().validate()
        if self.dropout and self.num_layers == 1:
            raise OpError(
                "E0311",
                f"`dropout` of `{self.name}` acts between layers, and there is one",
                blame="dropout",
                help="put `dropout` behind it as a layer, or use `num_layers=2`",
            )

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    # ── sizes ────────────────────────────────────────────────────────────────

    def _in_features(self, x: TensorType) -> int:
        help = "give the last dim a number, or a param of the block (`float[N, T, dim]`)"
        return known(self.name, x, -1, "last size", help)

    def infer(self, inputs: Inputs) -> tuple[TensorType, ...]:
        x = inputs.x
        require_float(self.name, x)
        require_rank(
            self.name,
            x,
            3,
            layout="[N, T, C]",
            help="words become vectors with `embedding`" if x.rank == 2 else None,
        )
        self._in_features(x)
        batch, steps, _ = x.shape
        state = x.with_shape(self.num_layers * self.directions, batch, self.hidden_size)
        self._check_lengths(inputs)
        states = self.results[1:]
        for name in states:
            self._check_state(inputs, f"{name}0", state)
        width = self.directions * self.hidden_size
        y = (batch, steps, width) if self.return_sequences else (batch, width)
        return x.with_shape(*y), *(state for _ in states)

    def _check_lengths(self, inputs: Inputs) -> None:
        lengths = inputs.get("lengths")
        if lengths is None:
            return
        require_int(self.name, lengths, "lengths")
        require_rank(self.name, lengths, 1, layout="lengths of [N]", port="lengths")
        require_equal(
            self.name,
            lengths.shape[0],
            inputs.x.shape[0],
            f"`lengths` of `{self.name}` needs a number for each sequence, "
            f"got {lengths} for {inputs.x}",
            blame="lengths",
        )

    def _check_state(self, inputs: Inputs, port: str, state: TensorType) -> None:
        given = inputs.get(port)
        if given is None:
            return
        require_float(self.name, given, port)
        require_rank(self.name, given, 3, layout=f"`{port}` of {state.shape_text}", port=port)
        for have, want in zip(given.shape, state.shape, strict=True):
            require_equal(
                self.name,
                have,
                want,
                f"`{port}` of `{self.name}` is expected to be {state}, got {given}",
                blame=port,
                help=f"`{port}` holds a state for each layer and direction: give this layer the "
                "`num_layers`, `bidirectional` and `hidden_size` of the one that it comes from",
            )

    # ── weights ──────────────────────────────────────────────────────────────

    def _cells(self) -> Iterator[tuple[int, str]]:
        """Each layer and direction: the layer, and what its parameters' names end in."""
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                yield layer, f"l{layer}" + ("_reverse" if direction else "")

    def _width(self, x: TensorType, layer: int) -> int:
        """What comes into a layer."""
        return self.directions * self.hidden_size if layer else self._in_features(x)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        rows = len(self.gates) * self.hidden_size
        found: list[Parameter] = []
        for layer, end in self._cells():
            width = self._width(inputs.x, layer)
            found += [
                self.weight_parameter(f"weight_ih_{end}", rows, width),
                self.weight_parameter(f"weight_hh_{end}", rows, self.hidden_size),
            ]
            if self.bias:
                found += [
                    self.bias_parameter(f"bias_ih_{end}", rows),
                    self.bias_parameter(f"bias_hh_{end}", rows),
                ]
        return self.stored(*found)

    def starting(self, parameter: Parameter, section: Initializer | None) -> Initializer | None:
        of_states = plain_name(parameter.name).startswith("weight_hh")
        if self.recurrent_init is not None and of_states and not is_magnitude(parameter.name):
            return self.normalizable(parameter, self.recurrent_init, "recurrent_init")
        return super().starting(parameter, section)

    # ── cost ─────────────────────────────────────────────────────────────────

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        batch, steps, _ = inputs.x.shape
        width = sum(self._width(inputs.x, layer) + self.hidden_size for layer, _ in self._cells())
        return batch * steps * (len(self.gates) * self.hidden_size * width)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y") if self.return_sequences else ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        batch, steps, _ = inputs.x.shape
        vectors = self.kept * self.num_layers * self.directions
        if self.return_sequences:
            vectors -= self.directions
        return batch * steps * (vectors * self.hidden_size * inputs.x.dtype.bytes)

    # ── PyTorch ──────────────────────────────────────────────────────────────

    def torch_options(self) -> dict[str, Value]:
        """The keyword arguments of the module that are not PyTorch's defaults."""
        return {
            name: getattr(self, name)
            for name, default in (
                ("num_layers", 1),
                ("bias", True),
                ("dropout", 0.0),
                ("bidirectional", False),
                ("return_sequences", True),
            )
            if getattr(self, name) != default
        }

    def torch(self, t: TorchWriter) -> str:
        t.helper(self.twin, self.helper)
        width = self._in_features(t.inputs.x)
        layer = t.module(self.twin, width, self.hidden_size, **self.torch_options())
        if self.norm:
            t.wrap(t.helper(f"{self.norm}_all", _norm_all(self.norm)))
        arguments = [t["x"]]
        for port in self.ports[1:]:
            if (given := t.get(port.name)) is not None:
                arguments.append(f"{port.name}={given}")
        return f"{layer}({', '.join(arguments)})"

    # ── ONNX ─────────────────────────────────────────────────────────────────

    def onnx_attributes(self) -> dict[str, Attribute]:
        """What the ONNX op needs beside size and direction."""
        return {}

    def onnx(self, b: OnnxBuilder) -> tuple[str, ...]:
        lengths = b.get("lengths")
        if lengths is not None and b.inputs["lengths"].dtype is not DType.INT32:
            lengths = b.node("Cast", lengths, to=DType.INT32.onnx)
        states = self.results[1:]
        first = [self._split_state(b, f"{name}0") for name in states]
        value = b.node("Transpose", b["x"], perm=(1, 0, 2))
        steps = ""
        last: list[tuple[str, ...]] = []
        for layer in range(self.num_layers):
            if layer:
                value = self._side_by_side(b, b.node("Transpose", steps, perm=(0, 2, 1, 3)), 2)
            steps, *ends = b.nodes(
                self.twin,
                value,
                self._onnx_weight(b, "weight_ih", layer),
                self._onnx_weight(b, "weight_hh", layer),
                self._onnx_bias(b, layer),
                lengths,
                *(state[layer] for state in first),
                outputs=1 + len(states),
                domain="",
                hidden_size=self.hidden_size,
                direction="bidirectional" if self.bidirectional else "forward",
                **self.onnx_attributes(),
            )
            last.append(tuple(ends))
        if self.return_sequences:
            y = self._side_by_side(b, b.node("Transpose", steps, perm=(2, 0, 1, 3)), 2)
        else:
            y = self._side_by_side(b, b.node("Transpose", last[-1][0], perm=(1, 0, 2)), 1)
        return y, *(_joined(b, state) for state in zip(*last, strict=True))

    def _side_by_side(self, b: OnnxBuilder, value: str, dims: int) -> str:
        """The directions, dim `dims`, and their states in one dim."""
        width = self.directions * self.hidden_size
        return b.node("Reshape", value, b.constant([0] * dims + [width], DType.INT64))

    def _split_state(self, b: OnnxBuilder, port: str) -> tuple[str | None, ...]:
        """The first state of each layer."""
        value = b.get(port)
        if value is None or self.num_layers == 1:
            return (value,) * self.num_layers
        return b.nodes("Split", value, outputs=self.num_layers, axis=0, num_outputs=self.num_layers)

    def _ends(self, layer: int) -> list[str]:
        return [end for of, end in self._cells() if of == layer]

    def _onnx_weight(self, b: OnnxBuilder, kind: str, layer: int) -> str:
        first, *others = (
            _cut(Weight(f"{kind}_{end}"), self.gates).unsqueeze(0) for end in self._ends(layer)
        )
        return b.weight(first.concat(*others, axis=0) if others else first)

    def _onnx_bias(self, b: OnnxBuilder, layer: int) -> str | None:
        if not self.bias:
            return None
        first, *others = (
            _cut(Weight(f"bias_ih_{end}"), self.gates)
            .concat(_cut(Weight(f"bias_hh_{end}"), self.gates), axis=0)
            .unsqueeze(0)
            for end in self._ends(layer)
        )
        return b.weight(first.concat(*others, axis=0) if others else first)

    # ── examples ─────────────────────────────────────────────────────────────

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x, lengths = float_tensor(n, t, 3), int_tensor(n)
        within = {"lengths": (1, 3)}
        states = [f"{name}0" for name in cls.results[1:]]
        first = {port: float_tensor(2, n, 4) for port in states}
        # The arguments are those of the op, which this class does not declare.
        make = cast(Callable[..., Op], cls)
        whole: list[tuple[dict[str, object], dict[str, TensorType]]] = [
            ({}, {"x": x}),
            ({"bias": False, "return_sequences": False}, {"x": x}),
            ({"num_layers": 2, "bidirectional": True}, {"x": x}),
            ({"num_layers": 2, "dropout": 0.3}, {"x": x, **first}),
            ({}, {"x": x, "lengths": lengths}),
            (
                {"num_layers": 2, "bidirectional": True, "return_sequences": False},
                {"x": x, "lengths": lengths},
            ),
            ({"bidirectional": True}, {"x": x, "lengths": lengths, "h0": float_tensor(2, n, 4)}),
            (
                {"num_layers": 2, "bidirectional": True, "weight_norm": True},
                {"x": x, "lengths": lengths},
            ),
            ({"bias": False, "spectral_norm": True}, {"x": x}),
        ]
        return tuple(
            Example(make(hidden_size=4, **arguments), dict(inputs), within)
            for arguments, inputs in whole
        )


def _cut(weight: Weight, gates: tuple[int, ...]) -> Weight:
    return weight.blocks(gates) if len(gates) > 1 else weight


def _joined(b: OnnxBuilder, states: tuple[str, ...]) -> str:
    return states[0] if len(states) == 1 else b.node("Concat", *states, axis=0)
