"""From a compiled spec to the facts of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.sections.data import Data
from dlc.runtime.data.audit.facts import Classes, Facts, Rows
from dlc.runtime.data.audit.profile import Column, Kind
from dlc.runtime.data.audit.reading import Scan, Wanted, takes_classes, takes_texts
from dlc.runtime.data.columns import Binding, bind
from dlc.runtime.data.dividing import column_of, divide_rows, key_columns, split_rule
from dlc.runtime.data.filters import Filter
from dlc.runtime.data.sources import open_source
from dlc.runtime.data.splits import PARTS
from dlc.runtime.data.tables import Table
from dlc.runtime.data.texts import filled_inputs
from dlc.runtime.failures import failure, shown


def examine(compilation: Compilation) -> Facts:
    """Reads the data of a spec once. Raises `Failure`: E0309 where the spec has none, E0602
    for what is not read yet, E0604 for a file that cannot be read, E0605 for a column that
    is not there."""
    data = compilation.settings.data
    if data is None:
        raise failure(
            "E0309",
            "the spec has no `data`",
            help="add it: `data: {source: data/digits.csv}`",
            exit_code=2,
        )
    table = open_source(data, compilation.root or Path())
    rule = split_rule(data)
    bindings = _bindings(compilation, data, table)
    wanted = _wanted(compilation, bindings)
    keys = key_columns(table, rule, bindings)
    scan = Scan(wanted)
    number_of, held = _read(scan, table, data, keys)
    if not len(scan.rows):
        kept = f" that `{data.where}` keeps" if data.where is not None and len(number_of) else ""
        raise failure("E0604", f"`{shown(table.path)}` has no rows{kept}")
    rows = number_of[scan.rows - 1]
    division = divide_rows(table, held, rows, rule, keys)
    part_of = np.zeros(len(rows), np.int8)
    for index, part in enumerate(PARTS):
        part_of[division.part(part)] = index
    sample = scan.sample()
    columns = scan.columns(sample, number_of)
    taken = {*(column.name for column in columns), *keys.values()}
    return Facts(
        compilation=compilation,
        path=table.path,
        sha256=table.sha256(),
        total=len(number_of) + len(table.skipped),
        skipped=len(table.skipped),
        rows=rows,
        part_of=part_of,
        columns=columns,
        unused=tuple(name for name in table.names if name not in taken),
        input_prints=scan.prints(targets=False),
        target_prints=scan.prints(targets=True),
        classes={
            column.owner: _classes(column, scan)
            for column in columns
            if column.target and column.kind is Kind.TEXT
        },
        sample=sample,
    )


def _bindings(compilation: Compilation, data: Data, table: Table) -> tuple[Binding, ...]:
    """The columns of each input and target; what steps fill has none."""
    graph, settings = compilation.program.graph, compilation.settings
    filled = filled_inputs(settings.preprocess)
    types = {name: graph.values[name] for name in graph.inputs if name not in filled}
    types |= dict(compilation.program.targets)
    if data.objective is not None:
        types = {k: t for k, t in types.items() if k in data.columns or k in table.names}
    return bind(types, data.columns, table.names, table.path)


def _wanted(compilation: Compilation, bindings: Sequence[Binding]) -> tuple[Wanted, ...]:
    """A column that fills several is looked at once, for the first of them."""
    settings, targets = compilation.settings, dict(compilation.program.targets)
    found: dict[str, Wanted] = {}
    for binding in bindings:
        name = binding.name
        target = name in targets
        classes = target and takes_classes(name, binding.declared, settings)
        texts = takes_texts(binding.declared, settings.preprocess.get(name, ()), classes)
        for column in binding.columns:
            found.setdefault(
                column,
                Wanted(
                    name=column,
                    owner=name,
                    target=target,
                    texts=texts,
                    images=not target and binding.declared.rank == 4,
                    classes=classes,
                ),
            )
    return tuple(found.values())


def _read(scan: Scan, table: Table, data: Data, keys: Mapping[str, str]) -> tuple[Rows, pa.Table]:
    """Takes all rows in. Gives the numbers in the file of those that were read, and of those
    that are kept the columns that the split looks at."""
    condition = Filter(data.where) if data.where is not None else None
    columns = [*scan.names, *keys.values()]
    if condition is not None:
        columns += [column_of(table, name, "data.where") for name in condition.columns]
    held = []
    done = 0
    for chunk in table.chunks(columns, Scan.chunk_rows(len(columns))):
        rows: Rows = np.arange(done + 1, done + chunk.num_rows + 1, dtype=np.int64)
        done += chunk.num_rows
        if condition is not None:
            mask = condition.mask(chunk)
            chunk, rows = chunk.filter(mask), rows[mask]
        scan.add(chunk, rows)
        held.append(chunk.select(list(dict.fromkeys(keys.values()))))
    skipped = np.array([row.row for row in table.skipped], np.int64)
    number_of = np.setdiff1d(np.arange(1, done + len(skipped) + 1, dtype=np.int64), skipped)
    if not held:
        return number_of, pa.table({})
    return number_of, pa.concat_tables(held, promote_options="permissive")


def _classes(column: Column, scan: Scan) -> Classes:
    """The classes in the order of their numbers: by number where they are numbers, else by
    name, as training counts them."""
    texts = scan.texts(column.name)
    codes = scan.codes(column.name)
    order = sorted(range(len(texts)), key=lambda code: _class_key(texts[code]))
    number = np.full(len(texts) + 2, -1, np.int64)
    for place, code in enumerate(order):
        number[code] = place
    # Codes -1 and -2, missing and beyond what is counted, read the last two places.
    found: npt.NDArray[np.int64] = number[codes]
    return Classes(
        target=column.owner,
        column=column.name,
        names=tuple(texts[code] for code in order),
        codes=found,
    )


def _class_key(text: str) -> tuple[int, float, str]:
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
