"""The OpenAPI document: each path of each model, with schemas that say what is accepted.

JSON Schema cannot say that a shape and its data agree. So tensors are spelled out for a few
numbers of rows; requests of more rows are answered as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dlc.compiler.version import VERSION as RELEASE
from dlc.runtime.serving.catalogue import Catalogue
from dlc.runtime.serving.datatypes import MOST
from dlc.runtime.serving.forms import ANY, TensorForm
from dlc.runtime.serving.guard import Guard
from dlc.runtime.serving.rows import (
    BOOLEAN,
    CATEGORY,
    INTEGER,
    NUMBER,
    PICTURE,
    Column,
    columns_of,
)
from dlc.runtime.serving.served import ServedModel

Schema = dict[str, Any]

#: Numbers of rows that are spelled out, and the size that stands for one that is open.
_ROWS: Final = (1, 2, 3)
_OPEN: Final = 32
_MOST_VALUES: Final = 2000
_INTEGERS: Final = {"UINT8": (0, 8), "INT8": (1, 8), "INT16": (1, 16), "INT32": (1, 32)}
_TEXT: Final[Schema] = {"type": "string"}
# Days that every month has, as the step `cyclic` reads them: times of day are taken, too.
_DATE: Final[Schema] = {
    "type": "string",
    "pattern": "^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$",
}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FLAG: Final[Schema] = {"type": "boolean"}


def document(catalogue: Catalogue, guard: Guard) -> Schema:
    """OpenAPI 3.1 for all models."""
    paths: dict[str, Schema] = {
        "/v2/health/live": _get("whether the server runs", _ref("Live")),
        "/v2/health/ready": _get("whether it takes requests", _ref("Ready"), unready=True),
        "/v2": _get("what the server is", _ref("Server")),
        "/v2/models": _get("the names of the models", _ref("Models")),
        "/v2/models/stats": _get("what all models have counted", _ref("Statistics")),
        "/metrics": _get("the same for Prometheus", {"type": "string"}, media="text/plain"),
    }
    schemas = dict(_SCHEMAS)
    for model in catalogue.models.values():
        path = f"/v2/models/{model.name}"
        paths[path] = _get("inputs and outputs", _ref("Model"))
        paths[f"{path}/ready"] = _get("whether the model answers", _ref("Ready"), unready=True)
        paths[f"{path}/stats"] = _get("what the model has counted", _ref("Statistics"))
        paths[f"{path}/form"] = _get("the columns of a row", _ref("Form"))
        paths[f"{path}/infer"] = _post(
            "outputs for tensors", _infer(model), _ref("Answer"), model, binary=True
        )
        paths[f"{path}/rows"] = _post(
            "answers in words for rows of columns", _rows(model), _ref("Answers"), model
        )
    found: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "dlc serve",
            "version": RELEASE,
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if guard.asks:
        scheme = {"type": "http", "scheme": "bearer"}
        found["components"]["securitySchemes"] = {"token": scheme}
        found["security"] = [{"token": []}]
        for path in ("/v2/health/live", "/v2/health/ready"):
            paths[path]["get"]["security"] = []
    return found


_DESCRIPTION = (
    "The Open Inference Protocol v2. `/versions/1` may stand behind the name of a model. Tensors "
    "may also follow the JSON in binary, with the header Inference-Header-Content-Length. The "
    "parameter `timeout` (microseconds) and the header Request-Timeout-Ms say how long a client "
    "waits: 504 is the answer after that. The schemas spell out tensors of up to "
    f"{_ROWS[-1]} rows; larger ones are answered as well."
)


# ── operations ───────────────────────────────────────────────────────────────


def _get(
    summary: str,
    schema: Schema,
    *,
    media: str = "application/json",
    unready: bool = False,
) -> Schema:
    responses = {"200": {"description": summary, "content": {media: {"schema": schema}}}}
    if unready:
        responses["503"] = {
            "description": "the server ends",
            "content": {media: {"schema": schema}},
        }
    return {"get": {"summary": summary, "responses": {**responses, **_refusals(401, 403)}}}


def _post(
    summary: str, request: Schema, answer: Schema, model: ServedModel, *, binary: bool = False
) -> Schema:
    content: Schema = {"application/json": {"schema": answer}}
    if binary:
        content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": request}},
            },
            "responses": {
                "200": {"description": summary, "content": content},
                **_refusals(400, 401, 403, 404, 413, 415, 503, 504),
            },
        }
    }


_WHY: Final = {
    400: "the request is not understood, or is no input of the model",
    401: "a token is needed",
    403: "the server is not known by that name",
    404: "there is no such model",
    413: "the body is too large",
    415: "the body is compressed",
    503: "there is no room now; Retry-After says when there may be",
    504: "the request was not answered in time",
}


def _refusals(*statuses: int) -> Schema:
    return {
        str(status): {
            "description": _WHY[status],
            "content": {"application/json": {"schema": _ref("Error")}},
        }
        for status in statuses
    }


# ── requests ─────────────────────────────────────────────────────────────────


def _infer(model: ServedModel) -> Schema:
    forms = model.forms.described()
    requests: list[Schema] = []
    for rows in _ROWS:
        tensors = [_tensor(form, rows, _is_date(model, form.name)) for form in forms]
        # A large tensor is spelled out for one row only.
        if requests and sum(_values(form, rows) for form in forms) > _MOST_VALUES:
            break
        requests.append(
            _object(
                {
                    "id": _TEXT,
                    "parameters": {
                        "type": "object",
                        "properties": {"binary_data_output": _FLAG},
                    },
                    "inputs": {
                        "type": "array",
                        "minItems": len(tensors),
                        "maxItems": len(tensors),
                        **(
                            {"items": tensors[0]}
                            if len(tensors) == 1
                            else {"prefixItems": tensors, "items": False}
                        ),
                    },
                    "outputs": {"type": "array", "items": {"anyOf": list(_wanted(model))}},
                },
                required=("inputs",),
            )
        )
    return requests[0] if len(requests) == 1 else {"anyOf": requests}


def _sizes(form: TensorForm, rows: int) -> list[int]:
    return [rows, *(_OPEN if dim == ANY else dim for dim in form.dims[1:])]


def _values(form: TensorForm, rows: int) -> int:
    return math.prod(_sizes(form, rows))


def _is_date(model: ServedModel, name: str) -> bool:
    given = model.predictor.info.inputs.get(name)
    return given is not None and given.steps[:1] == ("cyclic",)


def _tensor(form: TensorForm, rows: int, date: bool) -> Schema:
    shape, count = _sizes(form, rows), _values(form, rows)
    return _object(
        {
            "name": {"const": form.name},
            "datatype": {"const": form.datatype},
            "shape": {"const": shape},
            "data": {
                "type": "array",
                "items": _DATE if date else element(form.datatype),
                "minItems": count,
                "maxItems": count,
            },
            # These say that the data is elsewhere.
            "parameters": {
                "type": "object",
                "properties": {"binary_data_size": False, "shared_memory_region": False},
            },
        },
        required=("name", "datatype", "shape", "data"),
    )


def element(datatype: str) -> Schema:
    """One value of a tensor in JSON."""
    if datatype == "BYTES":
        return _TEXT
    if datatype == "BOOL":
        return _FLAG
    if datatype in MOST:
        most = MOST[datatype]
        return {"type": "number", "minimum": -most, "maximum": most}
    signed, bits = _INTEGERS.get(datatype, (1, 64))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return {"type": "integer", "minimum": low, "maximum": high}


def _wanted(model: ServedModel) -> Iterable[Schema]:
    for form in model.forms.outputs.values():
        classes = len(form.dims) > 1 and form.datatype not in ("BYTES", "BOOL")
        most = 2**31 - 1 if classes else 0
        parameters: Schema = {
            "binary_data": _FLAG,
            "classification": {"type": "integer", "minimum": 0, "maximum": most},
            "shared_memory_region": False,
        }
        yield _object(
            {
                "name": {"const": form.name},
                "parameters": {"type": "object", "properties": parameters},
            },
            required=("name",),
        )


def _rows(model: ServedModel) -> Schema:
    columns = columns_of(model)
    row = _object(
        {column.name: _cell(column, model.limits.dim) for column in columns},
        required=[column.name for column in columns if not column.optional],
    )
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": model.limits.rows}
    return _object({"rows": rows}, required=("rows",))


def _cell(column: Column, dim: int) -> Schema:
    single: Schema
    if column.kind == NUMBER:
        single = {"type": "number", "minimum": -column.most, "maximum": column.most}
    elif column.kind == INTEGER:
        single = element(column.datatype)
    elif column.kind == BOOLEAN:
        single = _FLAG
    elif column.kind == CATEGORY:
        single = {"anyOf": [_TEXT, element("INT64")]}
    elif column.kind == PICTURE:
        single = {"type": "string", "contentEncoding": "base64"}
    else:
        single = _DATE if column.steps[:1] == ("cyclic",) else _TEXT
    choices: list[Schema] = [single]
    if column.shape:
        count = math.prod(size or 1 for size in column.shape)
        most = count if None not in column.shape else count * dim
        choices = [{"type": "array", "items": single, "minItems": count, "maxItems": most}]
        if len(column.shape) > 1 and None not in column.shape:
            nested = single
            for size in reversed(column.shape):
                nested = {"type": "array", "items": nested, "minItems": size, "maxItems": size}
            choices.append(nested)
    elif column.joins is not None:
        piece: Schema = {"type": "string", "not": {"pattern": re.escape(column.joins)}}
        if column.kind == CATEGORY:
            piece = {"anyOf": [piece, element("INT64")]}
        choices.append({"type": "array", "items": piece})
    if column.optional:
        choices.append({"type": "null"})
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


# ── answers ──────────────────────────────────────────────────────────────────


def _object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def _all(**properties: Schema) -> Schema:
    """An object that has every one of its properties."""
    return _object(properties, required=list(properties))


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TENSOR_METADATA = _all(name=_TEXT, datatype=_TEXT, shape=_list({"type": "integer"}))
_TIMES = _all(count=_COUNT, ns=_COUNT)
_SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _all(error=_TEXT),
    "Live": _all(live=_FLAG),
    "Ready": _all(ready=_FLAG),
    "Server": _all(name=_TEXT, version=_TEXT, extensions=_list(_TEXT)),
    "Models": _all(models=_list(_TEXT)),
    "Model": _all(
        name=_TEXT,
        versions=_list(_TEXT),
        platform=_TEXT,
        inputs=_list(_TENSOR_METADATA),
        outputs=_list(_TENSOR_METADATA),
    ),
    "Statistics": _all(
        model_stats=_list(
            _all(
                name=_TEXT,
                version=_TEXT,
                last_inference=_COUNT,
                inference_count=_COUNT,
                execution_count=_COUNT,
                inference_stats={"type": "object", "additionalProperties": _TIMES},
                batch_stats=_list(_all(batch_size=_COUNT, compute_infer=_TIMES)),
            )
        )
    ),
    "Form": _all(
        form=_COUNT,
        model=_TEXT,
        digest=_TEXT,
        metrics={"type": "object"},
        inputs=_list({"type": "object"}),
        outputs=_list({"type": "object"}),
    ),
    "Answer": _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": _list(
                _object(
                    {
                        "name": _TEXT,
                        "datatype": _TEXT,
                        "shape": _list(_COUNT),
                        "data": {"type": "array"},
                        "parameters": {"type": "object"},
                    },
                    required=("name", "datatype", "shape"),
                )
            ),
        },
        required=("model_name", "model_version", "outputs"),
    ),
    "Answers": _all(
        model_name=_TEXT,
        model_version=_TEXT,
        answers=_list({"type": "object", "additionalProperties": {"type": "object"}}),
    ),
}
