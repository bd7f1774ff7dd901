"""Inputs drawn from a program's types, on which a model file is compared with PyTorch.

Every dynamic size takes two values. Whole numbers stay inside the tables that they index,
masks leave one place valid, lengths fit the sequence; beside plain draws there is one of
extreme values and, where something is padded, one that is nearly all padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlc.compiler.ir.dims import INFINITY, Dim, Symbol, substitute, symbols
from dlc.compiler.ir.graph import BlockCall, Graph, Program
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops.base import Op
from dlc.runtime.export.weights import Array, numpy_dtype

_BATCHES = (1, 3)
_LENGTHS = (5, 9)
# A whole number that indexes nothing that we know.
_FREE = 10
#: Layers that pass whole numbers on as they are.
_PASSING = frozenset({"concat", "flatten", "reshape", "shape", "squeeze", "unsqueeze", "dropout"})
_EXTREME = 1e4
# How many of the numbers are left out where some may be missing.
_MISSING = 0.25


@dataclass(frozen=True, kw_only=True)
class Use:
    """What the network does with an input of whole numbers or flags: `below` is the size of
    the smallest table that it indexes, `length_of` the sequence whose lengths it gives,
    `padding` that it masks places of a sequence."""

    below: int | None = None
    length_of: Dim | None = None
    padding: bool = False

    def merged(self, other: Use) -> Use:
        bounds = [use.below for use in (self, other) if use.below is not None]
        return Use(
            below=min(bounds, default=None),
            length_of=self.length_of if self.length_of is not None else other.length_of,
            padding=self.padding or other.padding,
        )


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One set of raw inputs. `kind` is "draw", "extremes" or "padding"."""

    kind: str
    dims: Mapping[str, int]
    feeds: Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class RawValues:
    """What a column may hold: the `entries` that a step knows, alone where they are `closed`,
    joined by `joins` where it takes lists; numbers within `range` alone; or none at all."""

    entries: tuple[str | int, ...] = ()
    closed: bool = False
    joins: str | None = None
    range: tuple[float, float] | None = None
    missing: bool = False


def probes(
    program: Program,
    raw: Mapping[str, TensorType],
    centres: Mapping[str, tuple[Array, Array]] | None = None,
    fixed: Mapping[str, int] | None = None,
    *,
    raws: Mapping[str, RawValues] | None = None,
    seed: int = 0,
) -> Iterator[Probe]:
    """The inputs of every comparison. `raw` are the types that the file takes; `centres`
    gives mean and deviation of inputs that are far from zero and one; `fixed` are the
    dims that the file closes; `raws` says more of columns that hold no numbers at will."""
    uses = input_uses(program)
    rng = np.random.default_rng(seed)
    small, large = dim_values(program, raw, fixed or {})
    draw = _Draw(rng, uses, centres or {}, raws or {})
    for dims in (small, large):
        yield Probe(kind="draw", dims=dims, feeds=draw.feeds(raw, dims, "draw"))
    yield Probe(kind="extremes", dims=large, feeds=draw.feeds(raw, large, "extremes"))
    if any(use.padding or use.length_of is not None for use in uses.values()):
        yield Probe(kind="padding", dims=large, feeds=draw.feeds(raw, large, "padding"))


def input_uses(program: Program) -> dict[str, Use]:
    """What becomes of each input of the main graph, followed through blocks."""
    return _uses(program, program.graph, {}, {})


def _uses(
    program: Program, graph: Graph, results: Mapping[str, Use], known: dict[str, dict[str, Use]]
) -> dict[str, Use]:
    found: dict[str, Use] = dict(results)

    def note(value: str, use: Use) -> None:
        found[value] = found.get(value, Use()).merged(use)

    for node in reversed(graph.nodes):
        if isinstance(node.op, BlockCall):
            if node.op.graph not in known:
                called = program.graphs[node.op.graph]
                known[node.op.graph] = _uses(program, called, {}, known)
            for port, value in node.inputs:
                note(value, known[node.op.graph].get(port, Use()))
            continue
        inputs = graph.node_inputs(node)
        limits = node.op.index_limits() if isinstance(node.op, Op) else {}
        for port, value in node.inputs:
            if port in limits:
                note(value, Use(below=limits[port]))
            elif port == "lengths":
                note(value, Use(length_of=inputs.x.shape[1]))
            elif port in ("key_padding_mask", "padding_mask"):
                note(value, Use(padding=True))
            elif node.op.name in _PASSING and node.outputs[0] in found:
                note(value, found[node.outputs[0]])
    return {name: found[name] for name in graph.inputs if name in found}


def dim_values(
    program: Program, raw: Mapping[str, TensorType], fixed: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Two sizes for every symbol of the inputs, such that every tensor has elements."""
    found: dict[str, Symbol] = {}
    batch: set[str] = set()
    types = [*raw.values(), *(program.graph.values[name] for name in program.graph.inputs)]
    for type_ in types:
        for axis, dim in enumerate(type_.shape):
            found.update(symbols(dim))
            if axis == 0:
                batch.update(symbols(dim))
    for scale in (1, 2, 4, 8, 16, 32, 64):
        choice = tuple(
            {
                name: fixed[name]
                if name in fixed
                else _clipped(_BATCHES[i] if name in batch else _LENGTHS[i] * scale, symbol)
                for name, symbol in sorted(found.items())
            }
            for i in (0, 1)
        )
        if all(_all_positive(program, values) for values in choice):
            break
    return choice[0], choice[1]


def _clipped(value: int, symbol: Symbol) -> int:
    return max(symbol.low, min(value, symbol.high if symbol.high < INFINITY else value))


def _all_positive(program: Program, values: Mapping[str, int]) -> bool:
    for graph in program.graphs.values():
        for type_ in graph.values.values():
            for dim in type_.shape:
                size = substitute(dim, values)
                if isinstance(size, int) and size <= 0:
                    return False
    return True


class _Draw:
    def __init__(
        self,
        rng: np.random.Generator,
        uses: Mapping[str, Use],
        centres: Mapping[str, tuple[Array, Array]],
        raws: Mapping[str, RawValues],
    ) -> None:
        self.rng = rng
        self.uses = uses
        self.centres = centres
        self.raws = raws

    def feeds(
        self, raw: Mapping[str, TensorType], dims: Mapping[str, int], kind: str
    ) -> dict[str, Array]:
        return {name: self._one(name, type_, dims, kind) for name, type_ in raw.items()}

    def _one(self, name: str, type_: TensorType, dims: Mapping[str, int], kind: str) -> Array:
        shape = tuple(int(str(substitute(dim, dims))) for dim in type_.shape)
        use = self.uses.get(name, Use())
        values = self.raws.get(name, RawValues())
        if values.entries:
            return self._entries(shape, type_.dtype, values)
        if values.range is not None:
            found = self._within(shape, type_.dtype, values.range, kind)
            return self._holes(found) if values.missing else found
        if type_.dtype is DType.BOOL:
            return self._flags(shape, use, kind)
        if type_.dtype is DType.STRING:
            words = np.array(["", "a", "the", "dlc"], dtype=object)
            return words[self.rng.integers(0, len(words), shape)]
        if type_.dtype.is_int:
            return self._whole(shape, type_.dtype, use, dims, kind)
        found = self._floats(name, shape, kind).astype(numpy_dtype(type_.dtype))
        return self._holes(found) if values.missing else found

    def _holes(self, found: Array) -> Array:
        if found.dtype.kind == "f":
            found[self.rng.random(found.shape) < _MISSING] = np.nan
        return found

    def _entries(self, shape: tuple[int, ...], dtype: DType, values: RawValues) -> Array:
        """Known entries and an unknown one, or lists of them."""
        if values.closed:
            known = np.array(values.entries, object if dtype is DType.STRING else np.int64)
            found = np.asarray(self.rng.choice(known, shape))
            return found if dtype is DType.STRING else found.astype(numpy_dtype(dtype))
        if dtype is not DType.STRING:
            known = np.array(values.entries, np.int64)
            other = next(n for n in range(len(known) + 1) if n not in set(known.tolist()))
            found = self.rng.choice(np.append(known, other), shape)
            return np.asarray(found).astype(numpy_dtype(dtype))
        words = np.array([*values.entries, "", "dlc"], dtype=object)
        if values.joins is None:
            return np.asarray(self.rng.choice(words, shape))
        counts = self.rng.integers(0, 4, shape).reshape(-1)
        lists = [values.joins.join(self.rng.choice(words, count)) for count in counts]
        return np.array(lists, dtype=object).reshape(shape)

    def _within(
        self, shape: tuple[int, ...], dtype: DType, range: tuple[float, float], kind: str
    ) -> Array:
        low, high = range
        if kind == "extremes":
            found = self.rng.choice([low, high], shape)
        else:
            found = self.rng.uniform(low, high, shape)
        return (
            found.astype(numpy_dtype(dtype))
            if dtype.is_float
            else np.rint(found).astype(numpy_dtype(dtype))
        )

    def _floats(self, name: str, shape: tuple[int, ...], kind: str) -> Array:
        if kind == "extremes":
            values = self.rng.choice([-_EXTREME, -1.0, 0.0, 1.0, _EXTREME], shape)
        else:
            values = self.rng.standard_normal(shape)
        mean, deviation = self.centres.get(name, (np.zeros(()), np.ones(())))
        result: Array = mean + deviation * values
        return result

    def _flags(self, shape: tuple[int, ...], use: Use, kind: str) -> Array:
        if not use.padding or len(shape) < 2:
            return np.asarray(self.rng.random(shape) < 0.5)
        # True where padded: at the end, at least the first place valid.
        lengths = self._lengths(shape[:-1], shape[-1], kind)
        return np.asarray(np.arange(shape[-1]) >= lengths[..., None])

    def _lengths(self, shape: tuple[int, ...], longest: int, kind: str) -> Array:
        if kind == "padding":
            return np.ones(shape, np.int64)
        lengths = self.rng.integers(1, longest + 1, shape)
        lengths.reshape(-1)[-1:] = longest
        return lengths

    def _whole(
        self,
        shape: tuple[int, ...],
        dtype: DType,
        use: Use,
        dims: Mapping[str, int],
        kind: str,
    ) -> Array:
        numpy_type = numpy_dtype(dtype)
        if use.length_of is not None:
            longest = int(str(substitute(use.length_of, dims)))
            return self._lengths(shape, longest, kind).astype(numpy_type)
        low, high = self._range(numpy_type, use)
        if kind == "extremes":
            values: Any = self.rng.choice([low, high - 1], shape)
        else:
            values = self.rng.integers(low, high, shape)
        return np.asarray(values).astype(numpy_type)

    def _range(self, dtype: np.dtype[Any], use: Use) -> tuple[int, int]:
        if use.below is not None:
            return 0, use.below
        if dtype.itemsize == 1:
            limits = np.iinfo(dtype)
            return int(limits.min), int(limits.max) + 1
        return 0, _FREE
