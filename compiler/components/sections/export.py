"""What the exported file is like."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Le, Refers
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Export(Section):
    """What the exported ONNX file is like.

        export: {opset: 20, dynamic: [N, T]}

    Arguments:
        opset: the ONNX operator set; the file gets the oldest format that carries it
        dynamic: the dims that stay open; where absent, all that the inputs name
        precision: the number format of weights and arithmetic in the file of a run: `fp16`, `bf16`
            (opset 22 or later); `int8` with scales from the training part, for convolutions;
            `int8_dynamic` with scales from each batch, for transformers and LSTM
        max_drop: how much worse a smaller format may answer on the validation part: by the figure
            that early stopping watches where that is a metric, else the first metric, else the
            loss; where less is better, as a share of what it was
    """

    name: ClassVar[str] = "export"

    opset: Annotated[int, Ge(20), Le(23)] = 20
    dynamic: tuple[Annotated[str, Refers("dim")], ...] | None = None
    precision: Literal["float32", "fp16", "bf16", "int8", "int8_dynamic"] = "float32"
    max_drop: Annotated[float, Ge(0), Le(1)] = 0.005
