"""The base of losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.base import Component
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class Loss(Component):
    """A loss between outputs and targets, with the name of its torch.nn.functional twin.

    The first fields name what is compared, in torch's order (`input`, `target`). `applies`
    is the activation that the loss holds already, which the network must not apply too.
    `helper` is the source of a function that `torch` calls, for what torch itself lacks; it is
    put into the module once. `divides_by` is what its mean divides by, as far as a part of a
    batch can tell: the number of its `samples`, the weights of its `labels` that count (see
    `ClassLoss`), or something that only the whole `batch` tells.
    `neutral` is an output that is no loss at a target of 0, which stand for those of a label that
    is missing; None where such labels cannot be left out. `squared` says that its minimum
    maximizes a Gaussian likelihood, in which a square stands over twice the variance.
    """

    kind: ClassVar[str] = "loss"
    applies: ClassVar[Literal["", "softmax", "sigmoid"]] = ""
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "batch"
    helper: ClassVar[str] = ""
    neutral: ClassVar[float | None] = None
    squared: ClassVar[bool] = False

    def check(self, types: Mapping[str, TensorType]) -> None:
        """Shapes and element types of what is compared; `types` holds outputs and targets
        by name. Raises `ComponentError` (E0401, E0402, E0406, ...) naming an argument."""
        raise NotImplementedError(self.name)

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        """The source text of the scalar loss (mean over the batch); `value` gives the text
        of an output or target by name, `types` are those that passed `check`."""
        raise NotImplementedError(self.name)

    @property
    def balanced(self) -> bool:
        """Whether an argument is `balanced`: factors that undo the imbalance of the training
        part. Training writes them into the spec that its run is made of; a module that is
        built without data has none."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs and targets that are read."""
        raise NotImplementedError(self.name)
