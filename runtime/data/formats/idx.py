"""IDX, the format of MNIST: a header of sizes, then numbers.

Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.runtime.data.formats.base import Table, bad_file, regular
from dlc.runtime.data.formats.compression import open_expanded
from dlc.runtime.data.formats.npz import column

IMAGE, LABEL = "image", "label"
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMS = 8


class IdxTable(Table):
    """Images and, where a file of them is given, labels. A lone file of one dim is labels."""

    format = "idx"

    def __init__(self, path: Path, labels: Path | None = None) -> None:
        self._labels = regular(labels) if labels is not None else None
        super().__init__(regular(path))

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,) if self._labels is None else (self.path, self._labels)

    def _names(self) -> tuple[str, ...]:
        shape = _shape(self.path)
        if self._labels is None:
            return (IMAGE,) if len(shape) > 1 else (LABEL,)
        if len(_shape(self._labels)) != 1:
            raise bad_file(self._labels, "it holds images where labels are wanted")
        if _shape(self._labels)[0] != shape[0]:
            raise self.bad(
                f"it holds {shape[0]:,} images, `{self._labels.name}` "
                f"{_shape(self._labels)[0]:,} labels",
                help="give the two files of one part",
            )
        return (IMAGE, LABEL)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        paths = dict(zip(self.names, self.files, strict=True))
        arrays = {name: _read(paths[name]) for name in columns}
        for start in range(0, len(next(iter(arrays.values()), ())), rows):
            yield pa.table({n: column(a[start : start + rows]) for n, a in arrays.items()})


def _shape(path: Path) -> tuple[int, ...]:
    with open_expanded(path) as file:
        return _header(path, file)[0]


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = file.read(4)
    if not magic:
        raise bad_file(path, "the file is empty")
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise bad_file(path, "it does not start as an IDX file does")
    sizes = file.read(4 * magic[3])
    if not 1 <= magic[3] <= _MOST_DIMS or len(sizes) < 4 * magic[3]:
        raise bad_file(path, "its header is damaged")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    return shape, np.dtype(_TYPES[magic[2]])


def _read(path: Path) -> npt.NDArray[Any]:
    with open_expanded(path) as file:
        shape, dtype = _header(path, file)
        size = math.prod(shape) * dtype.itemsize
        parts, left = [], size
        # Read in pieces: a damaged header may ask for more than there is memory.
        while left and (part := file.read(min(left, 8 << 20))):
            parts.append(part)
            left -= len(part)
        if left:
            row = (size - left) // max(size // max(shape[0], 1), 1) + 1
            raise bad_file(path, f"it ends in row {row:,} of {shape[0]:,}")
        if file.read(1):
            raise bad_file(path, "it goes on after its last row")
    array = np.frombuffer(b"".join(parts), dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
