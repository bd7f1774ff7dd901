"""Running a session whose work is recorded once as a CUDA graph and then replayed.

A recording reads and writes fixed places of the device's memory. So each combination of
sizes gets buffers of its own, into which inputs are copied; further combinations than a few
run without a recording, since each keeps its memory.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_RECORDINGS = 8
_NO_RECORDING = "-1"


@dataclass(frozen=True, kw_only=True)
class _Recording:
    binding: Any
    inputs: Mapping[str, Any]
    outputs: Sequence[Any]
    options: Any


class CapturedSession:
    """A session of onnxruntime with `run`, by way of bound buffers on a device. What else is
    asked is answered by the session itself."""

    def __init__(self, runtime: Any, session: Any) -> None:
        self._runtime = runtime
        self._session = session
        self._recordings: dict[tuple[object, ...], _Recording] = {}
        # The buffers are shared by all callers.
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(
        self, names: Sequence[str] | None, feeds: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        """The outputs, in their order or those that are named."""
        wanted = [output.name for output in self._session.get_outputs()]
        key = tuple((name, values.shape, values.dtype.str) for name, values in feeds.items())
        with self._lock:
            recording = self._recordings.get(key)
            if recording is not None:
                for name, values in feeds.items():
                    recording.inputs[name].update_inplace(np.ascontiguousarray(values))
                self._session.run_with_iobinding(recording.binding, recording.options)
                results = [value.numpy() for value in recording.outputs]
            elif len(self._recordings) < _MOST_RECORDINGS:
                results = self._record(key, wanted, feeds)
            else:
                results = self._unrecorded(wanted, feeds)
        found = dict(zip(wanted, results, strict=True))
        return [found[name] for name in names or wanted]

    def _record(
        self, key: tuple[object, ...], wanted: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        # A run without a recording tells the sizes of the outputs, and lets cuDNN choose.
        first = self._unrecorded(wanted, feeds)
        value = self._runtime.OrtValue
        inputs = {
            name: value.ortvalue_from_numpy(np.ascontiguousarray(values), "cuda", 0)
            for name, values in feeds.items()
        }
        outputs = [
            value.ortvalue_from_shape_and_type(list(result.shape), result.dtype.type, "cuda", 0)
            for result in first
        ]
        binding = self._session.io_binding()
        for name, given in inputs.items():
            binding.bind_ortvalue_input(name, given)
        for name, result in zip(wanted, outputs, strict=True):
            binding.bind_ortvalue_output(name, result)
        options = self._options(str(len(self._recordings) + 1))
        self._session.run_with_iobinding(binding, options)
        self._recordings[key] = _Recording(
            binding=binding, inputs=inputs, outputs=outputs, options=options
        )
        return [result.numpy() for result in outputs]

    def _unrecorded(
        self, wanted: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        binding = self._session.io_binding()
        for name, values in feeds.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(values))
        for name in wanted:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding, self._options(_NO_RECORDING))
        return list(binding.copy_outputs_to_cpu())

    def _options(self, recording: str) -> Any:
        options = self._runtime.RunOptions()
        options.add_run_config_entry("gpu_graph_id", recording)
        return options
