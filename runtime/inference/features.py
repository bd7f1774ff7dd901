"""What a layer inside a model file gives for rows of a table, in chunks, without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from dlc.runtime.export.metadata import ModelInfo, NodeValue
from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.inference.inner_values import chosen_value, give_too, inner_values, keep_only
from dlc.runtime.inference.model_files import check_model_file, load_proto
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.inference.session import Array, ModelSession, open_model

#: The name of the one output of a file that is cut at a value; no value of ours has a colon
#: in front.
OUTPUT = ":features"


def read_nodes(path: Path) -> tuple[Mapping[str, NodeValue], ModelInfo]:
    """The nodes of a model file by name, in order, and what it says about itself. Raises
    `Failure` E0610, E0611."""
    check_model_file(path)
    model = load_proto(path)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    info = ModelInfo.read(properties, shown(path))
    return inner_values(model, info), info


@dataclass(kw_only=True)
class FeatureExtractor(Predictor):
    """A model file that answers with what its `node` gives; what does not lead there is not
    computed, unless it is not `alone`: then the outputs are answers, too. Raises what
    `Predictor` raises, and `Failure` E0707 and E0708."""

    node: str
    alone: bool = True

    def open(self) -> ModelSession:
        nodes, info = read_nodes(self.path)
        found = nodes[chosen_value(nodes, self.node, info)]
        model = load_proto(self.path)
        # What one input's tokenizer fills for another is fed together.
        together = {
            name
            for given, columns in info.inputs.items()
            if columns.padding is not None
            for name in (given, *columns.padding.filled)
        }
        batches = {
            tuple((d.dim_param or d.dim_value) for d in i.type.tensor_type.shape.dim[:1])
            for i in model.graph.input
        }
        if info.nodes and found.shape[:1] not in batches:
            raise self.without_rows(str(found))
        if self.alone:
            keep_only(model, found.value, OUTPUT, together)
        else:
            give_too(model, found.value, OUTPUT)
        changed = model.SerializeToString()
        return open_model(self.path, self.provider, changed=changed, strict=self.strict)

    def run_batch(self, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
        outputs = super().run_batch(feeds, rows)
        values = outputs[OUTPUT]
        if values.ndim == 0 or len(values) != rows:
            raise self.without_rows(str(list(values.shape)))
        return outputs

    def without_rows(self, type: str) -> Failure:
        return failure(
            "E0708",
            f"`{self.node}` is {type}: it has no row for each row of the data",
            help="take a node whose first size is the batch; `--list` shows them",
        )


def feature_columns(
    name: str, values: Array, taken: Collection[str], *, lists: bool
) -> dict[str, pa.Array]:
    """Values `[N, ...]` as one column `name` of lists of fixed sizes, nested as they are, or,
    where `lists` is False, as a column `name_0`, `name_1`, ... for each number of a row,
    row-major. A name that is taken is preceded by `features_`."""
    if values.ndim == 1:
        return {_free(name, taken): _plain(values)}
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    if not lists:
        return {
            _free(f"{name}_{index}", taken): _plain(flat[:, index])
            for index in range(flat.shape[1])
        }
    column = _plain(flat.reshape(-1))
    for size in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return {_free(name, taken): column}


def _plain(values: Array) -> pa.Array:
    text = values.dtype.kind in "OUS"
    return pa.array(values.tolist() if text else np.ascontiguousarray(values))


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"features_{name}"
    return name
