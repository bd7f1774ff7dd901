"""The steps from tensors of a file to one of ours, on shapes alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TypeAlias

from dlc.compiler.components.sections.rename import Rename

Sizes: TypeAlias = tuple[int, ...]


class StepError(ValueError):
    """The text says which step cannot be taken, and why."""


def order_of(steps: Rename, rank: int) -> tuple[int, ...] | None:
    """The new order of the dims of a tensor of this rank, None where they stay.

    Raises `StepError` where `transpose` does not fit the rank.
    """
    if isinstance(steps.transpose, tuple):
        if len(steps.transpose) != rank:
            raise StepError(
                f"`transpose` orders {_dims(len(steps.transpose))}, and the tensor has {rank}"
            )
        return steps.transpose
    if not steps.transpose or rank < 2:
        return None
    if rank > 2:
        raise StepError(
            f"`transpose: true` swaps the dims of a matrix, and the tensor has {rank} dims"
        )
    return (1, 0)


def result(shapes: Sequence[Sizes], steps: Rename | None, wanted: Sizes) -> Sizes:
    """The shape that tensors of these shapes come to; `wanted` is what `reshape` gives.

    Raises `StepError` for a step that the shapes do not allow.
    """
    if steps is None:
        return shapes[0]
    turned = [_turned(shape, steps) for shape in shapes]
    shape = turned[0] if steps.concat is None else _joined(turned, steps.concat)
    if steps.chunk is not None:
        shape = _cut(shape, steps.dim, steps.chunk[1])
    if steps.reshape:
        if _product(shape) != _product(wanted):
            raise StepError(
                f"{list(shape)} has {_product(shape):,} numbers, and {list(wanted)} has "
                f"{_product(wanted):,}"
            )
        shape = wanted
    return shape


def _turned(shape: Sizes, steps: Rename) -> Sizes:
    order = order_of(steps, len(shape))
    return shape if order is None else tuple(shape[dim] for dim in order)


def _joined(shapes: Sequence[Sizes], dim: int) -> Sizes:
    first = shapes[0]
    if dim >= len(first):
        raise StepError(f"`concat` joins dim {dim}, and {list(first)} has {_dims(len(first))}")
    for shape in shapes[1:]:
        others = (first[:dim] + first[dim + 1 :], shape[:dim] + shape[dim + 1 :])
        if len(shape) != len(first) or others[0] != others[1]:
            raise StepError(f"{list(first)} and {list(shape)} cannot be joined along dim {dim}")
    return (*first[:dim], sum(shape[dim] for shape in shapes), *first[dim + 1 :])


def _cut(shape: Sizes, dim: int, parts: int) -> Sizes:
    if dim >= len(shape):
        raise StepError(f"`chunk` cuts dim {dim}, and {list(shape)} has {_dims(len(shape))}")
    if shape[dim] % parts:
        raise StepError(f"dim {dim} of {list(shape)} cannot be cut into {parts} equal parts")
    return (*shape[:dim], shape[dim] // parts, *shape[dim + 1 :])


def advice(theirs: Sizes, ours: Sizes) -> str | None:
    """The step that would make the one shape the other, as `rename` writes it; None where no
    single step does."""
    if len(theirs) == len(ours) == 2 and theirs[::-1] == ours:
        return "transpose: true"
    if len(theirs) == len(ours) and 2 < len(ours) <= 5 and sorted(theirs) == sorted(ours):
        orders = [
            order
            for order in permutations(range(len(ours)))
            if tuple(theirs[dim] for dim in order) == ours
        ]
        # With two equal sizes several orders fit, and which is meant nobody can tell.
        keras = tuple(range(len(ours)))[::-1][:2] + tuple(range(len(ours) - 2))
        order = keras if keras in orders else orders[0] if len(orders) == 1 else None
        return f"transpose: {list(order)}" if order is not None else None
    if _product(theirs) == _product(ours) and _squeezed(theirs) == _squeezed(ours):
        return "reshape: true"
    return None


def _squeezed(shape: Sizes) -> Sizes:
    return tuple(size for size in shape if size != 1)


def _product(shape: Sizes) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _dims(count: int) -> str:
    return f"{count} dim" if count == 1 else f"{count} dims"
