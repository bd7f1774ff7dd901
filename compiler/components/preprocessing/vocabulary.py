"""Texts as indices."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive
from dlc.compiler.components.preprocessing._texts import TextStep
from dlc.compiler.ir.types import INT, TensorType
from dlc.compiler.record import component


@component
class Vocabulary(TextStep):
    """Gives each different text of a column an index.

        preprocess: {city: vocabulary}

    0 is a text that the training part lacks; the others follow in the order of their
    frequency, equal ones by name. Text labels need no step: they get class numbers by
    themselves.

    Arguments:
        size: the most frequent so many are kept, the 0 included; where absent, all
    """

    name: ClassVar[str] = "vocabulary"
    where: ClassVar[Literal["host", "graph"]] = "graph"
    statistics: ClassVar[tuple[str, ...]] = ("entries",)
    available_note: ClassVar[str] = (
        "texts are not numbered yet: store the numbers of categories instead of their names"
    )

    size: Positive | None = None

    def infer(self, x: TensorType) -> TensorType:
        return TextStep.infer(self, x).with_dtype(INT)
