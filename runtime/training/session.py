"""A run from its folder to its summary: started, or gone on with."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from dlc.compiler.components.missing_labels import missing_labels
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.diagnostics.render.text import render_one
from dlc.compiler.version import VERSION
from dlc.runtime.data.columns import Array
from dlc.runtime.data.dataset import DataSet, prepare
from dlc.runtime.data.missing import Missing, missing_record, say_missing
from dlc.runtime.data.preprocessing import Preprocessing
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.skipping import say_skipped, skipped_record
from dlc.runtime.device import choose_device, describe
from dlc.runtime.failures import failure, shown
from dlc.runtime.training.assembly import Load, refuse_small, trainer_of
from dlc.runtime.training.balance import balanced
from dlc.runtime.training.checkpoint import Checkpoint
from dlc.runtime.training.conclusion import conclude, summary_of
from dlc.runtime.training.data_init import initialize_from_data
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.settling import told
from dlc.runtime.training.feature_cache import feed_features
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.run_folder import (
    MODULE,
    PREPROCESS,
    RESOLVED,
    RUN,
    RunFolder,
    abandon,
    create_run,
    resume_run,
    witness_run,
)
from dlc.runtime.training.samples import Samples
from dlc.runtime.training.signals import Stop, stop_on_signals
from dlc.runtime.training.storage import DISK, Disk
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.world import ALONE, World


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a session ended: the summary (as far as the run came), the exit code."""

    folder: Path
    summary: Mapping[str, Any]
    exit_code: int = 0
    signal: str = ""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run whose folder is there and locked, with all that its trainer is made of."""

    plan: Plan
    run: RunFolder
    data: DataSet
    device: torch.device

    def trainer(
        self,
        load: Load,
        progress: Progress,
        stop: Stop,
        world: World = ALONE,
        samples: Samples | None = None,
        choices: Choices | None = None,
    ) -> Trainer:
        """The trainer, with initial weights; `choices` None are those that the run settles."""
        return trainer_of(
            self.plan,
            self.run,
            self.data,
            load,
            progress,
            self.device,
            stop,
            world,
            samples,
            choices,
        )


def start(
    plan: Plan,
    folder: Path,
    *,
    spec: tuple[str, str],
    load: Load,
    progress: Progress,
    device: str = "auto",
    sets: Iterable[str] = (),
    disk: Disk = DISK,
    fitted: Preprocessing | None = None,
    data: DataSet | None = None,
    world: World = ALONE,
) -> Outcome:
    """Trains a new run. `spec` is the name and text of the spec as given; `load` makes a
    module of the plan's source; `fitted` is preprocessing that is not to be fitted to this run's
    rows; `data` are those of the plan, where they were read already. Raises `Failure`."""
    begun = begin(
        plan,
        folder,
        spec=spec,
        say=progress.say,
        device=device,
        sets=sets,
        disk=disk,
        fitted=fitted,
        data=data,
        world=world,
    )
    return _train(begun, load, progress, world)


def begin(
    plan: Plan,
    folder: Path,
    *,
    spec: tuple[str, str],
    say: Callable[[str], None],
    device: str = "auto",
    sets: Iterable[str] = (),
    disk: Disk = DISK,
    fitted: Preprocessing | None = None,
    data: DataSet | None = None,
    world: World = ALONE,
) -> Begun:
    """Makes the folder of a new run. Arguments are those of `start`; `data` is that of the plan,
    where it was read already. Raises `Failure`."""
    read = data
    warned: list[Diagnostic] = []
    where = world.device(choose_device(device))
    run = world.together(
        lambda: (
            create_run(folder, disk=disk) if world.leads else RunFolder(path=folder, writes=False)
        )
    )
    try:
        data = read or world.together(lambda: prepare_for(plan, fitted, say, warned))
        plan = balanced(plan, data, say)
        world.require_same(_identity(plan, data))
        refuse_small(plan, where, plan.data.batch_size, world)
        say_skipped(data, say)
        losses = [term.loss for term in plan.settings.loss]
        missing = missing_record(data, missing_labels(losses, plan.targets))
        say_missing(missing, say)
        files = {
            "spec" + Path(spec[0]).suffix: spec[1].encode(),
            RESOLVED: plan.resolved.encode(),
            MODULE: plan.source.encode(),
            **{f"{PREPROCESS}/{name}": c for name, c in data.preprocessing.files().items()},
        }
        record = {
            "dlc": VERSION,
            "spec": "spec" + Path(spec[0]).suffix,
            "name": plan.name,
            "digest": plan.digest,
            "graph_digest": plan.graph_digest,
            "root": Path(os.path.relpath(plan.root.resolve(), folder.resolve())).as_posix(),
            "arguments": {"spec": spec[0], "set": list(sets), "device": device},
            # What else the spec leaves open is settled when the network stands.
            "choices": {"device": where.type, "cached_features": plan.cached is not None},
            "ranks": world.size,
            "versions": versions() | dict(name.rsplit(" ", 1) for name in plan.packages),
            "data": _data_record(data, plan, missing, warned),
        }
        if plan.pretrained is not None:
            given = not plan.pretrained.named_in_spec
            record["transfer"] = {**plan.pretrained.record(), "given": given}
        world.together(lambda: run.commit(files, record))
    except BaseException:
        abandon(run)
        raise
    return Begun(plan=plan, run=run, data=data, device=where)


def resume(
    folder: Path,
    plan_from: Callable[[RunFolder], Plan],
    *,
    load: Load,
    progress: Progress,
    device: str | None = None,
    epochs: int | None = None,
    disk: Disk = DISK,
    world: World = ALONE,
) -> Outcome:
    """Goes on with a run from its newest whole checkpoint. `plan_from` compiles the resolved
    spec of the folder; nothing in the folder is executed. With `epochs` the run lasts so many
    in all, from then on, and goes on even where it has ended. Raises `Failure`."""
    begun = reopen(folder, plan_from, device=device, epochs=epochs, disk=disk, world=world)
    return _train(begun, load, progress, world)


def reopen(
    folder: Path,
    plan_from: Callable[[RunFolder], Plan],
    *,
    device: str | None = None,
    epochs: int | None = None,
    disk: Disk = DISK,
    world: World = ALONE,
) -> Begun:
    """Opens the folder of a run to go on with it. Arguments are those of `resume`."""
    run = world.together(
        lambda: resume_run(folder, disk=disk) if world.leads else witness_run(folder)
    )
    try:
        where = world.device(choose_device(device or run.record["arguments"]["device"]))
        plan, data = world.together(lambda: _as_begun(run, plan_from, epochs))
        world.require_same(_identity(plan, data))
        if epochs is not None:
            run.record["epochs"] = epochs
            world.together(lambda: run.write_json(RUN, run.record))
    except BaseException:
        run.close()
        raise
    return Begun(plan=plan, run=run, data=data, device=where)


def _as_begun(
    run: RunFolder, plan_from: Callable[[RunFolder], Plan], epochs: int | None
) -> tuple[Plan, DataSet]:
    """The plan and the data of a run that was begun, which must be what they were."""
    plan = plan_from(run)
    data = prepare_for(plan, run.preprocessing())
    # A member of several is compiled from the spec of all, which has no numbers yet.
    plan = lasting(balanced(plan, data), epochs or run.record.get("epochs"))
    if plan.source != run.module():
        written = run.record.get("dlc")
        raise failure(
            "E0613",
            f"`{shown(run.path / MODULE)}` is not what the resolved spec gives",
            notes=(f"the run was started by dlc {written}, this is {VERSION}",),
            help="go on with that version, or train again into another folder",
        )
    if data.sha256 != run.record["data"]["sha256"]:
        raise failure(
            "E0604",
            f"`{shown(data.path)}` is not the file that the run was started with",
            help="put that file back, or train again into another folder",
        )
    return plan, data


def _identity(plan: Plan, data: DataSet) -> dict[str, str]:
    """What all ranks of a run must agree in."""
    return {
        "the version of dlc": VERSION,
        "the version of torch": str(torch.__version__),
        "the digest of the spec": plan.digest[:16],
        "the hash of the data": data.sha256[:16],
    }


def lasting(plan: Plan, epochs: int | None) -> Plan:
    """The same plan over another number of epochs; the module does not depend on it."""
    if epochs is None:
        return plan
    train = replace(plan.settings.train, epochs=epochs, steps=None)
    return replace(plan, settings=replace(plan.settings, train=train))


def prepare_for(
    plan: Plan,
    fitted: Preprocessing | None = None,
    say: Callable[[str], None] | None = None,
    warned: list[Diagnostic] | None = None,
) -> DataSet:
    """The data of a plan, for training; `say` gets what must be told before it is read, and
    `warned` keeps it. Raises `Failure`."""

    def tell(found: Diagnostic) -> None:
        if warned is not None:
            warned.append(found)
        if say is not None:
            say(render_one(found, color=False, width=100))

    return prepare(
        plan.data,
        inputs=plan.inputs,
        targets=plan.targets,
        root=plan.root,
        preprocess=plan.settings.preprocess,
        bounds=plan.bounds,
        fitted=fitted,
        training=True,
        losses=[term.loss for term in plan.settings.loss],
        tell=tell,
    )


def _data_record(
    data: DataSet, plan: Plan, missing: Missing, warned: Sequence[Diagnostic]
) -> dict[str, Any]:
    path = os.path.relpath(data.path, plan.root.resolve())
    warnings = [
        {"code": d.code.number, "name": d.code.name, "message": d.message, "help": d.help}
        for d in warned
    ]
    return {
        **({"warnings": warnings} if warnings else {}),
        "path": Path(path).as_posix(),
        "sha256": data.sha256,
        "rows": len(data),
        "skipped": skipped_record(data),
        "missing": missing,
        "split": data.rule.record(),
        "parts": {part: len(data.division.part(part)) for part in ("train", "validation", "test")},
    }


def versions() -> dict[str, str]:
    import numpy
    import pyarrow

    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "pyarrow": pyarrow.__version__,
    }


def _train(begun: Begun, load: Load, progress: Progress, world: World) -> Outcome:
    plan, run, data = begun.plan, begun.run, begun.data
    try:
        with stop_on_signals() as asked:
            trainer = world.together(lambda: begun.trainer(load, progress, asked, world))
            stop = trainer.stop
            if not _restore(trainer, run, progress):
                initialize_run(trainer, data, run, progress)
                if run.record.get("transfer", {}).get("given"):
                    # Nothing keeps what a command named: the run must not need it again.
                    trainer.save()
            elif run.record.get("epochs") is not None:
                _prolong(trainer)
            began = f"training {plan.name} on {world.described(describe(begun.device))}: "
            began += f"in {told(run.record['choices'])}, "
            began += f"{trainer.epochs.count:,} samples, {trainer.total:,} steps"
            progress.say(began + (f", from step {trainer.at.step:,}" if trainer.at.step else ""))
            feed_features(trainer)
            trainer.run()
            if not trainer.finished:
                progress.say(
                    f"stopped by {stop.name} after step {trainer.at.step:,}; go on with "
                    f"`dlc train --resume {shown(run.path)}`"
                )
                summary = summary_of(trainer, data, finished="")
                return Outcome(
                    folder=run.path, summary=summary, exit_code=stop.exit_code, signal=stop.name
                )
            summary = conclude(trainer, run, data, progress)
            return Outcome(folder=run.path, summary=summary)
    except RuntimeError as error:
        raise world.lost(error) or error from None
    finally:
        run.close()


def initialize_run(trainer: Trainer, data: DataSet, run: RunFolder, progress: Progress) -> None:
    """`initialize` for a run; one that was stopped before its first checkpoint does it again,
    and begins as it began."""
    given = run.record.get("transfer", {}).get("given", False)
    if given and trainer.plan.pretrained is None:
        raise failure(
            "E0608",
            f"`{shown(run.path)}` was stopped before it had kept the weights it began with",
            help="train again into another folder",
        )
    sha256 = run.record["transfer"]["sha256"] if trainer.plan.pretrained is not None else None
    model = trainer.world.undivided(trainer.model)
    initialize(
        trainer.plan,
        model,
        trainer.samples,
        data,
        trainer.epochs.batch_size,
        progress.say,
        sha256=sha256,
    )
    trainer.world.begun(trainer.model, model)


def initialize(
    plan: Plan,
    model: torch.nn.Module,
    samples: Samples,
    data: DataSet,
    batch_size: int,
    say: Callable[[str], None],
    *,
    sha256: str | None = None,
) -> None:
    """What starts from trained weights and from data. `sha256` is what the file of the weights
    must still be."""
    loaded: frozenset[str] = frozenset()
    pretrained = plan.pretrained
    if pretrained is not None:
        taken = pretrained.load(model, sha256=sha256 or pretrained.record()["sha256"])
        loaded = taken.filled
        say(str(taken))
        for warning in taken.untied:
            say(f"warning: {warning.message}")
    initialize_from_data(
        model,
        plan,
        samples=samples,
        targets=_starting(plan, data),
        rows=data.division.train,
        batch_size=batch_size,
        say=say,
        loaded=loaded,
    )


def _starting(plan: Plan, data: DataSet) -> dict[str, Array]:
    """The targets that outputs start from."""
    names = {head.loss.names[1] for head in plan.heads}
    found = {name: data.arrays[name] for name in sorted(names) if name in data.arrays}
    return {name: values for name, values in found.items() if not isinstance(values, Ragged)}


def _restore(trainer: Trainer, run: RunFolder, progress: Progress) -> bool:
    """Goes back to the newest checkpoint; says whether there is one."""
    world = trainer.world

    def newest() -> Checkpoint | None:
        return run.checkpoints.load_newest(
            lambda problem: progress.say(
                f"{problem.diagnostic.message}; going on from an older one"
            )
        )

    found = world.together(lambda: newest() if world.leads else None)
    step = world.told(None if found is None else found.step)
    if step is not None:
        world.together(
            lambda: restore(trainer, run, run.checkpoints.load(step) if found is None else found)
        )
    trainer.cut_metrics()
    return step is not None


def restore(trainer: Trainer, run: RunFolder, checkpoint: Checkpoint) -> None:
    """Goes back to a checkpoint. Raises `Failure` E0608 for one of another network."""
    try:
        trainer.restore(checkpoint)
    except (ValueError, KeyError) as error:
        path = run.checkpoints.path(checkpoint.step)
        raise failure(
            "E0608",
            f"the checkpoint `{shown(path)}` does not fit: {error}",
            help="train again into another folder",
        ) from None


def _prolong(trainer: Trainer) -> None:
    """Lets a run that has ended go on to its new end. Raises `Failure` E0302 where that lies
    behind it."""
    done = trainer.at.step
    if done > trainer.total:
        epochs = done / trainer.epochs.steps
        raise failure(
            "E0302",
            f"the run has done {epochs:.3g} epochs, and is to last "
            f"{trainer.plan.settings.train.epochs} in all",
            help=f"`--epochs` counts from the start: give {math.ceil(epochs) + 1} or more",
        )
    if done < trainer.total and trainer.finished:
        trainer.finished = ""
        if trainer.watch is not None:
            trainer.watch.waited = 0
