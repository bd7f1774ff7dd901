"""`rnn`: the plain recurrent network."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive, Probability
from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import Attribute
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._recurrent import LayerCount, Recurrent, one_state_helper
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Rnn(Recurrent):
    """A plain recurrent network, over [N, T, C].

        rnn(64, nonlinearity=relu, lengths=lengths, return_sequences=false)

    h = tanh(W x + U h + b), or relu in place of tanh. Gradients shrink or grow with the number
    of steps: `lstm` and `gru` remember over longer ones.

    Gives y of [N, T, D·hidden_size], D the number of directions, and the last state h of
    every layer and direction, [num_layers·D, N, hidden_size]. With `return_sequences=false`
    y is the state of the last layer at the end, [N, D·hidden_size]: the last step of the
    forward direction, then the first step of the backward one. With `lengths` the padding is
    not run, so that a sequence gives the same alone and in a batch; y is 0 there, and the end
    is the true end. A length is at least 1.

    Arguments:
        nonlinearity: what a state goes through, `tanh` or `relu`

    Source: Elman, Finding structure in time, 1990; with relu and a recurrent weight that
    starts as the identity: Le, Jaitly and Hinton, A simple way to initialize recurrent
    networks of rectified linear units, 2015.
    """

    name: ClassVar[str] = "rnn"
    twin: ClassVar[str] = "RNN"
    gates: ClassVar[tuple[int, ...]] = (0,)
    helper: ClassVar[str] = one_state_helper("RNN", "A plain recurrent network")
    # The state of each step, and the results side by side.
    kept: ClassVar[int] = 2
    exemptions: ClassVar[dict[str, str]] = Recurrent.exemptions | {
        "onnx.reference:nonlinearity": "its RNN knows no Relu",
    }

    hidden_size: Positive
    num_layers: LayerCount = 1
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    bias: bool = True
    dropout: Probability = 0.0
    bidirectional: bool = False
    return_sequences: bool = keyword(True)
    recurrent_init: Initializer | None = keyword(None)

    def torch_options(self) -> dict[str, Value]:
        chosen = {} if self.nonlinearity == "tanh" else {"nonlinearity": self.nonlinearity}
        return chosen | super().torch_options()

    def onnx_attributes(self) -> dict[str, Attribute]:
        return {"activations": [self.nonlinearity.capitalize()] * self.directions}

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = float_tensor(symbol("N"), symbol("T"), 3)
        relu = cls(hidden_size=4, num_layers=2, nonlinearity="relu", bidirectional=True)
        return (*super().examples(), Example(relu, {"x": x}))
