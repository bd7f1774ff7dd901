"""`lstm`: a recurrent network with long short-term memory."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, Probability
from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ops._recurrent import H0, LENGTHS, LayerCount, Recurrent
from dlc.compiler.ops.base import Port
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
                x, lengths.to("cpu", torch.int64), batch_first=True, enforce_sorted=False
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


@component
class Lstm(Recurrent):
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

    `init` fills the weights as PyTorch keeps them, the four gates under each other in one matrix:
    `orthogonal` makes the columns of that matrix orthogonal, as `nn.init.orthogonal_` and
    Keras do, not each gate's.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.
    """

    name: ClassVar[str] = "lstm"
    twin: ClassVar[str] = "LSTM"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        LENGTHS,
        H0,
        Port("c0", "the first cell states, [num_layers·D, N, hidden_size]", optional=True),
    )
    results: ClassVar[tuple[str, ...]] = ("y", "h", "c")
    # PyTorch keeps the gates in the order i, f, g, o; ONNX in the order i, o, f, g.
    gates: ClassVar[tuple[int, ...]] = (0, 3, 1, 2)
    helper: ClassVar[str] = _HELPER
    # Four gates, the cell, and what comes out.
    kept: ClassVar[int] = 6

    hidden_size: Positive
    num_layers: LayerCount = 1
    bias: bool = True
    dropout: Probability = 0.0
    bidirectional: bool = False
    return_sequences: bool = keyword(True)
    recurrent_init: Initializer | None = keyword(None)
