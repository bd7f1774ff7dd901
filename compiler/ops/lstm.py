"""`lstm`: a recurrent network with long short-term memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Le, Positive, Probability
from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter, Weight
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import known, require_equal, require_float, require_int, require_rank
from dlc.compiler.ops.base import Example, OpError, Port, WeightedOp
from dlc.compiler.record import component

_HELPER = '''\
class LSTM(nn.LSTM):
    """An LSTM, batch first, that gives its outputs, the last hidden and the last cell states.

    Behind the length of a sequence nothing is run: outputs there are 0, and the last state
    is the one at the true end, in both directions. Without `return_sequences` the output
    is the last layer's state at the end, both directions side by side.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        return_sequences: bool = True,
        **options: bool | float,
    ) -> None:
        super().__init__(input_size, hidden_size, batch_first=True, **options)
        self.return_sequences = return_sequences

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        h0: Tensor | None = None,
        c0: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        state = None
        if h0 is not None or c0 is not None:
            known = h0 if h0 is not None else c0
            state = tuple(torch.zeros_like(known) if s is None else s for s in (h0, c0))
        if lengths is None:
            y, (h, c) = super().forward(x, state)
        else:
            # Lengths steer the kernel from the CPU.
            packed = nn.utils.rnn.pack_padded_sequence(
                x, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            packed, (h, c) = super().forward(packed, state)
            y, _ = nn.utils.rnn.pad_packed_sequence(
                packed, batch_first=True, total_length=x.shape[1]
            )
        if not self.return_sequences:
            directions = 2 if self.bidirectional else 1
            y = h[-directions:].transpose(0, 1).flatten(1)
        return y, h, c
'''

# PyTorch keeps the gates in the order i, f, g, o; ONNX in the order i, o, f, g.
_GATES = (0, 3, 1, 2)


@component
class Lstm(WeightedOp):
    """A recurrent network with long short-term memory, over [N, T, C].

        lstm(128, num_layers=2, bidirectional=true, lengths=lengths, return_sequences=false)
        y, h, c = x -> lstm(64)

    i, f, o = sigmoid(W x + U h + b), g = tanh(W x + U h + b), c = f·c + i·g, h = o·tanh(c).

    Gives y of [N, T, D·hidden_size], D the number of directions, and the last states h and
    c of every layer and direction, [num_layers·D, N, hidden_size]. With
    `return_sequences=false` y is the state of the last layer at the end, [N, D·hidden_size]:
    the last step of the forward direction, then the first step of the backward one.
    With `lengths` the padding is not run, so that a sequence gives the same alone and in a
    batch; y is 0 there, and the end is the true end. A length is at least 1.

    Arguments:
        hidden_size: the size of a state
        num_layers: how many such networks follow each other
        bias: whether the gates have biases
        dropout: the probability of zeros between the layers while training
        bidirectional: whether another network runs from the end to the beginning
        return_sequences: whether y has every step, or the end only

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.
    """

    name: ClassVar[str] = "lstm"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        Port("lengths", "the true length of each sequence, int[N]", optional=True),
        Port("h0", "the first hidden states, [num_layers·D, N, hidden_size]", optional=True),
        Port("c0", "the first cell states, [num_layers·D, N, hidden_size]", optional=True),
    )
    results: ClassVar[tuple[str, ...]] = ("y", "h", "c")
    exemptions: ClassVar[dict[str, str]] = {
        "onnx.reference:lengths": "its LSTM ignores `sequence_lens`",
        "meta:lengths": "PyTorch packs sequences by lengths, which have no values there",
        "saved_bytes": "an estimate: what is kept depends on the kernel",
    }

    hidden_size: Positive
    num_layers: Annotated[int, Ge(1), Le(1000)] = 1
    bias: bool = True
    dropout: Probability = 0.0
    bidirectional: bool = False
    return_sequences: bool = keyword(True)

    def validate(self) -> None:
        super().validate()
        if self.dropout and self.num_layers == 1:
            raise OpError(
                "E0311",
                "`dropout` of `lstm` acts between layers, and there is one",
                blame="dropout",
                help="put `dropout` behind it as a layer, or use `num_layers=2`",
            )

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

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
        for port in ("h0", "c0"):
            self._check_state(inputs, port, state)
        width = self.directions * self.hidden_size
        y = x.with_shape(batch, steps, width) if self.return_sequences else None
        return y or x.with_shape(batch, width), state, state

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
            f"`lengths` of `lstm` needs a number for each sequence, got {lengths} for {inputs.x}",
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
                f"`{port}` of `lstm` is expected to be {state}, got {given}",
                blame=port,
            )

    def _cells(self) -> Iterator[tuple[int, str]]:
        """Each layer and direction: the layer, and what its parameters' names end in."""
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                yield layer, f"l{layer}" + ("_reverse" if direction else "")

    def _width(self, x: TensorType, layer: int) -> int:
        """What comes into a layer."""
        return self.directions * self.hidden_size if layer else self._in_features(x)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        gates = 4 * self.hidden_size
        found: list[Parameter] = []
        for layer, end in self._cells():
            width = self._width(inputs.x, layer)
            found += [
                self.weight_parameter(f"weight_ih_{end}", gates, width),
                self.weight_parameter(f"weight_hh_{end}", gates, self.hidden_size),
            ]
            if self.bias:
                found += [
                    self.bias_parameter(f"bias_ih_{end}", gates),
                    self.bias_parameter(f"bias_hh_{end}", gates),
                ]
        return tuple(found)

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        batch, steps, _ = inputs.x.shape
        width = sum(self._width(inputs.x, layer) + self.hidden_size for layer, _ in self._cells())
        return batch * steps * (4 * self.hidden_size * width)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "y") if self.return_sequences else ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # Of each step, layer and direction: four gates, the cell, and what comes out.
        batch, steps, _ = inputs.x.shape
        cells = 6 * self.num_layers * self.directions
        if self.return_sequences:
            cells -= self.directions
        return batch * steps * (cells * self.hidden_size * inputs.x.dtype.bytes)

    def torch(self, t: TorchWriter) -> str:
        t.helper("LSTM", _HELPER)
        options: dict[str, Value] = {
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
        layer = t.module("LSTM", self._in_features(t.inputs.x), self.hidden_size, **options)
        arguments = [t["x"]]
        arguments += [f"{p}={v}" for p in ("lengths", "h0", "c0") if (v := t.get(p)) is not None]
        return f"{layer}({', '.join(arguments)})"

    def onnx(self, b: OnnxBuilder) -> tuple[str, ...]:
        lengths = b.get("lengths")
        if lengths is not None and b.inputs["lengths"].dtype is not DType.INT32:
            lengths = b.node("Cast", lengths, to=6)
        first = [self._split_state(b, port) for port in ("h0", "c0")]
        value = b.node("Transpose", b["x"], perm=(1, 0, 2))
        steps, last_h, last_c = "", [], []
        for layer in range(self.num_layers):
            if layer:
                value = self._side_by_side(b, b.node("Transpose", steps, perm=(0, 2, 1, 3)), 2)
            steps, h, c = b.nodes(
                "LSTM",
                value,
                self._onnx_weight(b, "weight_ih", layer),
                self._onnx_weight(b, "weight_hh", layer),
                self._onnx_bias(b, layer),
                lengths,
                first[0][layer],
                first[1][layer],
                outputs=3,
                hidden_size=self.hidden_size,
                direction="bidirectional" if self.bidirectional else "forward",
            )
            last_h.append(h)
            last_c.append(c)
        if self.return_sequences:
            y = self._side_by_side(b, b.node("Transpose", steps, perm=(2, 0, 1, 3)), 2)
        else:
            y = self._side_by_side(b, b.node("Transpose", last_h[-1], perm=(1, 0, 2)), 1)
        return y, _joined(b, last_h), _joined(b, last_c)

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
            Weight(f"{kind}_{end}").blocks(_GATES).unsqueeze(0) for end in self._ends(layer)
        )
        return b.weight(first.concat(*others, axis=0) if others else first)

    def _onnx_bias(self, b: OnnxBuilder, layer: int) -> str | None:
        if not self.bias:
            return None
        first, *others = (
            Weight(f"bias_ih_{end}")
            .blocks(_GATES)
            .concat(Weight(f"bias_hh_{end}").blocks(_GATES), axis=0)
            .unsqueeze(0)
            for end in self._ends(layer)
        )
        return b.weight(first.concat(*others, axis=0) if others else first)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        x, lengths = float_tensor(n, t, 3), int_tensor(n)
        within = {"lengths": (1, 3)}
        return (
            Example(cls(hidden_size=4), {"x": x}),
            Example(cls(hidden_size=4, bias=False, return_sequences=False), {"x": x}),
            Example(cls(hidden_size=4, num_layers=2, bidirectional=True), {"x": x}),
            Example(
                cls(hidden_size=4, num_layers=2, dropout=0.3),
                {"x": x, "h0": float_tensor(2, n, 4), "c0": float_tensor(2, n, 4)},
            ),
            Example(cls(hidden_size=4), {"x": x, "lengths": lengths}, within),
            Example(
                cls(hidden_size=4, num_layers=2, bidirectional=True, return_sequences=False),
                {"x": x, "lengths": lengths},
                within,
            ),
            Example(
                cls(hidden_size=4, bidirectional=True),
                {"x": x, "lengths": lengths, "h0": float_tensor(2, n, 4)},
                within,
            ),
        )


def _joined(b: OnnxBuilder, states: list[str]) -> str:
    return states[0] if len(states) == 1 else b.node("Concat", *states, axis=0)
