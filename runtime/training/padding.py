"""Batches of rows that differ in length: padded on the device, and alike in length.

Rows lie on the device as one flat tensor, and a batch is one gather from it. So that
little of a batch is padding, an epoch's rows are sorted by length within windows of some
batches, and the batches are shuffled again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.data.ragged import Padding, Ragged
from dlc.runtime.seeding import permutation

Rows = npt.NDArray[np.int64]

# Batches that are sorted together: enough that rows of a batch are nearly alike, few enough
# that batches differ from epoch to epoch.
_WINDOW = 50


@dataclass(frozen=True, kw_only=True)
class FlatRows:
    """A ragged column as tensors. `value` pads; `host_lengths` tells the size of a batch
    without asking the device."""

    values: torch.Tensor
    value: int
    starts: torch.Tensor
    lengths: torch.Tensor
    host_lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, column: Ragged, value: int) -> FlatRows:
        # A padded place looks up some number: there is always one.
        values = column.values if len(column.values) else np.zeros(1, column.values.dtype)
        return cls(
            values=torch.from_numpy(np.require(values, requirements=("C", "W"))),
            value=value,
            starts=torch.from_numpy(column.offsets[:-1].copy()),
            lengths=torch.from_numpy(column.lengths),
            host_lengths=column.lengths,
        )

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.starts.nbytes + self.lengths.nbytes

    def to(self, device: torch.device) -> FlatRows:
        return FlatRows(
            values=self.values.to(device),
            value=self.value,
            starts=self.starts.to(device),
            lengths=self.lengths.to(device),
            host_lengths=self.host_lengths,
        )

    def padded(self, index: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """`int64[rows, size]`, and true where that is padding."""
        places = torch.arange(size, device=index.device)
        outside = places >= self.lengths.index_select(0, index).unsqueeze(1)
        where = self.starts.index_select(0, index).unsqueeze(1) + places
        found = self.values[where.masked_fill_(outside, 0)].to(torch.int64)
        return found.masked_fill_(outside, self.value), outside


class RaggedColumns:
    """The ragged columns of a data set and what their padding fills. Lengths in `on_host`
    are made on the host, wherever the rest is."""

    def __init__(
        self,
        columns: Mapping[str, Ragged],
        paddings: Mapping[str, Padding],
        on_host: Collection[str] = (),
    ) -> None:
        self.paddings = paddings
        self.on_host = frozenset(on_host)
        self.rows = {name: FlatRows.of(c, paddings[name].value) for name, c in columns.items()}
        self._groups: dict[str, str] = {name: paddings[name].dim or f"/{name}" for name in columns}

    @property
    def nbytes(self) -> int:
        return sum(rows.nbytes for rows in self.rows.values())

    @property
    def filled(self) -> frozenset[str]:
        """The names that a batch gets from here."""
        return frozenset(self.rows) | {n for p in self.paddings.values() for n in p.filled}

    def lengths(self) -> npt.NDArray[np.int64]:
        """What each row takes in all columns together."""
        total: npt.NDArray[np.int64] = np.sum(
            [rows.host_lengths for rows in self.rows.values()], axis=0, dtype=np.int64
        )
        return total

    def to(self, device: torch.device) -> None:
        self.rows = {name: rows.to(device) for name, rows in self.rows.items()}

    def batch(
        self, rows: Rows, index: torch.Tensor, alike: Rows | None = None
    ) -> dict[str, torch.Tensor]:
        """The tensors of a batch; `rows` and `index` name the same rows, here and there. It is
        padded as a batch of the rows `alike` would be."""
        longest_of = rows if alike is None else alike
        sizes: dict[str, int] = {}
        for name, group in self._groups.items():
            longest = int(self.rows[name].host_lengths[longest_of].max(initial=0))
            sizes[group] = max(longest, self.paddings[name].least, sizes.get(group, 1))
        found: dict[str, torch.Tensor] = {}
        for name, group in self._groups.items():
            padding = self.paddings[name]
            found[name], outside = self.rows[name].padded(index, sizes[group])
            if padding.lengths in self.on_host:
                known = np.maximum(self.rows[name].host_lengths[rows], 1)
                found[str(padding.lengths)] = torch.from_numpy(known)
            elif padding.lengths:
                lengths = self.rows[name].lengths.index_select(0, index)
                found[padding.lengths] = lengths.clamp_(min=1)
            if padding.mask:
                found[padding.mask] = outside
            if padding.segments and padding.segments not in self.rows:
                found[padding.segments] = torch.zeros_like(found[name])
        return found


def bucketed(
    rows: Rows, lengths: npt.NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> Rows:
    """Shuffled rows in an order whose batches are alike in length: a function of the arguments
    alone. `lengths` are those of `rows`; a last batch that is not full stays last."""
    full = len(rows) - len(rows) % batch_size
    window = _WINDOW * batch_size
    starts = range(0, full, window)
    order = [
        start + np.argsort(lengths[start : min(start + window, full)], kind="stable")
        for start in starts
    ]
    if not order:
        return rows
    batches = rows[np.concatenate(order)].reshape(-1, batch_size)
    batches = batches[permutation(len(batches), seed, "buckets", epoch)]
    found: Rows = np.concatenate([batches.reshape(-1), rows[full:]])
    return found
