"""What runs one preprocess component."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.preprocessing.base import Preprocess

Array: TypeAlias = npt.NDArray[Any]
Statistics: TypeAlias = Mapping[str, Array]
#: The values of the training part, some samples at a time; each call begins anew.
Chunks: TypeAlias = Callable[[], Iterable[Array]]

_C = TypeVar("_C", bound=Preprocess)

# Sums are taken over blocks of so many numbers, wherever chunks begin and end, so that a
# stream and the same data in memory give the same statistics to the last bit.
_BLOCK_NUMBERS = 1 << 20


class Step(Generic[_C]):
    """How one component is fitted and applied.

    Values are `[samples, ...]`. What a step of the graph computes is what its ONNX nodes
    compute: the same arithmetic in the same order and precision.
    """

    def fit(self, step: _C, chunks: Chunks) -> dict[str, Array]:
        """The statistics of the training part, under the names that the component gives.
        Raises `BadSample`, `ComponentError`."""
        return {}

    def apply(self, step: _C, values: Array, statistics: Statistics) -> Array:
        """The values after the step. Raises `BadSample`."""
        raise NotImplementedError(step.name)


class BadSample(ValueError):
    """A value that a step does not take; `index` is its sample among those given, `column`
    its place in the sample."""

    def __init__(
        self, index: int, message: str, help: str | None = None, *, column: int = 0
    ) -> None:
        super().__init__(message)
        self.index = index
        self.column = column
        self.message = message
        self.help = help


def blocks(chunks: Chunks) -> Iterator[Array]:
    """The chunks cut anew into blocks of one size, which the size of a sample decides."""
    held: list[Array] = []
    have = 0
    size = 0
    for chunk in chunks():
        if not size:
            size = max(1, _BLOCK_NUMBERS // max(1, int(np.prod(chunk.shape[1:]))))
        start = 0
        while have + len(chunk) - start >= size:
            stop = start + size - have
            held.append(chunk[start:stop])
            yield _joined(held)
            held, have, start = [], 0, stop
        if start < len(chunk):
            held.append(chunk[start:])
            have += len(chunk) - start
    if held:
        yield _joined(held)


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
