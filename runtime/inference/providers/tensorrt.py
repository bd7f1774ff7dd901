"""TensorRT: engines compiled for the graph, kept from one start to the next."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.inference.providers import cuda
from dlc.runtime.inference.providers.base import CPU, Entry, Provider, Request
from dlc.runtime.inference.providers.cache import engine_folder
from dlc.runtime.inference.providers.facts import GraphFacts, Size

EXECUTION = "TensorrtExecutionProvider"
# The major version that onnxruntime's provider is linked to.
_MAJOR = 10

#: Batches that an engine takes where the file leaves them open: least, usual, greatest.
BATCHES = (1, 8, 64)
#: The greatest of another open size of which nothing is known.
_MOST = 512


class TensorRt(Provider):
    """An NVIDIA device by way of TensorRT; what that cannot run, CUDA does."""

    name: ClassVar[str] = "tensorrt"
    title: ClassVar[str] = "TensorRT"
    execution: ClassVar[str] = EXECUTION

    def why_not(self, runtime: Any) -> str:
        if EXECUTION not in runtime.get_available_providers():
            return "this onnxruntime is built without TensorRT: pip install 'dlc[gpu]'"
        found = cuda.why_no_device()
        if found:
            return found
        cuda.preload(runtime)
        if not _load_library():
            return f"TensorRT {_MAJOR} is not installed: pip install 'tensorrt-cu13<{_MAJOR + 1}'"
        return ""

    def requests(self, facts: GraphFacts, settings: SessionSettings) -> Sequence[Request]:
        # TensorRT has no option for it; the variable is read when CUDA starts.
        os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
        options = tensorrt_options(facts, engine_folder(facts.digest))
        rest: tuple[Entry, ...] = ((cuda.EXECUTION, cuda.cuda_options(facts)), (CPU, {}))
        plain = Request(entries=((EXECUTION, options), *rest))
        if not facts.capturable:
            return (plain,)
        captured = {**options, "trt_cuda_graph_enable": "1"}
        return (Request(entries=((EXECUTION, captured), *rest), captured=True), plain)


def tensorrt_options(facts: GraphFacts, folder: Path) -> dict[str, str]:
    """The options of the TensorRT provider for a graph; `folder` keeps its engines.

    Without shape profiles an engine is built again for every size that it has not seen, which
    takes minutes; so each open size gets its whole range at once.
    """
    options = {
        "device_id": "0",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }
    if facts.half:
        options["trt_fp16_enable"] = "1"
    if facts.batch or facts.varying:
        least, usual, most = profiles(facts)
        options["trt_profile_min_shapes"] = least
        options["trt_profile_opt_shapes"] = usual
        options["trt_profile_max_shapes"] = most
    return options


def profiles(facts: GraphFacts) -> tuple[str, str, str]:
    """The least, the usual and the greatest sizes of the inputs with open ones, each as
    `name:1x3x224x224,other:1x16`. A size has one value in all inputs."""
    sizes: dict[str, tuple[int, int, int]] = {}
    open_inputs: dict[str, tuple[Size, ...]] = {}
    for name, dims in facts.inputs.items():
        for dim in dims:
            if isinstance(dim, str):
                open_inputs[name] = dims
                sizes[dim] = _span(dim, facts)
    least, usual, most = (
        ",".join(
            f"{name}:" + "x".join(str(sizes[d][i] if isinstance(d, str) else d) for d in dims)
            for name, dims in open_inputs.items()
        )
        for i in range(3)
    )
    return least, usual, most


def _span(dim: str, facts: GraphFacts) -> tuple[int, int, int]:
    known = facts.ranges.get(dim)
    if dim == facts.batch:
        low, high = known or (1, None)
        top = max(low, min(BATCHES[2], high or BATCHES[2]))
        return max(low, BATCHES[0]), max(low, min(BATCHES[1], top)), top
    low, high = known or (1, None)
    top = high if high is not None else max(low, _MOST)
    # In between by ratio: an engine is tuned for it, and lengths spread so.
    return low, max(low, min(top, round((low * top) ** 0.5))), top


def _load_library() -> bool:
    """Loads TensorRT from the system or its wheel, so that the provider finds it."""
    for library in _libraries():
        try:
            ctypes.CDLL(str(library), mode=getattr(os, "RTLD_GLOBAL", 0))
        except OSError:
            continue
        return True
    return False


def _libraries() -> Iterator[str | Path]:
    name = f"nvinfer_{_MAJOR}.dll" if sys.platform == "win32" else f"libnvinfer.so.{_MAJOR}"
    yield name
    wheel = importlib.util.find_spec("tensorrt_libs")
    for folder in (wheel.submodule_search_locations or ()) if wheel is not None else ():
        yield Path(folder) / name
