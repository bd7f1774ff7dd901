"""`rnn_cell`: one step of the plain recurrent network."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.protocols import Attribute
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops._recurrent_cell import RecurrentCell
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class RnnCell(RecurrentCell):
    """One step of a plain recurrent network, [N, C].

        h = x -> rnn_cell(64, h0=before)

    tanh(W x + U h + b), or relu in place of tanh. `rnn` runs a whole sequence and is faster
    at it. Gives the state behind the step, [N, hidden_size].

    Arguments:
        nonlinearity: what a state goes through, `tanh` or `relu`

    Source: Elman, Finding structure in time, 1990.
    """

    name: ClassVar[str] = "rnn_cell"
    twin: ClassVar[str] = "RNN"
    gates: ClassVar[tuple[int, ...]] = (0,)
    kept: ClassVar[int] = 1
    exemptions: ClassVar[dict[str, str]] = RecurrentCell.exemptions | {
        "onnx.reference:nonlinearity": "its RNN knows no Relu",
    }

    hidden_size: Positive
    bias: bool = True
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    recurrent_init: Initializer | None = keyword(None)

    def torch_options(self) -> dict[str, Value]:
        chosen = {} if self.nonlinearity == "tanh" else {"nonlinearity": self.nonlinearity}
        return super().torch_options() | chosen

    def onnx_attributes(self) -> dict[str, Attribute]:
        return {"activations": [self.nonlinearity.capitalize()]}

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        relu = cls(hidden_size=4, nonlinearity="relu")
        return (
            *super().examples(),
            Example(relu, {"x": float_tensor(n, 3), "h0": float_tensor(n, 4)}),
        )
