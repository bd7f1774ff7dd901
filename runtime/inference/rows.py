"""The raw values of some rows of a table, for every input of a model file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dlc.runtime.data.bad_rows import bad_rows
from dlc.runtime.data.columns import Array, Binding, extract
from dlc.runtime.data.formats.base import BadRow, Rows, Skipped, Table
from dlc.runtime.data.images import Images, channels_of, holds_images

#: Puts pictures of an input, `[N, channels, height, width]`, through its host steps.
Prepare = Callable[[str, Array], Array]


@dataclass(frozen=True, kw_only=True)
class RowValues:
    """`values` by input, for the rows at `places`. `prepared` are the inputs of pictures,
    which are behind their host steps already."""

    values: dict[str, Array]
    prepared: frozenset[str]
    places: Rows


def row_values(
    table: Table,
    rows: pa.Table,
    numbers: Rows,
    bindings: Sequence[Binding],
    prepare: Prepare,
    lost: dict[int, Skipped] | None = None,
) -> Iterator[RowValues]:
    """The values of `rows`, whose numbers in the table are `numbers`, in their order: all at
    once, or as many at a time as have pictures of one size. Raises `Failure` E0606, but for
    rows that a table which skips leaves out: these are put into `lost`, by their numbers."""
    if not len(numbers):
        return
    lost = {} if lost is None else lost
    pictures: dict[str, list[Array]] = {}
    others = []
    for binding in bindings:
        if holds_images(binding, rows.schema.field(binding.columns[0]).type):
            pictures[binding.name] = _decoded(table, rows, numbers, binding, prepare, lost)
            continue
        others.append(binding)
        if table.skip:
            lost |= bad_rows(rows, binding, table.origin, numbers)
    left = np.flatnonzero(~np.isin(numbers, np.array(list(lost), np.int64)))
    sizes = [tuple(images[place].shape for images in pictures.values()) for place in left.tolist()]
    for places in _alike(left, sizes):
        chosen = rows if len(places) == len(numbers) else rows.take(pa.array(places))
        named = numbers[places].tolist()
        values = {b.name: extract(chosen, b, table.origin, rows=named) for b in others}
        for name, images in pictures.items():
            values[name] = np.stack([images[place] for place in places.tolist()])
        yield RowValues(values=values, prepared=frozenset(pictures), places=places)


def _alike(places: Rows, sizes: Sequence[object]) -> Iterator[Rows]:
    """Neighbouring places of one size together."""
    start = 0
    for stop in range(1, len(places) + 1):
        if stop == len(places) or sizes[stop] != sizes[start]:
            yield places[start:stop]
            start = stop


def _decoded(
    table: Table,
    rows: pa.Table,
    numbers: Rows,
    binding: Binding,
    prepare: Prepare,
    lost: dict[int, Skipped],
) -> list[Array]:
    """A picture for each row; an empty one for those that are lost."""
    column = binding.columns[0]
    images = Images(
        input=binding.name,
        column=column,
        values=rows.column(column),
        channels=channels_of(binding),
        folder=table.folder,
        # What a model file is asked about is not bound to the folder of a spec.
        root=table.folder,
        place=table.origin,
        rows=numbers,
    )
    found = []
    for index in range(len(images)):
        try:
            image = prepare(binding.name, images[index][None])[0]
            images.refuse_size(index, image, binding.shape)
        except BadRow as error:
            if not table.skip:
                raise
            lost[error.row] = Skipped(row=error.row, column=column, reason=error.reason)
            image = np.zeros(0, np.float32)
        found.append(image)
    return found
