"""The end of a run: what it ends with, measured once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from dlc.runtime.data.dataset import DataSet
from dlc.runtime.ensembles.network import EnsembleNetwork, members_in
from dlc.runtime.inference.figures import plain
from dlc.runtime.inference.measures import Measures
from dlc.runtime.training.checkpoint import AVERAGE, choose, weights_sha256
from dlc.runtime.training.plan import mean_of_answers
from dlc.runtime.training.progress import Progress, figures_text, time_text
from dlc.runtime.training.run_folder import SUMMARY, RunFolder
from dlc.runtime.training.samples import Rows
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.validation import measured
from dlc.runtime.training.weights import load_tensors


def conclude(trainer: Trainer, run: RunFolder, data: DataSet, progress: Progress) -> dict[str, Any]:
    """Measures the test part once, with the weights that the run ends with."""
    trainer.world.wait()
    ending = trainer.world.together(lambda: choose(run.path))
    summary = summary_of(trainer, data, finished=trainer.finished)
    summary["weights"] = weights_sha256(ending.model)
    averaged = ending.state.get("hooks", {}).get(AVERAGE, {}).get("averaged")
    if averaged:
        summary["averaged"] = averaged
    network = _network(trainer, ending.model)
    validation, test = data.division.validation, data.division.test
    if len(validation) and not ending.state["figures"]:
        # An average of what validations have measured one by one.
        figures = _measured(trainer, network, validation).results()
        summary["metrics"] = plain({f"val_{name}": value for name, value in figures.items()})
    part = "test" if len(test) else "val"
    rows = test if part == "test" else validation
    of_classes = any(m.gives(trainer.plan.types) == "matrix" for m in trainer.plan.settings.metrics)
    if part == "test" or (len(rows) and of_classes):
        found = _measured(trainer, network, rows)
        if part == "test":
            summary["test"] = plain(found.results())
        if of_classes:
            summary["matrices"] = {
                f"{part}_{name}": matrix.record() for name, matrix in found.matrices().items()
            }
    run.write_json(SUMMARY, summary)
    progress.concluded(summary)
    progress.say(ending_text(summary))
    return summary


def _network(trainer: Trainer, weights: Mapping[str, Any]) -> torch.nn.Module:
    """The network of a run with some weights of it; of several snapshots, one of all."""
    model = trainer.model
    count = members_in(weights)
    if count:
        # The copies are as the network is laid out, whatever made it so.
        members = [copy.deepcopy(model) for _ in range(count)]
        model = EnsembleNetwork(members, mean_of_answers(trainer.plan))
    load_tensors(model, weights)
    return model


def _measured(trainer: Trainer, network: torch.nn.Module, rows: Rows) -> Measures:
    """What a network says of some rows."""
    size = trainer.epochs.batch_size
    return measured(
        network,
        trainer.plan,
        trainer.samples,
        rows,
        size,
        trainer.labels,
        trainer.world,
    )


def summary_of(trainer: Trainer, data: DataSet, *, finished: str) -> dict[str, Any]:
    at = trainer.at
    summary: dict[str, Any] = {
        "name": trainer.plan.name,
        "ended": finished or "stopped",
        "steps": at.step,
        "epochs": at.epoch + round(at.taken / trainer.epochs.usable, 6),
        "samples": {
            part: len(data.division.part(part)) for part in ("train", "validation", "test")
        },
        "seconds": round(trainer.seconds(), 3),
        "metrics": plain(trainer.figures),
    }
    for name in ("missing", "warnings"):
        told = trainer.folder.record["data"].get(name)
        if told:
            summary[name] = told
    summary["computed"] = computed(trainer)
    if trainer.watch is not None:
        best = trainer.watch.state()
        summary["best"] = {key: best[key] for key in ("monitor", "value", "step")}
    return summary


def computed(trainer: Trainer) -> dict[str, Any]:
    """How the steps were computed, in words, and what it brought where that was measured."""
    found: dict[str, Any] = {
        "in": str(trainer.choices),
        "gain": trainer.folder.record["choices"].get("gain"),
    }
    if trainer.step.scaler is not None:
        found["skipped"] = trainer.step.skipped_steps
    return found


def ending_text(summary: Mapping[str, Any]) -> str:
    """The summary in one line."""
    how = "stopped early" if summary["ended"] == "early_stopping" else "done"
    text = f"{how} after {summary['steps']:,} steps in {time_text(summary['seconds'])}"
    if summary.get("test"):
        text += f"; test part: {figures_text(summary['test'])}"
    return text
