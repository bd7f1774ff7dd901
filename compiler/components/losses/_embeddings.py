"""What the losses share that compare outputs with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, PositiveFloat, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class EmbeddingLoss(Loss):
    """A loss between outputs [N, D] that stand for things."""

    def _vectors(self, types: Mapping[str, TensorType], *ports: str) -> None:
        """The outputs at these arguments are vectors of one length. Raises `ComponentError`."""
        names = [getattr(self, port) for port in ports]
        first = types[names[0]]
        for port, name in zip(ports, names, strict=True):
            if not types[name].dtype.is_float:
                raise ComponentError(
                    "E0406",
                    f"`{self.name}` compares vectors of floats, and `{name}` is {types[name]}",
                    blame=port,
                )
            if types[name].rank != 2:
                raise ComponentError(
                    "E0401",
                    f"`{self.name}` compares vectors, [N, D], and `{name}` is {types[name]}",
                    blame=port,
                    help="bring it to one vector a sample: `flatten`, or `mean` over the others",
                )
            if name != names[0]:
                Pair(self.name, names[0], first, name, types[name]).same_shape(port)

    def _one_a_sample(self, types: Mapping[str, TensorType], of: str, target: str) -> None:
        """The target has one number for each sample. Raises `ComponentError`."""
        x, t = types[of], types[target]
        numeric = t.dtype.is_float or t.dtype.is_int
        if not numeric or t.rank != 1 or compare(t.shape[0], x.shape[0]) is not Answer.EQUAL:
            raise ComponentError(
                "E0402" if numeric and t.rank == 1 else "E0401" if numeric else "E0406",
                f"`{self.name}` takes one number a sample, and `{target}` is {t}",
                blame="target",
                help=f"declare `{target}: int[{x.shape[0]}]`",
            )


@component
class PairLoss(EmbeddingLoss):
    """A loss between pairs and what each of them is.

    Arguments:
        input1: the one side
        input2: the other side
        target: what each pair is
    """

    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"

    input1: OutputName
    input2: OutputName
    target: TargetName

    @property
    def names(self) -> tuple[str, ...]:
        # An output first, then the target, as everywhere.
        return (self.input1, self.target, self.input2)

    def check(self, types: Mapping[str, TensorType]) -> None:
        self._vectors(types, "input1", "input2")
        self._one_a_sample(types, self.input1, self.target)

    def _given(self, value: Callable[[str], str]) -> list[str]:
        """The three in torch's order, as source text."""
        return [value(name) for name in (self.input1, self.input2, self.target)]


@component
class InBatchLoss(EmbeddingLoss):
    """A loss in which the other rows of the batch are what a row is told from.

    Arguments:
        input1: the vectors of one side [N, D]
        input2: those of the other side, row by row of the same thing
        temperature: what cosines are divided by
    """

    function: ClassVar[str]

    input1: OutputName
    input2: OutputName
    temperature: PositiveFloat

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input1, self.input2)

    def check(self, types: Mapping[str, TensorType]) -> None:
        self._vectors(types, "input1", "input2")

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        inputs = [value(name) for name in self.names]
        return call(self.function, [*inputs, literal(self.temperature)], {})
