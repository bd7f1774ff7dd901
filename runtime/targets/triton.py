"""A model repository of NVIDIA's Triton server.

    NAME/config.pbtxt    inputs, outputs, batching, instances, what accelerates
    NAME/1/model.onnx    the model, with outside weights beside it
    NAME/labels.txt      the names of the classes, one a line

Source: Triton's `model_config.proto` and the README of its ONNX Runtime backend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dlc.runtime.failures import failure
from dlc.runtime.serving.form import Tensors
from dlc.runtime.targets.delivery import Delivered

CONFIG = "config.pbtxt"
VERSION = "1"
ACCELERATORS = ("auto", "cpu", "cuda", "tensorrt")
MAX_BATCH = 64

_TYPES = {
    "bool": "TYPE_BOOL",
    "uint8": "TYPE_UINT8",
    "int8": "TYPE_INT8",
    "int16": "TYPE_INT16",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "float": "TYPE_FP32",
    "double": "TYPE_FP64",
    "bfloat16": "TYPE_BF16",
    "string": "TYPE_STRING",
}
_KINDS = {"auto": "KIND_AUTO", "cpu": "KIND_CPU", "cuda": "KIND_GPU", "tensorrt": "KIND_GPU"}
_WORKSPACE = 1 << 30


class Word(str):
    """A text that stands without quotes: the name of an enum, true or false."""


class Sizes(tuple[int, ...]):
    """A list of whole numbers, which stands on one line."""


#: A block of the text form of protobuf. A repeated field is there once for each of its values.
Block: TypeAlias = "list[tuple[str, str | int | Sizes | Block]]"


@dataclass(frozen=True, kw_only=True)
class TritonOptions:
    """`max_batch` rows run together at most, `instances` of the model on each device, on what
    `accelerator` says."""

    max_batch: int = MAX_BATCH
    instances: int = 1
    accelerator: str = "auto"


def labels_file(output: str) -> str:
    return f"labels-{output}.txt"


def write_labels(model: Delivered, folder: Path) -> None:
    """Writes the names of the classes beside a configuration."""
    for output, words in model.info.labels.items():
        # A name that holds a line break would be two.
        lines = (" ".join(word.split()) for word in words)
        (folder / labels_file(output)).write_text("\n".join(lines) + "\n", encoding="utf-8")


def config(model: Delivered, options: TritonOptions) -> str:
    """The text of `config.pbtxt`. Raises `Failure` E0931 for a type that Triton lacks."""
    batched = is_batched(model.inputs) and is_batched(model.outputs)
    block: Block = [
        ("name", model.name),
        ("platform", "onnxruntime_onnx"),
        ("backend", "onnxruntime"),
        ("default_model_filename", model.path.name),
        ("max_batch_size", options.max_batch if batched else 0),
    ]
    for name, (element, dims) in model.inputs.items():
        block.append(("input", _tensor(name, element, dims, batched)))
    for name, (element, dims) in model.outputs.items():
        tensor = _tensor(name, element, dims, batched)
        base = name.removesuffix("_probabilities")
        if base in model.info.labels and name in (base, f"{base}_probabilities"):
            tensor.append(("label_filename", labels_file(base)))
        block.append(("output", tensor))
    if batched:
        # Requests that wait run together; none waits for others to come.
        block.append(("dynamic_batching", []))
    kind = Word(_KINDS[options.accelerator])
    block.append(("instance_group", [("count", options.instances), ("kind", kind)]))
    block += _accelerated(model, options, batched)
    return "".join(_lines(block, ""))


def is_batched(tensors: Tensors) -> bool:
    """Whether the first size of every tensor is open, and the same one."""
    first = {
        str(dims[0]) if dims and not isinstance(dims[0], int) else ""
        for _, dims in tensors.values()
    }
    return len(first) == 1 and "" not in first


def _tensor(name: str, element: str, dims: Sequence[int | str | None], batched: bool) -> Block:
    dtype = element.removeprefix("tensor(").removesuffix(")")
    if dtype not in _TYPES:
        raise failure(
            "E0931",
            f"`{name}` is `{element}`, which Triton has no type for",
            help="export the model with inputs and outputs of numbers, flags or texts",
        )
    sizes = [size if isinstance(size, int) else -1 for size in dims[1 if batched else 0 :]]
    found: Block = [
        ("name", name),
        ("data_type", Word(_TYPES[dtype])),
        ("dims", Sizes(sizes or [1])),
    ]
    if not sizes:
        # A tensor of the batch alone; Triton wants a size of its own, and takes it away again.
        found.append(("reshape", [("shape", Sizes())]))
    return found


def _accelerated(
    model: Delivered, options: TritonOptions, batched: bool
) -> Iterator[tuple[str, Block]]:
    """What the ONNX Runtime backend is told beside its defaults."""
    if options.accelerator == "cpu":
        # Instances that each take all cores get in each other's way.
        yield (
            "parameters",
            _parameter("intra_op_thread_count", "0" if options.instances == 1 else "1"),
        )
        yield "parameters", _parameter("inter_op_thread_count", "1")
    elif options.accelerator == "cuda":
        # Every size may be another one, and the best algorithm is searched for each: by
        # heuristics where sizes vary.
        varying = any(not isinstance(d, int) for _, dims in model.inputs.values() for d in dims[1:])
        given = {
            "cudnn_conv_algo_search": "HEURISTIC" if varying else "EXHAUSTIVE",
            "cudnn_conv_use_max_workspace": "1",
            "use_tf32": "0",
        }
        yield "optimization", [("execution_accelerators", [_accelerator("cuda", given)])]
    elif options.accelerator == "tensorrt":
        given = {
            "precision_mode": "FP32",
            "max_workspace_size_bytes": str(_WORKSPACE),
            "trt_engine_cache_enable": "true",
            "trt_engine_cache_path": f"trt-cache-{model.name}",
            "trt_timing_cache_enable": "true",
        }
        given |= profiles(model.inputs, options.max_batch if batched else 1)
        yield "optimization", [("execution_accelerators", [_accelerator("tensorrt", given)])]


def profiles(inputs: Tensors, most: int) -> dict[str, str]:
    """The sizes that TensorRT builds its engine for, so that it builds one. Nothing where a size
    beside the batch is open, whose bounds only the requests know, nor where inputs are no float:
    what it gets are then results of nodes before its own, which have no such names."""
    if any(element != "tensor(float)" for element, _ in inputs.values()):
        return {}
    if any(not isinstance(d, int) for _, dims in inputs.values() for d in dims[1:]):
        return {}
    found = {}
    for key, rows in (("min", 1), ("opt", max(1, most // 2)), ("max", most)):
        found[f"trt_profile_{key}_shapes"] = ",".join(
            f"{name}:" + "x".join(map(str, (rows, *dims[1:]))) for name, (_, dims) in inputs.items()
        )
    return found


def _accelerator(name: str, given: Mapping[str, str]) -> tuple[str, Block]:
    pairs: Block = [("parameters", [("key", k), ("value", v)]) for k, v in given.items()]
    return "gpu_execution_accelerator", [("name", name), *pairs]


def _parameter(key: str, value: str) -> Block:
    return [("key", key), ("value", [("string_value", value)])]


def _lines(block: Block, indent: str) -> Iterator[str]:
    """The text form of protobuf."""
    for name, value in block:
        if isinstance(value, Sizes):
            yield f"{indent}{name}: [{', '.join(map(str, value))}]\n"
        elif isinstance(value, list):
            yield f"{indent}{name} {{\n"
            yield from _lines(value, f"{indent}  ")
            yield f"{indent}}}\n"
        elif isinstance(value, Word | int):
            yield f"{indent}{name}: {value}\n"
        else:
            yield f"{indent}{name}: {quoted(value)}\n"


def quoted(text: str) -> str:
    """A text in the text form of protobuf, whatever it holds."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(
            c if c.isprintable() else "".join(f"\\{b:03o}" for b in c.encode()) for c in plain
        )
        + '"'
    )
