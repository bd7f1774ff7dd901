"""What the steps on categories share."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.protocols import Attribute, OnnxBuilder, Weight
from dlc.compiler.ir.types import INT, DType, TensorType
from dlc.compiler.record import component

ML = "ai.onnx.ml"


@component
class CategoryStep(Preprocess):
    """A step on texts, or on whole numbers that stand for categories."""

    takes: ClassVar[Literal["numbers", "indices", "texts", "categories"]] = "categories"

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype is not DType.STRING and not x.dtype.is_int:
            raise ComponentError(
                "E0406",
                f"`{self.name}` takes texts or whole numbers, and gets {x.dtype.spec_name}",
                help="`bucketize` gives numbers the index of an interval",
            )
        return x.with_dtype(INT)


def lookup(
    b: OnnxBuilder,
    value: str,
    entries: Weight | tuple[str, ...],
    *,
    texts: bool,
    first: int,
    default: int,
) -> str:
    """The place of each value among the entries, counted from `first`; `default` for others."""
    indices: Attribute
    if isinstance(entries, Weight):
        keys: Attribute = entries
        indices = entries.places(first)
    else:
        keys = entries if texts else [int(entry) for entry in entries]
        indices = list(range(first, first + len(entries)))
    name = "keys_strings" if texts else "keys_int64s"
    return b.node(
        "LabelEncoder",
        value,
        domain=ML,
        **{name: keys, "values_int64s": indices, "default_int64": default},
    )
