"""Batches of data that is read while it is wanted.

An epoch's order is cut into stretches that need different blocks. While the batches of one
are taken, threads read the next: decoding and arithmetic on arrays leave the interpreter
free for the training step.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from dlc.runtime.data.blocks import stretches
from dlc.runtime.data.columns import Array
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.streaming import Stream
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training.samples import Batch, Rows, Samples, Take, pinned

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


class _Stretches:
    """Batches of one order, by their first and last (excluded) place."""

    def __init__(self, samples: StreamedSamples, order: Rows, epoch: int | None) -> None:
        self.samples = samples
        self.order = order
        self.epoch = epoch
        self.cuts = stretches(order, samples.stream.blocks)
        self.starts = [start for start, _ in self.cuts]
        self._held: dict[int, Tensors] = {}
        self._coming: dict[int, Future[Tensors]] = {}

    def __call__(self, start: int, stop: int) -> Batch:
        first, last = bisect_right(self.starts, start) - 1, bisect_right(self.starts, stop - 1) - 1
        wanted = range(first, last + 1)
        self._held = {place: self._get(place) for place in wanted}
        if last + 1 < len(self.cuts):
            self.expect(last + 1)
        elif self.epoch is not None:
            self.samples.begin(self.epoch + 1)
        parts = []
        for place in wanted:
            begin, end = self.cuts[place]
            inside = slice(max(start, begin) - begin, min(stop, end) - begin)
            parts.append({name: held[inside] for name, held in self._held[place].items()})
        return (
            {name: self._joined(name, parts) for name in self.samples.inputs},
            {name: self._joined(name, parts) for name in self.samples.targets},
        )

    def _joined(self, name: str, parts: Sequence[Tensors]) -> torch.Tensor:
        found = parts[0][name] if len(parts) == 1 else torch.cat([part[name] for part in parts])
        device = self.samples.device
        return pinned(found, device).to(device, non_blocking=True)

    def _get(self, place: int) -> Tensors:
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

    def _read(self, place: int) -> Tensors:
        """The samples of a stretch at their places, so that a batch is a slice of them."""
        start, stop = self.cuts[place]
        order, blocks = self.order[start:stop], self.samples.stream.blocks
        by_row = np.argsort(order)
        rows = order[by_row]
        bounds = np.searchsorted(rows, blocks.starts)
        tensors: Tensors = {}

        def read(block: int) -> None:
            part = slice(bounds[block], bounds[block + 1])
            places, inside = by_row[part], rows[part] - blocks.starts[block]
            for name, values in self.samples.load(block).items():
                if name not in tensors:
                    tensors[name] = _empty(len(order), values)
                whole = np.array_equal(inside, np.arange(len(values)))
                tensors[name].numpy()[places] = values if whole else values[inside]

        first, *others = np.flatnonzero(np.diff(bounds)).tolist()
        read(first)
        list(self.samples.decoders.map(read, others))
        return tensors


def _empty(count: int, like: Array) -> torch.Tensor:
    # NumPy asks for large pages, torch does not: half of the time to touch them first.
    return torch.from_numpy(np.empty((count, *like.shape[1:]), like.dtype))
