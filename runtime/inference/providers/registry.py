"""The providers by the name that `--provider` takes."""

from __future__ import annotations

from functools import cache
from typing import Any

from dlc.runtime.bundle.settings import PROVIDERS
from dlc.runtime.failures import failure
from dlc.runtime.inference.providers.base import Provider
from dlc.runtime.inference.providers.cpu import Cpu
from dlc.runtime.inference.providers.cuda import Cuda
from dlc.runtime.inference.providers.openvino import OpenVino
from dlc.runtime.inference.providers.tensorrt import TensorRt

#: What can run a model, in the order in which `dlc verify` shows it.
ALL: tuple[Provider, ...] = (Cpu(), Cuda(), TensorRt(), OpenVino())
BY_NAME: dict[str, Provider] = {provider.name: provider for provider in ALL}
assert set(PROVIDERS) == {"auto", *BY_NAME}

# TensorRT compiles for minutes and OpenVINO rounds in its own way: they are asked for by name.
_AUTOMATIC = ("cuda",)


def automatic() -> Provider:
    """The first that works here."""
    return next((BY_NAME[name] for name in _AUTOMATIC if not why_not(name)), BY_NAME["cpu"])


@cache
def why_not(name: str) -> str:
    """Why a provider cannot run here, or nothing."""
    return BY_NAME[name].why_not(onnxruntime())


def onnxruntime() -> Any:
    """The package. Raises `Failure` E0603 where it is half installed."""
    import onnxruntime as found

    if not hasattr(found, "InferenceSession"):
        raise failure(
            "E0603",
            "onnxruntime is installed in part: another package of it was removed",
            help="pip install --force-reinstall onnxruntime-gpu",
        )
    return found
