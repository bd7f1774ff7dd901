"""Categories as indices."""

from __future__ import annotations

from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Ge, Positive
from dlc.compiler.components.preprocessing._categories import CategoryStep, lookup
from dlc.compiler.components.preprocessing._numbers import cast
from dlc.compiler.ir.protocols import OnnxBuilder, Weight
from dlc.compiler.ir.types import INT, DType
from dlc.compiler.record import component


@component
class Vocabulary(CategoryStep):
    """Gives each category of a column an index.

        preprocess: {city: "vocabulary(max_size=500)"}

    0 is a category that the training part lacks, or that is rare there; the others follow in
    the order of their frequency, equally frequent ones in that of their names. Categories are
    texts, or whole numbers where the file stores such (Parquet, not CSV). Several columns for
    one input share the vocabulary. `embedding` or `one_hot` take the indices. Text labels need
    no step: they get class numbers by themselves.

    Arguments:
        max_size: the most frequent so many are kept, the 0 included; where absent, all
        min_count: a category that the training part has less often becomes 0
    """

    name: ClassVar[str] = "vocabulary"
    statistics: ClassVar[tuple[str, ...]] = ("entries",)

    max_size: Annotated[int, Ge(2)] | None = None
    min_count: Positive = 1

    def onnx(self, b: OnnxBuilder) -> str:
        texts = b.inputs.x.dtype is DType.STRING
        value = b["x"] if texts or b.inputs.x.dtype is INT else cast(b, b["x"], INT)
        return lookup(b, value, Weight("entries"), texts=texts, first=1, default=0)
