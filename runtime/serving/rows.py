"""Rows by the names of their columns, and answers in words: what a person or a page asks.

    POST /v2/models/NAME/rows   {"rows": [{"petal_width": 1.3, "petal_length": 4.1}]}
    {"model_name": ..., "answers": [{"logits": {"label": "versicolor", "probability": 0.97,
                                                "probabilities": {"setosa": 0.01, ...}}}]}

The columns are those of the training data, and go through the steps that training had. A
picture is its file in base64 or as a `data:` URL, never a path.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dlc.compiler.ir.types import DType
from dlc.runtime.data.columns import Binding
from dlc.runtime.inference.answers import plain
from dlc.runtime.serving.batching import Outputs
from dlc.runtime.serving.datatypes import MOST, Array
from dlc.runtime.serving.refusals import bad, quoted, whole
from dlc.runtime.serving.served import ServedModel, refuse_pixels

#: Kinds of columns, as the description of a model has them.
NUMBER, INTEGER, BOOLEAN = "number", "integer", "boolean"
TEXT, CATEGORY, PICTURE = "text", "category", "picture"
_TYPES = {
    NUMBER: pa.float64(),
    INTEGER: pa.int64(),
    BOOLEAN: pa.bool_(),
    TEXT: pa.string(),
    CATEGORY: pa.string(),
    PICTURE: pa.binary(),
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that rows have. `shape` are the sizes of its list, None where the row decides;
    empty for one value. `joins` is what joins a list of texts to one; None takes no list."""

    name: str
    input: str
    kind: str
    shape: tuple[int | None, ...] = ()
    optional: bool = False
    joins: str | None = None
    steps: tuple[str, ...] = ()
    datatype: str = ""

    @property
    def most(self) -> float:
        """What a number may be at most."""
        return MOST.get(self.datatype, MOST["FP32"])


def columns_of(model: ServedModel) -> list[Column]:
    """The columns that the rows of a model have, each once."""
    found: dict[str, Column] = {}
    for binding in model.bindings:
        given = model.predictor.info.inputs.get(binding.name)
        kind = _kind(model, binding)
        for name in binding.columns:
            found.setdefault(
                name,
                Column(
                    name=name,
                    input=binding.name,
                    kind=kind,
                    shape=_shape(binding, kind),
                    optional=binding.missing,
                    joins=binding.joins,
                    steps=given.steps if given is not None else (),
                    datatype=model.forms.inputs[binding.name].tensor.datatype,
                ),
            )
    return list(found.values())


def _kind(model: ServedModel, binding: Binding) -> str:
    form = model.forms.inputs[binding.name]
    if form.what == "pictures":
        return PICTURE
    dtype = binding.raw if binding.raw is not None else binding.declared.dtype
    if binding.categories or (dtype is DType.STRING and form.what != "texts"):
        return CATEGORY
    if form.what == "texts" or dtype is DType.STRING:
        return TEXT
    if dtype is DType.BOOL:
        return BOOLEAN
    return INTEGER if dtype.is_int else NUMBER


def _shape(binding: Binding, kind: str) -> tuple[int | None, ...]:
    """The sizes of the list in a column: none where columns stand side by side, or it is one."""
    if kind == PICTURE or len(binding.columns) > 1 or math.prod(d or 2 for d in binding.shape) == 1:
        return ()
    return binding.shape


# ── reading ──────────────────────────────────────────────────────────────────


def read_rows(model: ServedModel, given: object) -> pa.Table:
    """The rows of a request as a table. Raises `Refusal` 400."""
    if not isinstance(given, dict) or not isinstance(given.get("rows"), list):
        raise bad("the request is an object with `rows`, a list of objects")
    rows = given["rows"]
    if not rows:
        raise bad("`rows` is empty")
    if len(rows) > model.limits.rows:
        raise bad(f"{len(rows)} rows, and a request has {model.limits.rows}")
    if not all(isinstance(row, dict) for row in rows):
        raise bad("a row is an object: its values by the names of their columns")
    return pa.table({column.name: _column(model, column, rows) for column in columns_of(model)})


def _column(model: ServedModel, column: Column, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    values = []
    for number, row in enumerate(rows, 1):
        value = row.get(column.name)
        if value is None and not column.optional:
            what = "is missing" if column.name not in row else "is null"
            raise bad(f"row {number}: {quoted(column.name)} {what}")
        values.append(None if value is None else _value(model, column, number, value))
    type_ = _TYPES[column.kind]
    if column.shape or any(isinstance(value, list) for value in values):
        type_ = pa.list_(type_)
    try:
        return pa.array(values, type_)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        raise bad(f"the values of {quoted(column.name)} are not of one kind") from None


def _value(model: ServedModel, column: Column, number: int, value: Any) -> Any:
    if isinstance(value, list) and (column.shape or column.joins is not None):
        found = [_single(column, number, item) for item in _flat(column, number, value)]
        known = math.prod(size or 1 for size in column.shape)
        fits = not column.shape or len(found) == known
        if None in column.shape:
            fits = 0 < len(found) <= known * model.limits.dim and len(found) % known == 0
        if not fits:
            raise bad(
                f"row {number}: {quoted(column.name)} holds {len(found)} values, not "
                + " x ".join("any" if size is None else str(size) for size in column.shape)
            )
        return found
    if column.shape:
        raise bad(f"row {number}: {quoted(column.name)} is a list of {column.kind} values")
    return _single(column, number, value)


def _flat(column: Column, number: int, value: list[Any]) -> list[Any]:
    """The values of a list that is flat, or nested as the sizes of the column are."""
    levels = 1
    while any(isinstance(item, list) for item in value):
        levels += 1
        sizes = {len(item) if isinstance(item, list) else -1 for item in value}
        if len(sizes) > 1 or levels > len(column.shape):
            raise bad(f"row {number}: {quoted(column.name)} is nested otherwise than its sizes")
        value = [inner for item in value for inner in item]
    if levels not in (1, len(column.shape)):
        raise bad(f"row {number}: {quoted(column.name)} is nested otherwise than its sizes")
    return value


def _single(column: Column, number: int, value: Any) -> Any:
    """One value as its column holds it."""
    kind, wanted = column.kind, ""
    if kind == NUMBER:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if fits and not -column.most <= value <= column.most:
            raise bad(f"row {number}: {quoted(column.name)} is not finite, or too large")
        wanted = "a number"
    elif kind == INTEGER:
        value = whole(value, -(2**63), 2**63 - 1)
        fits, wanted = value is not None, "a whole number"
    elif kind == BOOLEAN:
        fits, wanted = isinstance(value, bool), "`true` or `false`"
    else:
        number_of = whole(value, -(2**63), 2**63 - 1) if kind == CATEGORY else None
        value = value if number_of is None else str(number_of)
        fits = isinstance(value, str) and _encodable(value)
        wanted = "a text"
    if not fits:
        raise bad(f"row {number}: {quoted(column.name)} is {wanted}")
    return _picture(column, number, value) if kind == PICTURE else value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _picture(column: Column, number: int, text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad(f"row {number}: {quoted(column.name)} is a picture in base64") from None
    refuse_pixels(column.name, content)
    return content


# ── answering ────────────────────────────────────────────────────────────────


def answers(outputs: Outputs, labels: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """For each row what each output says: its label with probabilities, or its numbers."""
    bases = [name for name in outputs if not _companion(name, outputs)]
    rows = len(next(iter(outputs.values())))
    found: list[dict[str, Any]] = [{} for _ in range(rows)]
    for base in bases:
        words = labels.get(base, ())
        parts = {
            "label": outputs.get(f"{base}_label"),
            "probabilities": outputs.get(f"{base}_probabilities"),
        }
        for index, row in enumerate(found):
            row[base] = _answer(index, outputs[base], parts, words)
    return found


def _companion(name: str, names: Mapping[str, Any]) -> bool:
    """Whether an output was made from another by a postprocess step."""
    return any(name == f"{base}_{part}" for base in names for part in ("label", "probabilities"))


def _answer(
    index: int, scores: Array, parts: Mapping[str, Array | None], words: Sequence[str]
) -> dict[str, Any]:
    label, chances = parts["label"], parts["probabilities"]
    found: dict[str, Any] = {}
    if label is not None:
        found["label"] = _plain(label[index])
    if chances is None:
        if label is None:
            single = scores.size == len(scores)
            found["value" if single else "values"] = _plain(scores[index], single)
        return found
    row = chances[index]
    if row.size == 1:
        found["probability"] = _plain(row, single=True)
    elif row.ndim == 1:
        if label is not None:
            found["probability"] = plain(float(row.max()))
        names = words if len(words) == len(row) else list(map(str, range(len(row))))
        found["probabilities"] = {
            name: plain(value) for name, value in zip(names, row.tolist(), strict=True)
        }
    else:
        found["probabilities"] = _plain(row)
    return found


def _plain(values: Any, single: bool = False) -> Any:
    """Numbers or texts as JSON has them; what is not finite is null."""
    found = values.tolist() if hasattr(values, "tolist") else values
    while single and isinstance(found, list):
        found = found[0]
    return plain(found)
