"""Batches of data that is read while it is wanted.

An epoch's order is cut into stretches that need different blocks. While the batches of one
are taken, threads read the next: decoding and arithmetic on arrays leave the interpreter
free for the training step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.data.blocks import stretches
from dlc.runtime.data.columns import Array
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.streaming import Stream
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training.samples import Batch, Rows, Samples, Take, picked

Tensors = dict[str, torch.Tensor]

# Each holds a block as the file has it, beside the samples.
_DECODERS = 2


def samples_of(
    data: DataSet,
    *,
    inputs: Sequence[str],
    targets: Sequence[str],
    device: torch.device,
    drawn: Drawn | None = None,
    on_host: Collection[str] = (),
    unfinished: bool = False,
) -> Samples:
    """The samples of a data set, in memory or streamed. With `unfinished`, inputs that
    augmentation changes are as it takes them."""
    if data.stream is not None:
        return StreamedSamples(
            data.stream, inputs=inputs, targets=targets, device=device, unfinished=unfinished
        )
    arrays = dict(data.arrays)
    if unfinished:
        arrays |= {name: found.values for name, found in data.unfinished.items()}
    return Samples(
        arrays,
        inputs=inputs,
        targets=targets,
        device=device,
        padding=data.padding,
        drawn=drawn,
        on_host=on_host,
    )


class StreamedSamples(Samples):
    """All samples of a run, of which some stretches of an order are in memory at a time."""

    def __init__(
        self,
        stream: Stream,
        *,
        inputs: Sequence[str],
        targets: Sequence[str],
        device: torch.device,
        unfinished: bool = False,
    ) -> None:
        super().__init__({}, inputs=inputs, targets=targets, device=device)
        self.stream = stream
        self.load = stream.load_unfinished if unfinished else stream.load
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self.following: Callable[[int], Rows | None] | None = None
        self._next: tuple[int, _Stretches] | None = None
        self.decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")

    def in_order(self, rows: Rows, epoch: int | None = None) -> Take:
        """Batches of the given rows, in that order. Where `following` gives the order of the
        epoch after this one, its first samples are read when the last ones are taken."""
        begun = self._next
        if epoch is not None and begun is not None:
            self._next = None
            if begun[0] == epoch and np.array_equal(begun[1].order, rows):
                return begun[1]
        return _Stretches(self, rows, epoch)

    def begin(self, epoch: int) -> None:
        """Reads the first samples of an epoch ahead."""
        if self.following is None or (self._next is not None and self._next[0] == epoch):
            return
        order = self.following(epoch)
        if order is not None:
            self._next = epoch, _Stretches(self, order, epoch)
            self._next[1].expect(0)


@dataclass(frozen=True)
class _Stretch:
    """Samples in the order of the file, and the one that stands at each place."""

    tensors: Tensors
    index: torch.Tensor


class _Stretches:
    """Batches of one order, by their first and last (excluded) place."""

    def __init__(self, samples: StreamedSamples, order: Rows, epoch: int | None) -> None:
        self.samples = samples
        self.order = order
        self.epoch = epoch
        self.cuts = stretches(order, samples.stream.blocks)
        self.starts = np.array([start for start, _ in self.cuts])
        self._held: dict[int, _Stretch] = {}
        self._coming: dict[int, Future[_Stretch]] = {}

    def __call__(self, start: int, stop: int) -> Batch:
        first, last = np.searchsorted(self.starts, [start, stop - 1], side="right") - 1
        wanted = range(int(first), int(last) + 1)
        self._held = {place: self._get(place) for place in wanted}
        if last + 1 < len(self.cuts):
            self.expect(int(last) + 1)
        elif self.epoch is not None:
            self.samples.begin(self.epoch + 1)
        samples, parts = self.samples, []
        for place in wanted:
            held, (begin, end) = self._held[place], self.cuts[place]
            index = held.index[max(start, begin) - begin : min(stop, end) - begin]
            parts.append(
                {name: picked(t, index, samples.device) for name, t in held.tensors.items()}
            )
        return (
            {name: self._joined(name, parts) for name in samples.inputs},
            {name: self._joined(name, parts) for name in samples.targets},
        )

    def _joined(self, name: str, parts: Sequence[Tensors]) -> torch.Tensor:
        found = parts[0][name] if len(parts) == 1 else torch.cat([part[name] for part in parts])
        return found.to(self.samples.device, non_blocking=True)

    def _get(self, place: int) -> _Stretch:
        if place in self._held:
            return self._held[place]
        self.expect(place)
        return self._coming.pop(place).result()

    def expect(self, place: int) -> None:
        """Reads a stretch ahead; what was expected before and has not begun is not wanted."""
        if place in self._coming:
            return
        for other in [other for other in self._coming if other < place - 1 or other > place]:
            self._coming.pop(other).cancel()
        self._coming[place] = self.samples.reader.submit(self._read, place)

    def _read(self, place: int) -> _Stretch:
        start, stop = self.cuts[place]
        order, blocks = self.order[start:stop], self.samples.stream.blocks
        block_of = blocks.of(order)
        # Short numbers are sorted by their digits, in a tenth of the time.
        short = block_of.astype(np.uint16) if len(blocks) <= 1 << 16 else block_of
        by_block = np.argsort(short, kind="stable")
        index = np.empty(len(order), np.int64)
        wanted: list[tuple[int, int, npt.NDArray[np.bool_]]] = []
        count = begin = 0
        for block, size in zip(*np.unique(block_of, return_counts=True), strict=True):
            places = by_block[begin : begin + size]
            inside = order[places] - blocks.starts[block]
            used = np.zeros(blocks.starts[block + 1] - blocks.starts[block], np.bool_)
            used[inside] = True
            rank = np.cumsum(used)
            index[places] = rank[inside] + (count - 1)
            wanted.append((int(block), count, used))
            count, begin = count + int(rank[-1]), begin + int(size)
        tensors: Tensors = {}

        def read(block: int, first: int, used: npt.NDArray[np.bool_]) -> None:
            for name, values in self.samples.load(block).items():
                some = values if used.all() else values[used]
                if name not in tensors:
                    tensors[name] = _empty(count, values)
                tensors[name].numpy()[first : first + len(some)] = some

        read(*wanted[0])
        list(self.samples.decoders.map(lambda given: read(*given), wanted[1:]))
        return _Stretch(tensors, torch.from_numpy(index))


def _empty(count: int, like: Array) -> torch.Tensor:
    return torch.empty(
        (count, *like.shape[1:]), dtype=torch.from_numpy(np.empty(0, like.dtype)).dtype
    )
