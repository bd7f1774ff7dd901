"""Opening a model file with onnxruntime, on the provider that really runs.

onnxruntime's own account cannot be trusted: `get_available_providers()` lists CUDA on a
machine without a GPU, and a session that was asked for CUDA falls back to the CPU with
no more than a line on standard error. So we look for the driver before we ask, and
compare what the session runs on with what was asked.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.inference.model_files import check_model_file, first_line

Array: TypeAlias = npt.NDArray[Any]

PROVIDERS = ("auto", "cpu", "cuda")
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_QUIET = 3


@dataclass(frozen=True, kw_only=True)
class ModelSession:
    """A model that answers. `provider` is what really runs, `note` says so in one line."""

    path: Path
    session: Any
    provider: str
    note: str
    metadata: Mapping[str, str]

    @property
    def inputs(self) -> Mapping[str, tuple[str, tuple[int | str, ...]]]:
        """Element type as onnxruntime spells it (`tensor(uint8)`) and dims, by name."""
        return {i.name: (i.type, tuple(i.shape)) for i in self.session.get_inputs()}

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.session.get_outputs())

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name. Raises `Failure` E0610 where the model refuses its input."""
        try:
            results = self.session.run(None, dict(feeds))
        except Exception as error:
            raise failure(
                "E0610",
                f"`{shown(self.path)}` failed to run: {first_line(error)}",
                help="export the model again; `dlc export` proves that it runs",
            ) from None
        return dict(zip(self.outputs, (np.asarray(r) for r in results), strict=True))


def open_model(path: Path, provider: str = "auto", *, changed: bytes | None = None) -> ModelSession:
    """Checks the file and opens it, or `changed`, which was made of it.

    `provider` is `cpu`, `cuda`, or `auto`: CUDA where it really works, else the CPU.
    Raises `Failure`: E0611 for a file that cannot be read, E0610 for one that is no sound
    model, E0612 where `cuda` was asked for and does not run.
    """
    check_model_file(path)
    runtime = _onnxruntime()
    unavailable = "" if provider == "cpu" else why_no_cuda()
    if provider == "cuda" and unavailable:
        raise _no_cuda(unavailable)
    use_cuda = provider != "cpu" and not unavailable
    session = _create(runtime, path, [_CUDA, _CPU] if use_cuda else [_CPU], changed)
    runs = session.get_providers()[0]
    if provider == "cuda" and runs != _CUDA:
        raise _no_cuda("onnxruntime could not load its CUDA libraries")
    if runs == _CUDA:
        note = f"runs on CUDA ({_CUDA})"
    elif use_cuda:
        note = f"runs on the CPU ({runs}): a GPU is there, but CUDA did not load"
    else:
        note = f"runs on the CPU ({runs})"
    return ModelSession(
        path=path,
        session=session,
        provider=runs,
        note=note,
        metadata=dict(session.get_modelmeta().custom_metadata_map),
    )


def cpu_session(model: bytes | Path) -> Any:
    """A plain CPU session of a model that we made ourselves."""
    runtime = _onnxruntime()
    source = model if isinstance(model, bytes) else str(model)
    return runtime.InferenceSession(source, _options(runtime), providers=[_CPU])


@cache
def why_no_cuda() -> str:
    """Why CUDA cannot run here, or nothing. Asks the driver itself; no session is made."""
    runtime = _onnxruntime()
    if _CUDA not in runtime.get_available_providers():
        return "this onnxruntime is built without CUDA: pip install 'dlc[gpu]'"
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return "the NVIDIA driver does not start"
    except (OSError, AttributeError):
        return "there is no NVIDIA driver"
    if count.value == 0:
        return "the NVIDIA driver finds no device"
    _preload(runtime)
    return ""


def _preload(runtime: Any) -> None:
    """Loads CUDA and cuDNN from torch or the nvidia wheels, where they are installed."""
    preload = getattr(runtime, "preload_dlls", None)
    if preload is not None and "torch" not in sys.modules:
        preload(directory="")


def _create(runtime: Any, path: Path, providers: Sequence[str], changed: bytes | None) -> Any:
    options = _options(runtime)
    if changed is not None:
        # Outside weights are found beside the file; a model in memory has no folder.
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(path.parent.resolve())
        )
    try:
        return runtime.InferenceSession(
            str(path) if changed is None else changed, options, providers=list(providers)
        )
    except Exception as error:
        raise failure(
            "E0610",
            f"onnxruntime {runtime.__version__} does not load `{shown(path)}`: {first_line(error)}",
            help="export the model with `dlc export`, or update onnxruntime",
        ) from None


def _options(runtime: Any) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = _QUIET
    # Threads that wait by spinning take the cores of other processes, and of themselves:
    # on two busy cores a batch is a fifth slower with it. Batches are too long to gain.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _onnxruntime() -> Any:
    import onnxruntime

    if not hasattr(onnxruntime, "InferenceSession"):
        raise failure(
            "E0603",
            "onnxruntime is installed in part: another package of it was removed",
            help="pip install --force-reinstall onnxruntime-gpu",
        )
    return onnxruntime


def _no_cuda(reason: str) -> Failure:
    return failure(
        "E0612",
        f"`--provider cuda` does not run here: {reason}",
        help="leave `--provider` out to take what works",
    )
