"""Batches of data that is read while it is wanted.

An epoch's order is cut into stretches that need different blocks. While the batches of one
are taken, threads read the next: decoding and arithmetic on arrays leave the interpreter
free for the training step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from dlc.runtime.data.blocks import stretches
from dlc.runtime.data.columns import Array
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.streaming import Stream
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training.samples import Batch, Rows, Samples, Take

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
        self.decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")

    def _in_order(self, rows: Rows) -> Take:
        return _Stretches(self, rows)


class _Stretches:
    """Batches of one order, by their first and last (excluded) place."""

    def __init__(self, samples: StreamedSamples, order: Rows) -> None:
        self.samples = samples
        self.order = order
        self.cuts = stretches(order, samples.stream.blocks)
        self.starts = np.array([start for start, _ in self.cuts])
        self._held: dict[int, Tensors] = {}
        self._coming: dict[int, Future[Tensors]] = {}

    def __call__(self, start: int, stop: int) -> Batch:
        first, last = np.searchsorted(self.starts, [start, stop - 1], side="right") - 1
        wanted = range(int(first), int(last) + 1)
        self._held = {place: self._get(place) for place in wanted}
        self._expect(int(last) + 1)
        parts = []
        for place in wanted:
            begin, end = self.cuts[place]
            inside = slice(max(start, begin) - begin, min(stop, end) - begin)
            parts.append({name: tensor[inside] for name, tensor in self._held[place].items()})
        samples = self.samples
        return (
            {name: self._joined(name, parts) for name in samples.inputs},
            {name: self._joined(name, parts) for name in samples.targets},
        )

    def _joined(self, name: str, parts: Sequence[Tensors]) -> torch.Tensor:
        found = parts[0][name] if len(parts) == 1 else torch.cat([part[name] for part in parts])
        return found.to(self.samples.device, non_blocking=True)

    def _get(self, place: int) -> Tensors:
        if place in self._held:
            return self._held[place]
        self._expect(place)
        return self._coming.pop(place).result()

    def _expect(self, place: int) -> None:
        """Reads a stretch ahead; what was expected before and has not begun is not wanted."""
        if place >= len(self.cuts) or place in self._coming:
            return
        for other in [other for other in self._coming if other < place - 1 or other > place]:
            self._coming.pop(other).cancel()
        self._coming[place] = self.samples.reader.submit(self._read, place)

    def _read(self, place: int) -> Tensors:
        start, stop = self.cuts[place]
        order, blocks = self.order[start:stop], self.samples.stream.blocks
        block_of = blocks.of(order)
        by_block = np.argsort(block_of, kind="stable")
        ends = np.searchsorted(block_of[by_block], np.arange(len(blocks) + 1))
        found: Tensors = {}

        def read(block: int) -> None:
            places = by_block[ends[block] : ends[block + 1]]
            inside = order[places] - blocks.starts[block]
            for name, values in self.samples.load(block).items():
                if name not in found:
                    found[name] = self._empty(len(order), values)
                _put(found[name].numpy(), places, values, inside)

        first, *others = np.unique(block_of).tolist()
        read(first)
        list(self.samples.decoders.map(read, others))
        return found

    def _empty(self, count: int, like: Array) -> torch.Tensor:
        dtype = torch.from_numpy(np.empty(0, like.dtype)).dtype
        # Only from pinned memory does a copy to the device run beside the step.
        pinned = self.samples.device.type == "cuda"
        return torch.empty((count, *like.shape[1:]), dtype=dtype, pin_memory=pinned)


def _put(found: Array, places: Rows, values: Array, inside: Rows) -> None:
    """`found[places] = values[inside]`, in one copy where every value is wanted once."""
    if len(places) == len(values):
        where = np.full(len(values), -1, np.int64)
        where[inside] = places
        if where.min(initial=0) >= 0:
            found[where] = values
            return
    found[places] = values[inside]
