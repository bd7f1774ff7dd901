"""Operations and bytes moved, layer by layer: whether arithmetic or memory is what a device
waits for.

A layer reads what flows into it and its weights, and writes what it gives, each once, as kernels
do that are not fused: what fits a cache, or is fused, moves less. A multiply-accumulate is two
operations; a layer without them is counted as one operation for each number that it reads or
writes, whichever are more, which is within a small factor, and far below what any device needs to
be kept busy. The backward pass of a layer reads what autograd kept, its weights and the gradient
of its results, and writes the gradients of its inputs and weights; it takes the operations of the
forward pass once for each of these two.

Operations over bytes is the arithmetic intensity. A device with F operations and B bytes a second
is balanced at F / B: layers above wait for arithmetic, those below for memory, and none is faster
than the slower of the two allows.

Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for
multicore architectures" (2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlc.compiler.analysis.live_bytes import Layer
from dlc.compiler.analysis.memory import (
    FLOAT_BYTES,
    NARROW,
    NARROW_BYTES,
    flow,
    state_copies,
)
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Node, Program
from dlc.compiler.record import record

# Of these, only the rows that are asked for are read.
_LOOKUPS = frozenset({"embedding", "embedding_bag"})
# These read their weights again at every step of a sequence.
_SEQUENTIAL = frozenset({"rnn", "lstm", "gru"})


@record
class Traffic:
    """A layer, or several: operations and bytes of the forward and of the backward pass."""

    name: str
    kind: str
    flops: int
    bytes: int
    backward_flops: int
    backward_bytes: int

    @property
    def intensity(self) -> float:
        """Operations for each byte that the forward pass moves; 0 where it moves none."""
        return self.flops / self.bytes if self.bytes else 0.0

    @property
    def step_intensity(self) -> float:
        """The same of both passes."""
        moved = self.bytes + self.backward_bytes
        return (self.flops + self.backward_flops) / moved if moved else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "flops": self.flops,
            "bytes_moved": self.bytes,
            "intensity": self.intensity,
            "backward_flops": self.backward_flops,
            "backward_bytes_moved": self.backward_bytes,
        }


@record
class Balance:
    """A device: operations and bytes that it can do in a second."""

    flops: float
    bandwidth: float

    @property
    def point(self) -> float:
        """The intensity from which on arithmetic is what it waits for."""
        return self.flops / self.bandwidth

    def bound(self, layer: Traffic) -> str:
        """`compute` or `memory`; "" for a layer that does nothing."""
        if not layer.bytes:
            return ""
        return "compute" if layer.intensity >= self.point else "memory"

    def seconds(self, flops: float, moved: float) -> float:
        """The least time for so many operations and bytes."""
        return max(flops / self.flops, moved / self.bandwidth)

    def forward_seconds(self, layers: Sequence[Traffic]) -> float:
        """The least time of a forward pass, one layer after the other."""
        return math.fsum(self.seconds(layer.flops, layer.bytes) for layer in layers)

    def step_seconds(self, layers: Sequence[Traffic], update: int) -> float:
        """The least time of a training step, with an update that moves so many bytes."""
        backward = math.fsum(
            self.seconds(layer.backward_flops, layer.backward_bytes) for layer in layers
        )
        return self.forward_seconds(layers) + backward + update / self.bandwidth


def traffic(
    program: Program,
    *,
    batch: int = 1,
    dims: Mapping[str, int] | None = None,
    autocast: bool = False,
) -> tuple[Traffic, ...]:
    """The layers of a network over so many samples, in the order of execution, as they are
    trained; with `autocast` in 16 bits. Raises what `memory` raises."""
    typed, layers, data = flow(program, batch=batch, dims=dims, autocast=autocast)
    return tuple(_layers(typed, layers, data, narrow=autocast))


def whole(layers: Sequence[Traffic]) -> Traffic:
    """All layers as one."""
    sums = (
        sum(getattr(layer, name) for layer in layers)
        for name in ("flops", "bytes", "backward_flops", "backward_bytes")
    )
    return Traffic("", "", *sums)


def update_bytes(program: Program, settings: Settings) -> int:
    """What an update moves: parameters, gradients and the state are read, parameters and the
    state written. 0 without an optimizer."""
    if settings.optimizer is None:
        return 0
    numbers = sum(
        _number(p.elements) * p.dtype.bytes for _, p in program.parameters() if p.trainable
    )
    return numbers * (3 + 2 * state_copies(settings.optimizer))


def _layers(
    typed: Program, layers: Sequence[Layer], data: frozenset[str], *, narrow: bool
) -> Iterator[Traffic]:
    for (path, graph, node), layer in zip(typed.walk(), layers, strict=True):
        op: Any = node.op
        types = graph.node_inputs(node)
        macs = _number(op.macs(types, graph.node_results(node)))
        steps = _number(types.x.shape[1]) if node.kind in _SEQUENTIAL else 1
        weights = _weight_bytes(node, layer, steps, narrow=narrow)
        counts = (0, 0, 0, 0) if layer.view else _counted(node, layer, macs, weights, data)
        yield Traffic(path, node.kind, *counts)


def _counted(
    node: Node, layer: Layer, macs: int, weights: int, data: frozenset[str]
) -> tuple[int, int, int, int]:
    read = {t.name: t for t in layer.inputs}
    inputs = sum(t.bytes for t in read.values())
    results = sum(t.bytes for t in layer.results)
    # What it keeps beside tensors that flow: masks and indices are written; of layers that are
    # several products in one, what is between them is read again, too.
    own = 2 * layer.own if macs else layer.own
    learned = sum(size for _, size in layer.weights)
    gradients = sum(t.bytes for t in read.values() if t.name not in data)
    if node.kind in _LOOKUPS:
        return (
            sum(t.elements for t in layer.results),
            inputs + 2 * results,
            sum(t.elements for t in layer.results),
            results + learned,
        )
    kept = sum(t.bytes for t in layer.kept) + layer.own
    numbers = max(sum(t.elements for t in read.values()), sum(t.elements for t in layer.results))
    flops = 2 * macs if macs else numbers
    # A product has a gradient by each of its two sides; what is data needs none.
    parts = (bool(gradients) + bool(learned or len(read) > 1)) if macs else bool(gradients)
    moved = inputs + results + weights + own
    back = results + kept + gradients + (weights + learned if parts else 0)
    return flops, moved, flops * parts, back if parts or learned else 0


def _weight_bytes(node: Node, layer: Layer, steps: int, *, narrow: bool) -> int:
    size = sum(bytes for _, bytes in layer.weights) * steps
    # A product in 16 bits reads a copy of its weights in 16 bits.
    return size * NARROW_BYTES // FLOAT_BYTES if narrow and node.kind in NARROW else size


def _number(size: Dim) -> int:
    assert isinstance(size, int), f"`{size}` is not known"
    return size
