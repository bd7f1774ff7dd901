"""Shapes for comments: what a class knows of the sizes that differ between its graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from dlc.compiler.codegen.classes import ClassPlan
from dlc.compiler.ir.dims import Dim, symbols
from dlc.compiler.ir.types import TensorType

#: A size over the graphs of a class.
_Sizes: TypeAlias = tuple[Dim, ...]

# What people call the dims behind the batch, by rank.
_LETTERS = {3: "CL", 4: "CHW", 5: "CDHW"}
_FACTORS = range(2, 65)


class ShapeComments:
    """Writes shapes. A size that is the same everywhere is a number; one that differs is the
    constructor's argument it equals, or is written over the sizes of the input (`H/2`), or as
    the range from the first graph to the last (`64..512`)."""

    def __init__(self, plan: ClassPlan) -> None:
        self._plan = plan
        self._letters: dict[_Sizes, str] = {}
        self._axes: dict[int, tuple[_Sizes, str]] = {}
        used = {
            name
            for code in plan.graphs
            for type in code.graph.values.values()
            for size in type.shape
            for name in symbols(size)
        }
        for number in range(len(plan.code.graph.inputs)):
            types = [row[0] for row in self._types([number])]
            for axis, letter in enumerate(_LETTERS.get(types[0].rank, ""), 1):
                sizes = tuple(t.shape[axis] for t in types)
                known = letter in used or letter in self._letters.values()
                if len(set(sizes)) > 1 and not known and not self._argument(sizes):
                    self._letters.setdefault(sizes, letter)
                    self._axes[axis] = (sizes, letter)

    def type(self, value: int) -> str:
        """`float[N, 64, 28, 28]`"""
        return f"{self._types([value])[0][0].dtype.spec_name}{self.shape([value])}"

    def shape(self, values: Sequence[int]) -> str:
        """The shape of a value in each turn of a loop; empty where the rank differs."""
        types = self._types(values)
        rank = types[0][0].rank
        if any(t.rank != rank for row in types for t in row):
            return ""
        return "[" + ", ".join(self._size(types, axis) for axis in range(rank)) + "]"

    def _types(self, values: Sequence[int]) -> list[list[TensorType]]:
        return [
            [code.graph.values[code.values[value]] for value in values]
            for code in self._plan.graphs
        ]

    def _size(self, types: list[list[TensorType]], axis: int) -> str:
        every = [t.shape[axis] for row in types for t in row]
        if all(size == every[0] for size in every):
            return str(every[0])
        if all(t.shape[axis] == row[0].shape[axis] for row in types for t in row):
            sizes = tuple(row[0].shape[axis] for row in types)
            text = self._argument(sizes) or self._relation(sizes, axis)
            if text:
                return text
        return f"{every[0]}..{every[-1]}"

    def _argument(self, sizes: _Sizes) -> str:
        for argument in self._plan.arguments:
            if argument.values == sizes:
                return argument.name
        return ""

    def _relation(self, sizes: _Sizes, axis: int) -> str:
        candidates = [self._axes[axis]] if axis in self._axes else []
        candidates += self._letters.items()
        for known, letter in candidates:
            text = _over(sizes, known, letter)
            if text:
                return text
        return ""


def _over(sizes: _Sizes, known: _Sizes, letter: str) -> str:
    """One size as a simple function of another, for all graphs."""
    pairs = list(zip(sizes, known, strict=True))
    if all(a == b for a, b in pairs):
        return letter
    for factor in _FACTORS:
        if all(a * factor == b for a, b in pairs):
            return f"{letter}/{factor}"
        if all(a == b * factor for a, b in pairs):
            return f"{factor}*{letter}"
    difference = pairs[0][0] - pairs[0][1]
    if isinstance(difference, int) and all(a - b == difference for a, b in pairs):
        return f"{letter}{difference:+d}"
    return ""
