"""Data sets of the Hugging Face hub, or of a folder, by the library `datasets`."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.compiler.diagnostics.suggest import listed
from dlc.runtime.data.formats.base import Table, bad_file, locate
from dlc.runtime.failures import Failure, failure

_SAVED = ("state.json", "dataset_dict.json")


class HuggingFaceTable(Table):
    """A part of a data set: of the hub, or of a folder below `root`, which `save_to_disk` has
    written or which holds its files. No code of the data set is run: the library reads its
    files alone. Raises `Failure` E0603 where the library is absent."""

    format = "hugging_face"

    def __init__(
        self,
        path: str,
        config: str | None = None,
        split: str = "train",
        revision: str | None = None,
        *,
        root: Path,
    ) -> None:
        try:
            self._datasets: Any = importlib.import_module("datasets")
        except ImportError:
            raise failure(
                "E0603",
                f"the data set `{path}` needs the package `datasets`, which is not installed",
                help="`pip install datasets`",
            ) from None
        self._datasets.disable_progress_bars()
        try:
            found = self._found(path, config, split, revision, root)
        except Failure:
            raise
        # The library raises what its many parts raise.
        except Exception as error:
            reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            raise bad_file(
                Path(path),
                f"`datasets` cannot load it: {reason[:1].lower() + reason[1:]}",
                help="look up its name, configuration and parts on huggingface.co/datasets",
            ) from None
        self._pictures = {
            name: feature
            for name, feature in found.features.items()
            if isinstance(feature, self._datasets.Image)
        }
        self._rows: Any = found.with_format("arrow")
        super().__init__(Path(path))

    def _found(
        self, path: str, config: str | None, split: str, revision: str | None, root: Path
    ) -> Any:
        folder = root / path
        if not folder.exists():
            if Path(path).exists():
                # The library would take it for what is asked for.
                locate(str(Path(path).resolve()), root)
            return self._datasets.load_dataset(path, config, split=split, revision=revision)
        folder = locate(path, root)
        if not any((folder / name).exists() for name in _SAVED):
            return self._datasets.load_dataset(str(folder), config, split=split)
        saved = self._datasets.load_from_disk(str(folder))
        parts = saved if isinstance(saved, dict) else {str(saved.split or split): saved}
        if split not in parts:
            raise bad_file(
                Path(path),
                f"it was saved without a part `{split}`",
                help=f"it has {listed(parts)}",
            )
        return parts[split]

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
        for part in self._rows.select_columns(columns).iter(batch_size=rows):
            yield self._plain(part)

    def _plain(self, part: pa.Table) -> pa.Table:
        """Pictures as the bytes of their files, which the library may only have the paths of."""
        part = part.replace_schema_metadata()
        for name in self._pictures.keys() & set(part.column_names):
            place = part.schema.get_field_index(name)
            chunks = part.column(name).chunks
            whole = [self._pictures[name].embed_storage(chunk).field("bytes") for chunk in chunks]
            part = part.set_column(place, name, pa.chunked_array(whole, pa.binary()))
        return part
