"""An inference request and its answer as HTTP carries them: JSON, with or without tensors in
binary behind it.

Source: Open Inference Protocol v2, "Inference", and its binary tensor data extension. A body
begins with JSON; a header says how long that is where tensors follow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlc.runtime.serving.datatypes import (
    BYTES,
    Array,
    from_list,
    from_raw,
    name_of,
    to_list,
    to_raw,
)
from dlc.runtime.serving.forms import Forms
from dlc.runtime.serving.refusals import bad, quoted, whole
from dlc.runtime.serving.served import VERSION

HEADER_LENGTH = "inference-header-content-length"
#: All that a tensor can be of.
DATATYPES = frozenset(
    ("BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES")
)
_MOST_TENSORS = 1000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An output that is asked for: in binary, and as so many best classes, 0 for all numbers."""

    name: str
    binary: bool = False
    classes: int = 0


@dataclass(frozen=True, kw_only=True)
class Request:
    """`tensors` by input; no `outputs` ask for all. `timeout` is in seconds, or None."""

    tensors: Mapping[str, Array]
    outputs: Sequence[Wanted] = ()
    binary: bool = False
    id: str | None = None
    timeout: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def wanted(self, forms: Forms) -> list[Wanted]:
        """The outputs to give. Raises `Refusal` 400 for one that is not there."""
        if not self.outputs:
            return [Wanted(name=name, binary=self.binary) for name in forms.outputs]
        for output in self.outputs:
            refuse_output(output.name, forms)
        return list(self.outputs)


def refuse_output(name: str, forms: Forms) -> None:
    """Raises `Refusal` 400 for an output that a model does not have."""
    if name not in forms.outputs:
        known = ", ".join(map(quoted, forms.outputs))
        raise bad(f"{quoted(name)} is no output: the outputs are {known}")


# ── reading ──────────────────────────────────────────────────────────────────


def read_json(content: bytes | memoryview) -> Any:
    """What JSON holds. Raises `Refusal` 400, also for NaN and for nesting without end."""
    try:
        return json.loads(bytes(content), parse_constant=_refuse_constant)
    except RecursionError:
        raise bad("the JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise bad("the JSON is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise bad(
            f"no JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}"
        ) from None
    except ValueError:
        raise bad("no JSON: a number that JSON does not have, or has too many digits") from None


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


def read_request(body: bytes, header_length: str | None) -> Request:
    """The request in a body. Raises `Refusal` 400."""
    content = memoryview(body)
    head = content
    rest = content[len(content) :]
    if header_length is not None:
        if not header_length.isascii() or not header_length.isdigit() or len(header_length) > 12:
            raise bad("the header Inference-Header-Content-Length is a number of bytes")
        size = int(header_length)
        if size > len(content):
            raise bad("Inference-Header-Content-Length is more than the body has")
        head, rest = content[:size], content[size:]
    given = read_json(head)
    if not isinstance(given, dict):
        raise bad("the request is an object with `inputs`")
    parameters = _parameters(given, "the request")
    tensors, rest = _inputs(given.get("inputs"), rest)
    if len(rest):
        raise bad(f"{len(rest)} bytes are left over behind the last binary tensor")
    binary = _flag(parameters, "binary_data_output")
    return Request(
        tensors=tensors,
        outputs=_outputs(given.get("outputs", []), binary),
        binary=binary,
        id=_id(given["id"]) if "id" in given else None,
        timeout=read_timeout(parameters.get("timeout")),
        parameters=parameters,
    )


def _inputs(given: object, rest: memoryview) -> tuple[dict[str, Array], memoryview]:
    if not isinstance(given, list) or not given:
        raise bad("`inputs` is a list of tensors, one or more")
    if len(given) > _MOST_TENSORS:
        raise bad("there are too many inputs")
    found: dict[str, Array] = {}
    for tensor in given:
        if not isinstance(tensor, dict):
            raise bad("an input is an object with `name`, `shape`, `datatype` and `data`")
        name, datatype = tensor.get("name"), tensor.get("datatype")
        if not isinstance(name, str):
            raise bad("an input has a `name`, which is a text")
        if name in found:
            raise bad(f"input {quoted(name)} is given twice")
        if not isinstance(datatype, str) or datatype not in DATATYPES:
            raise bad(f"input {quoted(name)}: `datatype` is one of {', '.join(sorted(DATATYPES))}")
        shape = read_shape(name, tensor.get("shape"))
        parameters = _parameters(tensor, f"input {quoted(name)}")
        if "shared_memory_region" in parameters:
            raise bad(f"input {quoted(name)}: shared memory is not offered")
        if "binary_data_size" in parameters:
            if "data" in tensor:
                raise bad(f"input {quoted(name)} has both `data` and `binary_data_size`")
            size = whole(parameters["binary_data_size"], 0, len(rest))
            if size is None:
                raise bad(f"input {quoted(name)}: `binary_data_size` is not what the body has")
            found[name] = from_raw(name, datatype, shape, rest[:size])
            rest = rest[size:]
        else:
            found[name] = from_list(name, datatype, shape, tensor.get("data"))
    return found, rest


def read_shape(name: str, shape: object) -> tuple[int, ...]:
    """Sizes that are whole numbers, 0 or more, and few."""
    sizes = [whole(size, 0, 2**31 - 1) for size in shape] if isinstance(shape, list) else [None]
    found = tuple(size for size in sizes if size is not None)
    if len(found) != len(sizes) or len(found) > 32:
        raise bad(f"input {quoted(name)}: `shape` is a list of sizes")
    if math.prod(found) >= 2**31:
        raise bad(f"input {quoted(name)}: the shape has too many elements")
    return found


def read_timeout(given: object) -> float | None:
    """Microseconds, as Triton's clients give them, in seconds; 0 is none."""
    if given is None:
        return None
    found = whole(given, 0, 2**63)
    if found is None:
        raise bad("the parameter `timeout` is a whole number of microseconds")
    return found / 1e6 if found else None


def _outputs(given: object, binary: bool) -> list[Wanted]:
    if not isinstance(given, list) or len(given) > _MOST_TENSORS:
        raise bad("`outputs` is a list of objects with `name`")
    found: dict[str, Wanted] = {}
    for output in given:
        if not isinstance(output, dict) or not isinstance(output.get("name"), str):
            raise bad("`outputs` is a list of objects with `name`")
        name = output["name"]
        parameters = _parameters(output, f"output {quoted(name)}")
        if "shared_memory_region" in parameters:
            raise bad(f"output {quoted(name)}: shared memory is not offered")
        found[name] = Wanted(
            name=name,
            binary=_flag(parameters, "binary_data", binary),
            classes=read_classes(name, parameters.get("classification", 0)),
        )
    return list(found.values())


def read_classes(name: str, given: object) -> int:
    found = whole(given, 0, 2**31 - 1)
    if found is None:
        raise bad(f"output {quoted(name)}: `classification` is a number of classes")
    return found


def _parameters(given: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    found = given.get("parameters", {})
    if not isinstance(found, dict):
        raise bad(f"the `parameters` of {what} are an object")
    return found


def _flag(parameters: Mapping[str, Any], name: str, default: bool = False) -> bool:
    found = parameters.get(name, default)
    if not isinstance(found, bool):
        raise bad(f"the parameter `{name}` is `true` or `false`")
    return found


def _id(given: object) -> str:
    if not isinstance(given, str):
        raise bad("`id` is a text")
    return given


# ── answering ────────────────────────────────────────────────────────────────


def given_outputs(
    wanted: Sequence[Wanted], outputs: Mapping[str, Array], labels: Mapping[str, Sequence[str]]
) -> list[tuple[Wanted, Array]]:
    """The arrays to give, the best classes where those are asked for."""
    found = []
    for output in wanted:
        array = outputs[output.name]
        if output.classes:
            array = best_classes(output.name, array, output.classes, _words(output.name, labels))
        found.append((output, array))
    return found


def _words(name: str, labels: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return labels.get(name) or labels.get(name.removesuffix("_probabilities")) or ()


def best_classes(name: str, scores: Array, count: int, labels: Sequence[str]) -> Array:
    """The best classes of each row as `value:index` or `value:index:label`, in BYTES.

    Source: the classification extension of the protocol. Raises `Refusal` 400 for an output
    that has no classes."""
    if scores.ndim < 2 or name_of(scores) in (BYTES, "BOOL"):
        raise bad(f"output {quoted(name)} has no classes to choose from")
    flat = scores.reshape(len(scores), -1)
    order = np.argsort(-flat.astype(np.float64), axis=1, kind="stable")[:, :count]
    found = np.empty(order.shape, object)
    for row, places in enumerate(order.tolist()):
        for rank, place in enumerate(places):
            word = f":{labels[place]}" if place < len(labels) else ""
            found[row, rank] = f"{float(flat[row, place]):f}:{place}{word}"
    return found


def write_answer(
    model: str, id: str | None, outputs: Sequence[tuple[Wanted, Array]]
) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON where tensors follow. Raises `Refusal` 400 for
    bytes that are no text."""
    described = []
    tail = []
    for wanted, array in outputs:
        tensor: dict[str, Any] = {
            "name": wanted.name,
            "datatype": name_of(array),
            "shape": list(array.shape),
        }
        if wanted.binary:
            raw = to_raw(array)
            tensor["parameters"] = {"binary_data_size": len(raw)}
            tail.append(raw)
        else:
            tensor["data"] = to_list(wanted.name, array)
        described.append(tensor)
    answer: dict[str, Any] = {"model_name": model, "model_version": VERSION}
    if id is not None:
        answer["id"] = id
    answer["outputs"] = described
    head = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return (head + b"".join(tail), len(head)) if tail else (head, None)
