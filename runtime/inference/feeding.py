"""From columns of a table to what a model file takes, by the steps that it names.

What the graph does not do is done here, with the code that training ran: texts are
changed and cut into pieces by the tokenizer in the file, rows padded, lengths and masks
filled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.preprocessing.base import raw_type
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.pictures import pictures, planes_type
from dlc.runtime.data.preprocessing import transform
from dlc.runtime.data.ragged import Array, Padding, Ragged, fill
from dlc.runtime.data.texts import takes_texts, tokens_of, words_of
from dlc.runtime.data.tokenizers import Tokenizer
from dlc.runtime.export.metadata import InputColumns

#: The values of some rows by input, those of different lengths not yet padded.
Columns: TypeAlias = Mapping[str, Array | Ragged]

# Places of all rows of a batch together: enough to keep a processor busy.
_BATCH_PLACES = 1 << 14


class Feeding:
    """The host side of a model file. `inputs` are those that its metadata describes."""

    def __init__(self, inputs: Mapping[str, InputColumns]) -> None:
        self.inputs = inputs
        self.paddings: dict[str, Padding] = {
            name: given.padding for name, given in inputs.items() if given.padding is not None
        }
        self._tokenizers: dict[str, Tokenizer] = {
            name: Tokenizer(given.tokenizer.encode(), f"the tokenizer of `{name}`")
            for name, given in inputs.items()
            if given.tokenizer
        }
        self._filled = {name for padding in self.paddings.values() for name in padding.filled}

    def fills(self, name: str) -> bool:
        """Whether an input comes from another's tokenizer, and from no column."""
        return name in self._filled

    def declared(self, name: str, type: TensorType) -> TensorType:
        """The type of the column of an input that the file takes as `type`."""
        given = self.inputs.get(name)
        if given is not None and given.pictures:
            return planes_type(type)
        if given is None or not given.host:
            return type
        if takes_texts(given.host):
            return TensorType(DType.STRING, type.shape[:1])
        return raw_type(given.host, type)

    def through(self, name: str, values: Array) -> Array:
        """Raw values of one input through its host steps."""
        given = self.inputs.get(name)
        host = given.host if given is not None else ()
        return transform(values, host, [{} for _ in host])

    def columns(self, values: Mapping[str, Array], prepared: Collection[str] = ()) -> Columns:
        """Raw values through the host steps, but for those of `prepared`, which are behind
        them."""
        found: dict[str, Array | Ragged] = {}
        for name, raw in values.items():
            given = self.inputs.get(name)
            if name in self._tokenizers and name not in self.paddings:
                found[name] = words_of(name, raw, self._tokenizers[name])
            elif name in self._tokenizers:
                found |= tokens_of(name, raw, self._tokenizers[name], self.paddings[name])
            elif given is not None and given.pictures:
                found[name] = pictures(raw)
            elif given is not None and given.host and name not in prepared:
                found[name] = self.through(name, raw)
            else:
                found[name] = raw
        return found

    def batches(
        self, columns: Columns, rows: int, *, whole: bool
    ) -> Iterator[tuple[npt.NDArray[np.int64], dict[str, Array]]]:
        """The feeds of batches, each with the places of its rows: all rows at once where none
        differ in length or `whole` asks for it, else rows that are alike in length."""
        ragged = {name: found for name, found in columns.items() if isinstance(found, Ragged)}
        dense = {name: found for name, found in columns.items() if not isinstance(found, Ragged)}
        if whole or not ragged:
            everything = np.arange(rows, dtype=np.int64)
            yield everything, {**dense, **fill(ragged, self.paddings)}
            return
        lengths = np.max([found.lengths for found in ragged.values()], axis=0)
        order = np.argsort(lengths, kind="stable")
        start = 0
        while start < rows:
            # Sorted, so that the last row of a batch is its longest.
            sizes = np.arange(1, rows - start + 1) * np.maximum(lengths[order[start:]], 1)
            stop = start + max(1, int(np.searchsorted(sizes, _BATCH_PLACES, side="right")))
            places = order[start:stop]
            part = {name: found.take(places) for name, found in ragged.items()}
            feeds = {name: found[places] for name, found in dense.items()}
            yield places, {**feeds, **fill(part, self.paddings)}
            start = stop
