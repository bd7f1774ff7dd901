"""The trainer of a run, put together: network, samples, order, hooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Literal, cast

import numpy as np
import torch

from dlc.compiler.components.optimizers.newton import Newton
from dlc.runtime.augmentation.augmenter import Augmenter
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.splits import Rows
from dlc.runtime.failures import failure
from dlc.runtime.loading import model_class
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training import random_state
from dlc.runtime.training.attached import hooks_of
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.plan import Plan, monitors
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.samples import Epochs, Samples
from dlc.runtime.training.settled_run import settle_run
from dlc.runtime.training.signals import Stop
from dlc.runtime.training.stepping import Network
from dlc.runtime.training.streamed import StreamedSamples, samples_of
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.world import ALONE, World

Load = Callable[[str], ModuleType]


def build_model(module: ModuleType, seed: int) -> torch.nn.Module:
    """The network with its initial weights, which depend on the seed alone."""
    random_state.seed(seed)
    model = model_class(module)()
    if any(getattr(layer, "sparse", False) for layer in model.modules()):
        # Its default, said aloud: torch warns where nobody has decided it.
        torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    return model


def trainer_of(
    plan: Plan,
    run: RunFolder,
    data: DataSet,
    load: Load,
    progress: Progress,
    device: torch.device,
    stop: Stop,
    world: World = ALONE,
    samples: Samples | None = None,
    choices: Choices | None = None,
) -> Trainer:
    """The trainer of a run whose folder has its record; the weights are the initial ones.
    `samples` are those of the data, where they lie on the device already; `choices` are made
    for the run where it makes none itself. Raises `Failure`."""
    train = plan.settings.train
    module = load(plan.source)
    model = world.placed(build_model(module, train.seed), device, plan)
    world.draw_apart(train.seed)
    samples = samples or samples_for(plan, data, device)
    epochs = epochs_for(plan, data, samples)
    _refuse_unmonitored(plan, data)
    refuse_small(plan, device, epochs.batch_size, world)
    _refuse_apart(plan, world)
    samples.pad_alike = epochs.batch_size if world.size > 1 else None
    augmenter = augmenter_of(plan, data, samples)
    network = cast(Network, module)
    trainer = Trainer(
        plan=plan,
        model=model,
        network=network,
        samples=samples,
        epochs=epochs,
        validation=data.division.validation,
        row_numbers=data.rows,
        folder=run,
        progress=progress,
        stop=stop,
        choices=settle_run(
            plan, run, model, network, augmenter or samples, epochs, device, world, choices
        ),
        augmenter=augmenter,
        hooks=hooks_of(plan),
        labels=data.preprocessing.labels,
        world=world,
    )
    if isinstance(samples, StreamedSamples) and trainer.augmenter is None:
        samples.following = partial(_order_of, trainer)
    return trainer


def samples_for(plan: Plan, data: DataSet, device: torch.device) -> Samples:
    """The samples of a plan's data set where the network is."""
    return samples_of(
        data,
        inputs=[*plan.inputs],
        targets=[*plan.targets],
        device=device,
        on_host=plan.host_lengths,
        drawn=Drawn(draws=data.draws, seed=plan.settings.train.seed, shuffle=plan.data.shuffle)
        if data.draws is not None
        else None,
    )


def epochs_for(plan: Plan, data: DataSet, samples: Samples) -> Epochs:
    """The order in which the training part is gone through, and its batches."""
    train, batch = plan.settings.train, plan.data.batch_size
    # The first epoch stands for all: a schedule must know how many steps there are.
    count = samples.count(data.division.train, 0)
    return Epochs(
        data.division.train,
        batch_size=count if batch == "all" else min(batch, count),
        seed=train.seed,
        shuffle=plan.data.shuffle,
        accumulate=train.accumulate,
        batch_statistics=plan.batch_statistics,
        lengths=samples.lengths,
        classes=_balanced_classes(plan, data),
        samples=count,
        blocks=data.blocks,
    )


def refuse_small(
    plan: Plan, device: torch.device, batch_size: int | Literal["all"], world: World
) -> None:
    """Raises `Failure` E0636 where the ranks cannot share a batch."""
    if batch_size != "all":
        statistics = plan.batch_statistics and device.type != "cuda"
        world.refuse_small(batch_size, statistics=statistics)


def _refuse_apart(plan: Plan, world: World) -> None:
    """Second derivatives are taken from a rank's own samples, and no rank has all."""
    if world.size > 1 and isinstance(plan.settings.optimizer, Newton):
        raise failure(
            "E0311",
            f"`newton` takes its derivatives on one process, and these are {world.size}",
            help="train on one, or use `lbfgs`, whose gradients are exchanged",
        )


def _order_of(trainer: Trainer, epoch: int) -> Rows | None:
    """The order of an epoch, where the run comes to it."""
    epochs = trainer.epochs
    return epochs.order(epoch) if epoch * epochs.steps < trainer.total else None


def _balanced_classes(plan: Plan, data: DataSet) -> Rows | None:
    name = plan.data.balance
    if name is None:
        return None
    classes = data.arrays[name]
    if isinstance(classes, Ragged) or classes.ndim != 1 or classes.dtype.kind not in "iub":
        raise failure(
            "E0302",
            f"`data.balance: {name}` wants one class a row, and `{name}` is `{plan.targets[name]}`",
            help="name a target such as `int[N]`, or leave `balance` out",
        )
    return classes.astype(np.int64, copy=False)


def augmenter_of(plan: Plan, data: DataSet, samples: Samples) -> Augmenter | None:
    """What changes the training batches, where the spec asks for it. `samples` are those of
    the whole data set."""
    if not plan.data.augment:
        return None
    if data.unfinished:
        samples = samples_of(
            data,
            inputs=samples.inputs,
            targets=samples.targets,
            device=samples.device,
            on_host=plan.host_lengths,
            unfinished=True,
        )
    return Augmenter(
        plan.data.augment,
        samples,
        inputs=plan.inputs,
        targets=plan.targets,
        outputs=plan.outputs,
        losses=[term.loss for term in plan.settings.loss],
        unfinished=data.unfinished,
        seed=plan.settings.train.seed,
    )


def _refuse_unmonitored(plan: Plan, data: DataSet) -> None:
    """What follows a figure needs a part of the data to take it from."""
    for what, monitor in monitors(plan) if len(data.division.validation) == 0 else ():
        raise failure(
            "E0309",
            f"{what} `{monitor}`, and there is no validation part",
            help="give it a share: `data.split: {train: 0.8, validation: 0.2}`",
        )
