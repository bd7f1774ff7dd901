"""What is exported: the weights of a run, or a spec with its initial weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlc.compiler import Compilation
from dlc.compiler.codegen.identifiers import class_name
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.version import VERSION
from dlc.runtime.export.exporter import Network
from dlc.runtime.export.metadata import DataRecord
from dlc.runtime.failures import failure, shown
from dlc.runtime.loading import load_module
from dlc.runtime.training import random_state
from dlc.runtime.training.checkpoint import Checkpoint, best_step, no_weights
from dlc.runtime.training.plan import compile_resolved
from dlc.runtime.training.run_folder import MODULE, RunFolder, open_run
from dlc.runtime.training.weights import load_tensors
from dlc.runtime.transfer.pretrained import pretrained_of


def of_run(path: Path) -> Network:
    """The network of a run folder with its weights: the best ones where a figure is
    monitored, else the last.

    The module is generated again from the resolved spec; no file of the folder is executed.
    Raises `Failure`: E0613 where the folder's `model.py` is not what its spec gives, E0608,
    E0610, E0611.
    """
    run = open_run(path)
    compilation = compile_resolved(run)
    source = generate(compilation)
    if source != run.module():
        raise failure(
            "E0613",
            f"`{shown(path / MODULE)}` is not what the resolved spec gives",
            notes=(f"the run was started by dlc {run.record.get('dlc')}, this is {VERSION}",),
            help="take that version, or train again into another folder",
        )
    checkpoint = _checkpoint(run)
    module = _built(compilation, source, seed=0)
    try:
        load_tensors(module, checkpoint.model)
    except (ValueError, KeyError) as error:
        raise failure(
            "E0608",
            f"the checkpoint of step {checkpoint.step} does not fit its network: {error}",
            help="train again into another folder",
        ) from None
    preprocessing = run.preprocessing()
    data: Mapping[str, Any] = run.record["data"]
    return Network(
        compilation=compilation,
        module=module,
        preprocessing=preprocessing,
        data=DataRecord(sha256=data["sha256"], split=data["split"], classes=preprocessing.labels),
        metrics=_metrics(run, checkpoint),
    )


def of_spec(compilation: Compilation) -> Network:
    """A spec with the weights that training would start from, those of `transfer` among them.
    Raises `DiagnosticError` and `Failure` where these cannot be loaded."""
    seed = compilation.settings.train.seed
    module = _built(compilation, generate(compilation), seed)
    pretrained = pretrained_of(compilation)
    started = pretrained.load(module) if pretrained is not None else None
    return Network(compilation=compilation, module=module, started=started)


def _built(compilation: Compilation, source: str, seed: int) -> Any:
    random_state.seed(seed)
    return getattr(load_module(source), class_name(compilation.program.name))()


def _checkpoint(run: RunFolder) -> Checkpoint:
    newest = run.checkpoints.load_newest()
    if newest is None:
        raise no_weights(run.path)
    step = best_step(newest)
    return newest if step in (None, newest.step) else run.checkpoints.load(int(step or 0))


def _metrics(run: RunFolder, checkpoint: Checkpoint) -> dict[str, float]:
    """The figures of the weights: of the validation that they are from, and of the test
    part where the run has ended."""
    found = dict(checkpoint.state.get("figures") or {})
    test = (run.summary() or {}).get("test") or {}
    found |= {f"test_{name}": value for name, value in test.items()}
    return {
        name: float(value)
        for name, value in found.items()
        if value is not None and math.isfinite(value)
    }
