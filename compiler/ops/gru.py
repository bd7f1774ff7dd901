"""`gru`: a recurrent network with gated units."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, Probability
from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.protocols import Attribute
from dlc.compiler.ops._recurrent import LayerCount, Recurrent, one_state_helper
from dlc.compiler.record import component


@component
class Gru(Recurrent):
    """A recurrent network with gated units, over [N, T, C].

        gru(128, num_layers=2, bidirectional=true, lengths=lengths, return_sequences=false)
        states, h = source -> gru(256, lengths=lengths)      # an encoder,
        target -> gru(256, h0=h)                             # a decoder that goes on from it

    r, z = sigmoid(W x + U h + b), n = tanh(W x + b + r·(U h + b')), h = (1 − z)·n + z·h. The
    reset gate r acts behind the product with U, as in PyTorch, cuDNN and Keras.

    Gives y of [N, T, D·hidden_size], D the number of directions, and the last state h of
    every layer and direction, [num_layers·D, N, hidden_size]. With `return_sequences=false`
    y is the state of the last layer at the end, [N, D·hidden_size]: the last step of the
    forward direction, then the first step of the backward one. With `lengths` the padding is
    not run, so that a sequence gives the same alone and in a batch; y is 0 there, and the end
    is the true end. A length is at least 1.

    `init` fills the weights as PyTorch keeps them, the three gates under each other in one matrix:
    `orthogonal` makes the columns of that matrix orthogonal, as `nn.init.orthogonal_` and
    Keras do, not each gate's.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder for
    statistical machine translation, 2014.
    """

    name: ClassVar[str] = "gru"
    twin: ClassVar[str] = "GRU"
    # PyTorch keeps the gates in the order r, z, n; ONNX in the order z, r, n.
    gates: ClassVar[tuple[int, ...]] = (1, 0, 2)
    helper: ClassVar[str] = one_state_helper("GRU", "A GRU")
    # Three gates, the product that the reset gate meets, and what comes out.
    kept: ClassVar[int] = 5

    hidden_size: Positive
    num_layers: LayerCount = 1
    bias: bool = True
    dropout: Probability = 0.0
    bidirectional: bool = False
    return_sequences: bool = keyword(True)
    recurrent_init: Initializer | None = keyword(None)

    def onnx_attributes(self) -> dict[str, Attribute]:
        return {"linear_before_reset": 1}
