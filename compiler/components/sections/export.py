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
        precision: the number format of the weights in the file; only `float32` is written yet
    """

    name: ClassVar[str] = "export"

    opset: Annotated[int, Ge(20), Le(23)] = 20
    dynamic: tuple[Annotated[str, Refers("dim")], ...] | None = None
    precision: Literal["float32", "fp16", "bf16"] = "float32"

    def used_unavailable(self) -> tuple[tuple[str, str], ...]:
        found = super().used_unavailable()
        if self.precision != "float32":
            found += (("precision", "export writes float32 yet: leave `precision` out"),)
        return found
