"""What measures one metric or loss, chunk by chunk and rank by rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.base import Component
from dlc.compiler.ir.types import TensorType

Array: TypeAlias = npt.NDArray[Any]
Types: TypeAlias = Mapping[str, TensorType]
#: What a measure keeps, by names of its own. An empty one is that of no rows.
State: TypeAlias = Mapping[str, Array]
#: One number, one for each class, or `[true class, answer]`, as the metric `gives`.
Figure: TypeAlias = float | Array

_M = TypeVar("_M", bound=Component)


class Measure(Generic[_M]):
    """How one metric or loss is measured: chunks give states, which are merged, and give a figure.

    However rows are cut into chunks, and chunks spread over ranks, the merged state is that of
    all rows, up to the rounding of float64 sums. A state is a few named arrays: ranks exchange
    them and merge them in the order of ranks, so that all arrive at one figure.
    """

    #: The arrays that are put one after the other; the others are added.
    lists: ClassVar[frozenset[str]] = frozenset()

    def observe(self, metric: _M, values: Mapping[str, Array], types: Types) -> State:
        """The state of one chunk: outputs and targets by name, `[rows, ...]`.
        Raises `Failure` E0606 for a target that the output cannot mean."""
        raise NotImplementedError(metric.name)

    def merge(self, states: Sequence[State]) -> State:
        """The state of the rows of all states, in their order. At least one is not empty."""
        full = [state for state in states if state]
        return {
            name: np.concatenate([state[name] for state in full])
            if name in self.lists
            else np.sum([state[name] for state in full], axis=0)
            for name in full[0]
        }

    def figure(self, metric: _M, state: State, types: Types) -> Figure:
        """What a state that is not empty tells; NaN where nothing counted."""
        raise NotImplementedError(metric.name)


def quotient(total: float, weight: float) -> float:
    """NaN where there is nothing to divide by."""
    return total / weight if weight else float("nan")
