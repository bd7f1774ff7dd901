"""The models of a server, by name."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlc.compiler.version import VERSION as RELEASE
from dlc.runtime.serving.limits import Limits
from dlc.runtime.serving.refusals import missing, quoted
from dlc.runtime.serving.served import VERSION, ServedModel

PLATFORM = "onnxruntime_onnx"
EXTENSIONS = ("binary_tensor_data", "classification", "statistics")


@dataclass(kw_only=True)
class Catalogue:
    """All models. `draining` says that the server ends: it is not ready for more."""

    models: Mapping[str, ServedModel]
    limits: Limits
    draining: bool = False
    #: Bytes of bodies that are held now.
    held: int = field(default=0, repr=False)

    @classmethod
    def open(
        cls,
        paths: Mapping[str, Path],
        limits: Limits,
        provider: str = "auto",
        *,
        strict: bool = False,
    ) -> Catalogue:
        """Opens model files by name. Raises `Failure` as `open_model` does."""
        hosts = ThreadPoolExecutor(
            os.cpu_count() or 1, thread_name_prefix="dlc-host", initializer=step_back
        )

        def opened() -> dict[str, ServedModel]:
            return {
                name: ServedModel(name, path, limits, hosts, provider, strict=strict)
                for name, path in paths.items()
            }

        # The threads that compute are begun by this one, and are as it is.
        with ThreadPoolExecutor(1, initializer=step_back) as opener:
            return cls(models=opener.submit(opened).result(), limits=limits)

    @property
    def ready(self) -> bool:
        return not self.draining

    @property
    def busy(self) -> bool:
        """Whether any model has requests that wait or run."""
        return any(model.batcher.busy for model in self.models.values())

    def model(self, name: str, version: str = "") -> ServedModel:
        """Raises `Refusal` 404."""
        found = self.models.get(name)
        if found is None:
            raise missing(f"there is no model {quoted(name)}")
        if version not in ("", VERSION):
            raise missing(f"model {quoted(name)} has no version {quoted(version)}")
        return found

    def server_metadata(self) -> dict[str, Any]:
        return {"name": "dlc", "version": RELEASE, "extensions": list(EXTENSIONS)}

    def model_metadata(self, model: ServedModel) -> dict[str, Any]:
        return {
            "name": model.name,
            "versions": [VERSION],
            "platform": PLATFORM,
            "inputs": [form.metadata() for form in model.forms.described()],
            "outputs": [form.metadata() for form in model.forms.outputs.values()],
        }

    def statistics(self, model: ServedModel) -> dict[str, Any]:
        """Of one model, as the statistics extension has it; times in nanoseconds."""
        counts = model.batcher.counts
        good = counts.requests - counts.failed
        queue, run = _time(counts.requests, counts.queue_seconds), _time(good, counts.run_seconds)
        total = _time(good, counts.queue_seconds + counts.run_seconds)
        nothing = _time(0, 0)
        return {
            "name": model.name,
            "version": VERSION,
            "last_inference": round(counts.last * 1000),
            "inference_count": counts.rows,
            "execution_count": counts.batches,
            "inference_stats": {
                "success": total,
                "fail": _time(counts.failed, 0),
                "queue": queue,
                "compute_input": nothing,
                "compute_infer": run,
                "compute_output": nothing,
            },
            "batch_stats": [
                {"batch_size": size, "compute_infer": _time(times, 0)}
                for size, times in sorted(counts.sizes.items())
            ],
        }

    def close(self) -> None:
        """Ends the threads of the models when their queues are empty."""
        for model in self.models.values():
            model.batcher.close()


def step_back() -> None:
    """Lets a thread, and those that it begins, have the processor after the loop that answers: a
    model uses all cores, and a refusal must not wait for it. Linux alone has this for threads."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + 5)


def _time(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
