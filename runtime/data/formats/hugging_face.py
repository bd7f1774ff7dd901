"""Data sets of the Hugging Face hub, by the library `datasets`."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.runtime.data.formats.base import Table, bad_file
from dlc.runtime.failures import failure


class HuggingFaceTable(Table):
    """A part of a data set of the hub. No code of the data set is run: the library reads its
    files alone. Raises `Failure` E0603 where the library is absent."""

    format = "hugging_face"

    def __init__(
        self,
        path: str,
        config: str | None = None,
        split: str = "train",
        revision: str | None = None,
    ) -> None:
        try:
            datasets: Any = importlib.import_module("datasets")
        except ImportError:
            raise failure(
                "E0603",
                f"the data set `{path}` needs the package `datasets`, which is not installed",
                help="`pip install datasets`",
            ) from None
        try:
            found = datasets.load_dataset(path, config, split=split, revision=revision)
        # The library raises what its many parts raise.
        except Exception as error:
            reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            raise bad_file(
                Path(path),
                f"`datasets` cannot load it: {reason[:1].lower() + reason[1:]}",
                help="look up its name, configuration and parts on huggingface.co/datasets",
            ) from None
        self._rows: Any = found.with_format("arrow")
        super().__init__(Path(path))

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def sha256(self) -> str:
        """Of the rows themselves: the files behind them are named by the machine's cache."""
        digest = hashlib.sha256()
        for part in self._chunks(list(self.names), 1024):
            for batch in part.combine_chunks().to_batches():
                digest.update(batch.serialize())
        return digest.hexdigest()

    def _names(self) -> tuple[str, ...]:
        return tuple(self._rows.column_names)

    def _chunks(self, columns: list[str], rows: int) -> Iterator[pa.Table]:
        yield from self._rows.select_columns(columns).iter(batch_size=rows)
