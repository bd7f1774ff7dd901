"""`gru_cell`: one step of a recurrent network with gated units."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.protocols import Attribute
from dlc.compiler.ops._recurrent_cell import RecurrentCell
from dlc.compiler.record import component


@component
class GruCell(RecurrentCell):
    """One step of a recurrent network with gated units, [N, C].

        h = x -> gru_cell(64, h0=before)

    The formulas are those of `gru`, which runs a whole sequence and is faster at it. Gives
    the state behind the step, [N, hidden_size].

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder for
    statistical machine translation, 2014.
    """

    name: ClassVar[str] = "gru_cell"
    twin: ClassVar[str] = "GRU"
    # PyTorch keeps the gates in the order r, z, n; ONNX in the order z, r, n.
    gates: ClassVar[tuple[int, ...]] = (1, 0, 2)
    # Three gates, and the product that the reset gate meets.
    kept: ClassVar[int] = 4

    hidden_size: Positive
    bias: bool = True
    recurrent_init: Initializer | None = keyword(None)

    def onnx_attributes(self) -> dict[str, Attribute]:
        return {"linear_before_reset": 1}
