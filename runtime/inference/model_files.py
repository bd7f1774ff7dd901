"""Model files that others made: what is read of them, and what is refused.

onnxruntime follows a hard link to any file of the disk when a model says that its
weights are there, so files are judged before it sees them.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlc.runtime.failures import Failure, failure, io_failure, shown

# protobuf refuses a message of 2 GiB; a file that large cannot be a model.
_MAX_BYTES = 2**31 - 1
_MOST_NODES = 1_000_000
_MOST_DEPTH = 200
# Numbers that share a byte; texts and nothing have no bytes outside.
_SMALL = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2, "STRING": 0}


def check_model_file(path: Path) -> Any:
    """Refuses what is no sound ONNX file, before onnxruntime sees it; gives the model, without
    its outside weights.

    Weights outside the file are read only from regular files in its own folder: no
    links (hard links included), no paths that lead elsewhere, no parts past the end.
    Raises `Failure` E0610 and E0611.
    """
    import onnx

    model = load_proto(path)
    if _inlined(model) > _MOST_NODES:
        raise _unsound(path, "its functions call each other for more than a million nodes")
    for tensor in external_tensors(model):
        _check_external(path, tensor)
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        raise _unsound(path, first_line(error)) from None
    return model


def _inlined(model: Any) -> int:
    """How many nodes there are once calls of the model's own functions are replaced by their
    bodies, as onnxruntime does: forty functions that call the next twice are 2^40. Functions
    in a circle count as one too many; so does a chain deeper than anything sensible."""
    bodies = {(f.domain, f.name, f.overload): f.node for f in model.functions}
    known: dict[tuple[str, str, str], int] = {}

    def size(nodes: Any, depth: int) -> int:
        if depth > _MOST_DEPTH:
            return _MOST_NODES + 1
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type, node.overload)
            if key in bodies and key not in known:
                known[key] = _MOST_NODES + 1
                known[key] = size(bodies[key], depth + 1)
            total += known.get(key, 1)
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    total += size(inner.node, depth + 1)
            if total > _MOST_NODES:
                break
        return total

    return size(model.graph.node, 0)


def load_proto(path: Path) -> Any:
    """The model without its outside weights. Raises `Failure` E0610 and E0611."""
    import onnx

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _unsound(path, "it is not a regular file")
        if status.st_size > _MAX_BYTES:
            raise _unsound(path, "it is larger than 2 GiB, which no ONNX file can be")
        data = path.read_bytes()
    except FileNotFoundError:
        raise failure("E0611", f"there is no file `{shown(path)}`", exit_code=2) from None
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # the DecodeError of whichever protobuf is installed
        raise _unsound(path, "it is no ONNX file, or it is damaged") from None
    if not model.HasField("graph"):
        raise _unsound(path, "it holds no graph")
    return model


def external_tensors(model: Any) -> Iterator[Any]:
    """Every tensor of a model, wherever it stands, whose numbers are in another file."""
    import onnx

    # All fields of all messages are followed, not those known to hold tensors today:
    # attributes, sparse tensors, functions, subgraphs and training graphs do.
    stack = [model]
    while stack:
        message = stack.pop()
        if isinstance(message, onnx.TensorProto):
            if message.data_location == message.EXTERNAL or message.external_data:
                yield message
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                stack.extend([value] if hasattr(value, "ListFields") else value)


def _check_external(path: Path, tensor: Any) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    what = f"its weight `{tensor.name}`"
    if not location or "\0" in location or os.path.isabs(location) or "\\" in location:
        raise _unsound(path, f"{what} lies in `{location}`, which is no path in its folder")
    folder = path.parent.resolve()
    target = folder / location
    if target == path.resolve():
        raise _unsound(path, f"{what} lies in the file itself")
    try:
        status = os.lstat(target)
        resolved = target.resolve()
    except OSError:
        raise _unsound(path, f"{what} lies in `{location}`, which cannot be read") from None
    if not resolved.is_relative_to(folder) or resolved != folder / os.path.normpath(location):
        raise _unsound(path, f"{what} lies in `{location}`, outside its folder")
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise _unsound(path, f"{what} lies in `{location}`, which is a link or no regular file")
    try:
        offset = int(entries.get("offset", "0") or 0)
        length = int(entries.get("length", "0") or 0)
    except ValueError:
        raise _unsound(path, f"{what} has a place that is no number") from None
    needed = _bytes(tensor)
    if offset < 0 or length < 0 or offset + (length or needed) > status.st_size:
        raise _unsound(path, f"{what} lies past the end of `{location}`")
    if length and length != needed:
        raise _unsound(path, f"{what} has {length:,} bytes where its sizes ask for {needed:,}")


def _bytes(tensor: Any) -> int:
    """The bytes that the numbers of a tensor take outside of the file."""
    import onnx

    kind = onnx.TensorProto.DataType.Name(tensor.data_type)
    bits = _SMALL.get(kind)
    if bits is None:
        try:
            bits = 8 * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
        except (KeyError, ValueError, TypeError):
            return 0
    count: int = math.prod(tensor.dims)
    return (count * bits + 7) // 8


def _unsound(path: Path, reason: str) -> Failure:
    return failure(
        "E0610",
        f"`{shown(path)}` is not used: {reason}",
        help="export the model again with `dlc export`",
    )


def first_line(error: Exception) -> str:
    """What an error of onnx or onnxruntime says, without its preamble."""
    text = str(error).strip().partition("\n")[0]
    # "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : what happened"
    return text.rpartition(" : ")[2].rstrip(".") if text.startswith("[ONNX") else text
