"""The data set as tensors, and batches of it by index.

A data set that fits lies on the device whole: a batch is then an index, and no worker
process is needed. One that does not fit lies on the host, and batches are copied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.data.balancing import balanced
from dlc.runtime.data.blocks import Blocks, shuffled
from dlc.runtime.data.ragged import Padding, Ragged
from dlc.runtime.device import free_bytes
from dlc.runtime.objectives._arrays import OnDevice
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training.padding import RaggedColumns, bucketed

Batch: TypeAlias = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]
#: A batch by its first and last (excluded) place in an order.
Take: TypeAlias = Callable[[int, int], Batch]
Rows: TypeAlias = npt.NDArray[np.int64]

# Below this a whole epoch is put in order at once, and batches are slices: one gather
# instead of hundreds, for a second copy of the training part.
_REORDERED_BYTES = 256 << 20
_SHARE_OF_FREE_MEMORY = 0.5


class Samples:
    """All samples of a run on `device`, or on the host where they do not fit. `padding` is
    that of the ragged arrays: a batch pads them, and fills the inputs that it names. What an
    objective makes anew in every epoch is `drawn`. Lengths in `on_host` stay on the host."""

    def __init__(
        self,
        arrays: Mapping[str, npt.NDArray[Any] | Ragged],
        *,
        inputs: Sequence[str],
        targets: Sequence[str],
        device: torch.device,
        padding: Mapping[str, Padding] | None = None,
        drawn: Drawn | None = None,
        on_host: Collection[str] = (),
    ) -> None:
        self.device = device
        #: Rows are padded as those of the whole batch of this size, which ranks share.
        self.pad_alike: int | None = None
        self._drawn = drawn
        self.inputs = tuple(inputs)
        self.targets = tuple(targets)
        ragged = {name: array for name, array in arrays.items() if isinstance(array, Ragged)}
        self._ragged = RaggedColumns(ragged, padding or {}, on_host) if ragged else None
        # Arrow's arrays are read-only, which torch does not know.
        tensors = {
            name: torch.from_numpy(np.require(array, requirements=("C", "W")))
            for name, array in arrays.items()
            if not isinstance(array, Ragged)
        }
        self._count = len(next(iter(arrays.values()), ()))
        self.bytes = sum(tensor.nbytes for tensor in tensors.values())
        self._flat_bytes = self._ragged.nbytes if self._ragged is not None else 0
        free = free_bytes(device)
        whole = self.bytes + self._flat_bytes
        self.resident = free is None or whole < free * _SHARE_OF_FREE_MEMORY
        if self.resident:
            tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
            if self._ragged is not None:
                self._ragged.to(device)
        self._tensors = tensors

    @property
    def rows_count(self) -> int:
        """The rows of the whole data set."""
        return self._count

    @property
    def rows_alone(self) -> bool:
        """Whether a row is one sample, the same in every epoch, and as long as all others."""
        return self._drawn is None and self._ragged is None and bool(self._tensors)

    def arrays(self, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        """Inputs and targets of all rows, on the host."""
        return {name: self._tensors[name].cpu().numpy() for name in names}

    def count(self, rows: Rows, epoch: int | None = None) -> int:
        """How many samples `in_order` makes of the given rows in that epoch: as many, but for
        some objectives."""
        return len(rows) if self._drawn is None else self._drawn.count(rows, epoch)

    def places(self, rows: Rows, start: int, stop: int, epoch: int | None = None) -> Rows:
        """The rows, by their places in the data set, that a batch is made of."""
        if self._drawn is None:
            return rows[start:stop]
        return self._drawn.places(rows, epoch, start, stop)

    def in_order(self, rows: Rows, epoch: int | None = None) -> Take:
        """Batches of what is made of the given rows, in that order. An objective draws what it
        draws for that epoch; without one always the same."""
        if self._drawn is None:
            return self._in_order(rows)
        return self._drawn.in_order(rows, epoch, self._in_order, OnDevice(self.device))

    def _in_order(self, rows: Rows) -> Take:
        where = self.device if self.resident else torch.device("cpu")
        index = torch.from_numpy(np.ascontiguousarray(rows)).to(where)
        dense = self._dense_in_order(rows, index)
        ragged = self._ragged
        if ragged is None:
            return dense

        size = self.pad_alike

        def whole(start: int, stop: int) -> Rows:
            if size is None:
                return rows[start:stop]
            first = start - start % size
            return rows[first : max(first + size, stop)]

        def padded(start: int, stop: int) -> Batch:
            made = ragged.batch(rows[start:stop], index[start:stop], whole(start, stop))
            if not self.resident:
                made = {
                    n: t if n in ragged.on_host else t.to(self.device, non_blocking=True)
                    for n, t in made.items()
                }
            given, wanted = dense(start, stop)
            found = {**given, **wanted, **made}
            return (
                {name: found[name] for name in self.inputs if name in found},
                {name: found[name] for name in self.targets if name in found},
            )

        return padded

    @property
    def lengths(self) -> Rows | None:
        """What each row takes, where rows differ in length."""
        return None if self._ragged is None else self._ragged.lengths()

    def by_length(self, rows: Rows) -> Rows:
        """The rows in the order of their lengths, where these differ: for what does not
        depend on the order."""
        lengths = self.lengths
        return rows if lengths is None else rows[np.argsort(lengths[rows], kind="stable")]

    def _dense_in_order(self, rows: Rows, index: torch.Tensor) -> Take:
        dense_inputs = [name for name in self.inputs if name in self._tensors]
        dense_targets = [name for name in self.targets if name in self._tensors]
        if self.resident and self._bytes_of(len(rows)) <= _REORDERED_BYTES:
            inputs = {name: self._tensors[name].index_select(0, index) for name in dense_inputs}
            targets = {name: self._tensors[name].index_select(0, index) for name in dense_targets}

            def slices(start: int, stop: int) -> Batch:
                return (
                    {name: tensor[start:stop] for name, tensor in inputs.items()},
                    {name: tensor[start:stop] for name, tensor in targets.items()},
                )

            return slices

        def gathered(start: int, stop: int) -> Batch:
            part = index[start:stop]
            return (
                {name: self._pick(name, part) for name in dense_inputs},
                {name: self._pick(name, part) for name in dense_targets},
            )

        return gathered

    def _pick(self, name: str, index: torch.Tensor) -> torch.Tensor:
        if self.resident:
            return self._tensors[name].index_select(0, index)
        found = _picked(self._tensors[name], index, self.device)
        return found.to(self.device, non_blocking=True)

    def _bytes_of(self, rows: int) -> int:
        return self.bytes * rows // max(self._count, 1)


def pinned(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A few samples on the host, where a copy to the device can start from."""
    if device.type != "cuda":
        return values
    found = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return found.copy_(values)


def _picked(values: torch.Tensor, index: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Some samples on the host, where a copy to the device can start from."""
    if device.type != "cuda":
        return values.index_select(0, index)
    # From memory that is not pinned, the copy would wait for the step that runs.
    shape = (len(index), *values.shape[1:])
    found = torch.empty(shape, dtype=values.dtype, pin_memory=True)
    return torch.index_select(values, 0, index, out=found)


class Epochs:
    """The order of the training rows in every epoch: a function of the seed and the epoch
    alone, so that a run resumed anywhere goes on with the same batches.

    `usable` is how many rows an epoch takes: all, but for a last batch of one sample where
    `batch_statistics` do not exist for it; another row is then left out in each epoch.
    `lengths`, of all rows of the data set, makes batches of rows that are alike in length;
    `classes`, of all rows too, are drawn equally often. `samples` is how many are made of the
    rows, where that is another number; `blocks` tells where the rows lie in their file.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        accumulate: int = 1,
        batch_statistics: bool = False,
        lengths: Rows | None = None,
        classes: Rows | None = None,
        samples: int | None = None,
        blocks: Blocks | None = None,
    ) -> None:
        self.rows = rows
        self.blocks = blocks
        self.classes = classes
        self.lengths = lengths
        self.batch_size = batch_size
        self.group = batch_size * accumulate
        self.seed = seed
        self.shuffle = shuffle
        count = len(rows) if samples is None else samples
        lone = batch_statistics and count > 1 and count % batch_size == 1 < batch_size
        self.count = count
        self.usable = count - 1 if lone else count
        self.steps = -(-self.usable // self.group)
        self._last: tuple[int, Rows] | None = None

    def order(self, epoch: int) -> Rows:
        if self._last is None or self._last[0] != epoch:
            self._last = epoch, self._ordered(epoch)
        return self._last[1]

    def _ordered(self, epoch: int) -> Rows:
        rows = self.rows
        if self.classes is not None:
            rows = balanced(rows, self.classes[rows], self.seed, epoch)
        if not self.shuffle:
            return rows if self.classes is None else np.sort(rows)
        ordered = shuffled(rows, self.blocks, self.seed, epoch)
        if self.lengths is None:
            return ordered
        return bucketed(ordered, self.lengths[ordered], self.batch_size, self.seed, epoch)
