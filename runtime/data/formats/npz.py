"""NumPy's `.npz`: named arrays, of which the first dim counts the rows."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.runtime.data.formats.base import Table, regular
from dlc.runtime.data.formats.compression import FREE_BYTES, MOST_RATIO
from dlc.runtime.failures import Failure

_SUFFIX = ".npy"
_DAMAGE = (ValueError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, KeyError)


class NpzTable(Table):
    """Arrays of a `.npz` file, a column each. Nothing in it is unpickled."""

    format = "npz"

    def __init__(self, path: Path) -> None:
        super().__init__(regular(path))

    def _names(self) -> tuple[str, ...]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = [n.removesuffix(_SUFFIX) for n in archive.namelist() if _SUFFIX in n]
        except _DAMAGE as error:
            raise self._damaged(error) from None
        if not names:
            raise self.bad("no array is in it", help="write it with `numpy.savez`")
        return tuple(names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        arrays = {name: self._array(name) for name in columns}
        first = next(iter(arrays), "")
        for name, array in arrays.items():
            if len(array) != len(arrays[first]):
                raise self.bad(
                    f"`{first}` has {len(arrays[first]):,} rows, `{name}` {len(array):,}",
                    help="all arrays that are read need the same first dim",
                )
        for start in range(0, len(arrays[first]) if arrays else 0, rows):
            yield pa.table({n: column(a[start : start + rows]) for n, a in arrays.items()})

    def _array(self, name: str) -> npt.NDArray[Any]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                info = archive.getinfo(name + _SUFFIX)
                self._refuse_bomb(name, info)
                with archive.open(info) as file:
                    self._refuse_header(name, file, info.file_size)
                with archive.open(info) as file:
                    array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        except _DAMAGE as error:
            raise self._damaged(error) from None
        if array.ndim == 0:
            raise self.bad(f"`{name}` is one value, no column", help="its first dim is the rows")
        if array.dtype.kind not in "biufUM":
            raise self.bad(f"`{name}` holds `{array.dtype}`, which is no number or text")
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _refuse_bomb(self, name: str, info: zipfile.ZipInfo) -> None:
        if info.file_size > max(FREE_BYTES, MOST_RATIO * info.compress_size):
            raise self.bad(
                f"`{name}` expands to {info.file_size >> 20:,} MiB, more than {MOST_RATIO} times "
                "its size",
                help="write it again with `numpy.savez` if you trust it",
            )

    def _refuse_header(self, name: str, file: Any, size: int) -> None:
        """NumPy allocates what the header asks for before it reads."""
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            return
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise self.bad(
                f"`{name}` holds Python objects, which are not read",
                help="convert it to numbers or text before `numpy.savez`",
            )
        if math.prod(shape) * dtype.itemsize > size:
            raise self.bad(f"`{name}` is shorter than its header says")

    def _damaged(self, error: Exception) -> Failure:
        reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        return self.bad(f"it cannot be read: {reason[:1].lower() + reason[1:]}")


def column(array: npt.NDArray[Any]) -> Any:
    """An array as a column: rows of more than one number as lists of fixed size."""
    if array.dtype.kind == "U":
        return pa.array(array.reshape(len(array), -1).tolist() if array.ndim > 1 else array)
    if array.ndim == 1:
        return pa.array(array)
    per_row = math.prod(array.shape[1:])
    flat = pa.array(np.ascontiguousarray(array).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, per_row)
