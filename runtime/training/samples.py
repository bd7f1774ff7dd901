"""The data set as tensors, and batches of it by index.

A data set that fits lies on the device whole: a batch is then an index, and no worker
process is needed. One that does not fit lies on the host, and batches are copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.device import free_bytes
from dlc.runtime.seeding import permutation

Batch: TypeAlias = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]
#: A batch by its first and last (excluded) place in an order.
Take: TypeAlias = Callable[[int, int], Batch]
Rows: TypeAlias = npt.NDArray[np.int64]

# Below this a whole epoch is put in order at once, and batches are slices: one gather
# instead of hundreds, for a second copy of the training part.
_REORDERED_BYTES = 256 << 20
_SHARE_OF_FREE_MEMORY = 0.5


class Samples:
    """All samples of a run on `device`, or on the host where they do not fit."""

    def __init__(
        self,
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        inputs: Sequence[str],
        targets: Sequence[str],
        device: torch.device,
    ) -> None:
        self.device = device
        self.inputs = tuple(inputs)
        self.targets = tuple(targets)
        # Arrow's arrays are read-only, which torch does not know.
        tensors = {
            name: torch.from_numpy(np.require(array, requirements=("C", "W")))
            for name, array in arrays.items()
        }
        self.bytes = sum(tensor.nbytes for tensor in tensors.values())
        free = free_bytes(device)
        self.resident = free is None or self.bytes < free * _SHARE_OF_FREE_MEMORY
        if self.resident:
            tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        self._tensors = tensors

    def in_order(self, rows: Rows) -> Take:
        """Batches of the given rows, in that order."""
        where = self.device if self.resident else torch.device("cpu")
        index = torch.from_numpy(np.ascontiguousarray(rows)).to(where)
        if self.resident and self._bytes_of(len(rows)) <= _REORDERED_BYTES:
            inputs = {name: self._tensors[name].index_select(0, index) for name in self.inputs}
            targets = {name: self._tensors[name].index_select(0, index) for name in self.targets}

            def slices(start: int, stop: int) -> Batch:
                return (
                    {name: tensor[start:stop] for name, tensor in inputs.items()},
                    {name: tensor[start:stop] for name, tensor in targets.items()},
                )

            return slices

        def gathered(start: int, stop: int) -> Batch:
            part = index[start:stop]
            return (
                {name: self._pick(name, part) for name in self.inputs},
                {name: self._pick(name, part) for name in self.targets},
            )

        return gathered

    def _pick(self, name: str, index: torch.Tensor) -> torch.Tensor:
        picked = self._tensors[name].index_select(0, index)
        return picked if self.resident else picked.to(self.device, non_blocking=True)

    def _bytes_of(self, rows: int) -> int:
        count = len(next(iter(self._tensors.values())))
        return self.bytes * rows // max(count, 1)


class Epochs:
    """The order of the training rows in every epoch: a function of the seed and the epoch
    alone, so that a run resumed anywhere goes on with the same batches.

    `usable` is how many rows an epoch takes: all, but for a last batch of one sample where
    `batch_statistics` do not exist for it; another row is then left out in each epoch.
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
    ) -> None:
        self.rows = rows
        self.batch_size = batch_size
        self.group = batch_size * accumulate
        self.seed = seed
        self.shuffle = shuffle
        lone = batch_statistics and len(rows) > 1 and len(rows) % batch_size == 1 < batch_size
        self.usable = len(rows) - 1 if lone else len(rows)
        self.steps = -(-self.usable // self.group)

    def order(self, epoch: int) -> Rows:
        if not self.shuffle:
            return self.rows
        ordered: Rows = self.rows[permutation(len(self.rows), self.seed, "order", epoch)]
        return ordered
