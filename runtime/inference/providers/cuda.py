"""CUDA, with options that the graph decides."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.inference.providers.base import CPU, Provider, Request
from dlc.runtime.inference.providers.facts import GraphFacts

EXECUTION = "CUDAExecutionProvider"


class Cuda(Provider):
    """An NVIDIA device."""

    name: ClassVar[str] = "cuda"
    title: ClassVar[str] = "CUDA"
    execution: ClassVar[str] = EXECUTION

    def why_not(self, runtime: Any) -> str:
        if EXECUTION not in runtime.get_available_providers():
            return "this onnxruntime is built without CUDA: pip install 'dlc[gpu]'"
        found = why_no_device()
        if not found:
            preload(runtime)
        return found

    def requests(self, facts: GraphFacts, settings: SessionSettings) -> Sequence[Request]:
        plain = Request(entries=((EXECUTION, cuda_options(facts)), (CPU, {})))
        if not facts.capturable:
            return (plain,)
        options = {**cuda_options(facts), "enable_cuda_graph": "1"}
        # It loads only where every node has a CUDA kernel, which nobody knows beforehand.
        return (Request(entries=((EXECUTION, options), (CPU, {})), captured=True), plain)


def cuda_options(facts: GraphFacts) -> dict[str, str]:
    """The options of the CUDA provider for a graph.

    The search for the fastest convolution is repeated for every new size: worth it where only
    the batch varies, ruinous where each row has a size of its own. TF32 rounds to 10 bits and
    is off in torch, so it is off here: the file was proved equal to that. Tensor cores take
    16-bit convolutions with the channels last, and without the option each gets a transpose
    before and after it.
    """
    options = {
        "device_id": "0",
        "use_tf32": "0",
        "cudnn_conv_use_max_workspace": "1",
        # By powers of two the arena takes up to twice of what is needed from other processes.
        "arena_extend_strategy": "kSameAsRequested",
    }
    if facts.convolutions:
        search = "HEURISTIC" if facts.varying else "EXHAUSTIVE"
        options["cudnn_conv_algo_search"] = search
        if facts.half:
            options["prefer_nhwc"] = "1"
    return options


def why_no_device() -> str:
    """Why there is no device to run on, or nothing: asks the driver itself."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return "the NVIDIA driver does not start"
    except (OSError, AttributeError):
        return "there is no NVIDIA driver"
    return "" if count.value else "the NVIDIA driver finds no device"


def preload(runtime: Any) -> None:
    """Loads CUDA and cuDNN from torch or the nvidia wheels, where they are installed."""
    load = getattr(runtime, "preload_dlls", None)
    if load is not None and "torch" not in sys.modules:
        load(directory="")
