"""The base of preprocessing steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from dlc.compiler.components.base import Component
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, INT, DType, Shape, TensorType
from dlc.compiler.record import component


@component
class Preprocess(Component):
    """One step from a raw column to a network input.

    `where` is "host" for what runs once before training and in `dlc predict` (decoding,
    tokenizing), "graph" for what is part of the exported graph. `statistics` names what
    is fitted on the training part; in the graph each is a `b.weight(name)`.

    `spatial` steps change the sides of images: in front of a chain they run picture by
    picture, before there is a batch of one size.

    What follows matters for the first step of a chain. `takes` is how the column is read:
    as "numbers", as "indices" (whole numbers), as "texts", or as "categories", which are
    texts, or whole numbers where the file stores such. `missing` lets numbers be missing:
    they come in as NaN. `joins` is the text by which a list of texts is joined to one;
    None takes no lists. `partial` says that not every value gives a number: the logarithm
    of -1 does not.
    """

    kind: ClassVar[str] = "preprocess"
    where: ClassVar[Literal["host", "graph"]] = "graph"
    spatial: ClassVar[bool] = False
    statistics: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Literal["numbers", "indices", "texts", "categories"]] = "numbers"
    missing: ClassVar[bool] = False
    partial: ClassVar[bool] = False

    def before(self, y: Shape) -> Shape:
        """The sizes that a value has before the step, for it to have the sizes `y` after it:
        the reverse of `infer`. A size that may be any is a symbol in lower case, which no
        spec declares. Raises `ComponentError` where nothing ends at `y`."""
        return y

    def infer(self, x: TensorType) -> TensorType:
        """The type after the step. Raises `ComponentError`."""
        raise NotImplementedError(self.name)

    def onnx(self, b: OnnxBuilder) -> str:
        """The ONNX nodes of a graph step on port `x`."""
        raise NotImplementedError(self.name)

    @property
    def joins(self) -> str | None:
        return None

    @property
    def fills(self) -> tuple[str, ...]:
        """Other inputs and targets that the step fills (`lengths=lengths`)."""
        return ()


def raw_type(steps: Sequence[Preprocess], declared: TensorType) -> TensorType:
    """The type of the column from which the steps lead to a declared input. "categories" are
    given as texts. Raises `ComponentError` where they lead to no such type."""
    shape = declared.shape
    for step in reversed(steps):
        shape = step.before(shape)
    return TensorType(_raw_dtype(steps, declared.dtype), shape)


def _raw_dtype(steps: Sequence[Preprocess], declared: DType) -> DType:
    match steps[0].takes if steps else None:
        case None:
            return declared
        case "texts" | "categories":
            return DType.STRING
        case "indices":
            return declared if declared.is_int else INT
        case _:
            return declared if declared.is_float else FLOAT
