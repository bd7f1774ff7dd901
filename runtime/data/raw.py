"""How the columns of an input are read, as the steps that follow want them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.components.preprocessing.base import Preprocess, raw_type
from dlc.compiler.ir.dims import symbols
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.steps.base import Array


@dataclass(frozen=True, kw_only=True)
class Reading:
    """`type` is that of the raw values, texts for categories, which may be whole numbers in
    the file; `missing` lets numbers be missing, as NaN, and classes as
    the number `absent`; lists of texts are joined by `joins`.
    `checks` are the first steps, which need no statistics and may refuse a value."""

    type: TensorType
    categories: bool = False
    missing: bool = False
    absent: int | None = None
    joins: str | None = None
    checks: tuple[Preprocess, ...] = ()

    @property
    def texts(self) -> bool:
        """Whether nothing but texts will do."""
        return self.type.dtype is DType.STRING and not self.categories


def reading(steps: Sequence[Preprocess], declared: TensorType) -> Reading | None:
    """How the column before some steps is read. None where it is read as declared, or in a
    way of its own: texts that are cut into pieces, pictures of any size."""
    if not steps or steps[0].spatial or any(isinstance(step, TokenStep) for step in steps):
        return None
    first = steps[0]
    return Reading(
        type=raw_type(steps, declared),
        categories=first.takes == "categories",
        missing=first.missing,
        joins=first.joins,
        checks=_checks(steps),
    )


def _checks(steps: Sequence[Preprocess]) -> tuple[Preprocess, ...]:
    unfitted: list[Preprocess] = []
    for step in steps:
        if step.statistics:
            break
        unfitted.append(step)
    while unfitted and not unfitted[-1].partial:
        unfitted.pop()
    return tuple(unfitted)


def sample_shape(found: Reading, values: Array, declared: TensorType) -> tuple[int | None, ...]:
    """The sizes of one sample: None where the declaration leaves them to each batch. What
    only the number of columns decides is fixed from now on."""
    open_sizes = {name for dim in declared.shape for name in symbols(dim)}
    return tuple(
        None if open_sizes & set(symbols(dim)) else int(size)
        for dim, size in zip(found.type.shape[1:], values.shape[1:], strict=True)
    )
