"""`lstm_cell`: one step of a recurrent network with long short-term memory."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ops._recurrent_cell import H0, RecurrentCell
from dlc.compiler.ops.base import Port
from dlc.compiler.record import component


@component
class LstmCell(RecurrentCell):
    """One step of a recurrent network with long short-term memory, [N, C].

        h, c = x -> lstm_cell(64, h0=h_before, c0=c_before)

    The formulas are those of `lstm`, which runs a whole sequence and is faster at it. Gives
    both states behind the step, [N, hidden_size].

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.
    """

    name: ClassVar[str] = "lstm_cell"
    twin: ClassVar[str] = "LSTM"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x"),
        H0,
        Port(
            "c0", "the cell state before, [N, hidden_size]; 0 where it is not given", optional=True
        ),
    )
    results: ClassVar[tuple[str, ...]] = ("h", "c")
    # PyTorch keeps the gates in the order i, f, g, o; ONNX in the order i, o, f, g.
    gates: ClassVar[tuple[int, ...]] = (0, 3, 1, 2)
    # Four gates, and tanh of the cell.
    kept: ClassVar[int] = 5

    hidden_size: Positive
    bias: bool = True
    recurrent_init: Initializer | None = keyword(None)

    def torch_state(self, t: TorchWriter) -> str | None:
        h, c = t.get("h0"), t.get("c0")
        given = h or c
        if given is None:
            return None
        zeros = f"torch.zeros_like({given})"
        return f"({h or zeros}, {c or zeros})"
