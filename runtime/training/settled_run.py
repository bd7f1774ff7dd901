"""What a run settles for speed and memory, when it is new; a run that goes on takes it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch

from dlc.runtime.failures import failure
from dlc.runtime.training.engine.blocks import blocks_of
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.fitting import estimate_of, fitted, limit_of
from dlc.runtime.training.engine.rules import settled
from dlc.runtime.training.engine.settling import Settled, settle
from dlc.runtime.training.engine.traits import Traits, sizes_of, traits_of
from dlc.runtime.training.engine.trial import Trial
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.run_folder import RUN, RunFolder
from dlc.runtime.training.samples import Epochs, Rows, Take
from dlc.runtime.training.stepping import Network, graph_obstacle, step_of, whole_obstacle
from dlc.runtime.training.world import ALONE, World


class Source(Protocol):
    """What gives the batches of an order."""

    def in_order(self, rows: Rows, epoch: int, /) -> Take: ...


def settle_run(
    plan: Plan,
    run: RunFolder,
    model: torch.nn.Module,
    network: Network,
    source: Source,
    epochs: Epochs,
    device: torch.device,
    world: World = ALONE,
    given: Choices | None = None,
) -> Choices:
    """What the run settled when it was new; else `given`, or what is settled now, and written
    down. Raises `Failure` E0626 for a step that cannot be compiled as the spec says."""
    record = run.record["choices"]
    if "settled" in record:
        return Choices.of(record)
    if given is None:
        found = _settled(plan, model, network, source, epochs, device, world)
    else:
        found = Settled(choices=given, by="rule")
    run.record["choices"] = {**record, **world.told(found.record())}
    world.together(lambda: run.write_json(RUN, run.record))
    return Choices.of(run.record["choices"])


def _settled(
    plan: Plan,
    model: torch.nn.Module,
    network: Network,
    source: Source,
    epochs: Epochs,
    device: torch.device,
    world: World,
) -> Settled:
    obstacle = whole_obstacle(plan, model, network, world)
    if obstacle is not None and plan.settings.train.compile == "step":
        raise failure(
            "E0626",
            f"the step cannot be compiled as a whole: {obstacle}",
            help="write `train.compile: blocks`, or leave `compile` out",
        )
    unlike = graph_obstacle(plan, model, world)
    if unlike is not None and plan.settings.train.cuda_graphs is True and device.type == "cuda":
        raise failure(
            "E0626",
            f"the step cannot be recorded as a CUDA graph: {unlike}",
            help="leave `train.cuda_graphs` out",
        )
    if plan.cached is not None and plan.settings.train.precision == "auto":
        # Features that are computed once are those of validations too, which are in float32.
        train = replace(plan.settings.train, precision="float32")
        plan = replace(plan, settings=replace(plan.settings, train=train))
    openings = _openings(plan, model, source, epochs, device, world, alike=unlike is None)
    if world.size > 1 or plan.cached is not None:
        # A trial would have to be one of all ranks, and of what is left when features are kept.
        return Settled(choices=openings.by_rule(), by="rule")
    total = plan.settings.train.duration.in_steps(epochs.steps)
    trial = Trial(
        model=model,
        step_of=partial(
            step_of,
            plan,
            network=network,
            device=device,
            total_steps=total,
            steps_per_epoch=epochs.steps,
        ),
        take=openings.take,
        epochs=epochs,
        device=device,
        total=total,
    )
    return settle(plan, model, openings.traits, trial, whole=obstacle is None, adapt=openings.adapt)


def choices_by_rule(
    plan: Plan, model: torch.nn.Module, source: Source, epochs: Epochs, device: torch.device
) -> Choices:
    """What is chosen for a run that is too short to measure anything."""
    return _openings(plan, model, source, epochs, device, ALONE, alike=False).by_rule()


@dataclass(frozen=True, kw_only=True)
class _Openings:
    """What a run begins with: its first batches, and what they say."""

    take: Take
    traits: Traits
    adapt: Callable[[Choices], Choices]
    rule: Choices

    def by_rule(self) -> Choices:
        return self.adapt(self.rule)


def _openings(
    plan: Plan,
    model: torch.nn.Module,
    source: Source,
    epochs: Epochs,
    device: torch.device,
    world: World,
    *,
    alike: bool,
) -> _Openings:
    take = source.in_order(epochs.order(0), 0)
    inputs, _ = take(0, min(epochs.batch_size, epochs.usable))
    traits = traits_of(plan, model, inputs, epochs.batch_size, alike=alike)
    adapt = partial(
        _adapted,
        plan=plan,
        model=model,
        sizes=sizes_of(plan.inputs, inputs),
        batch_size=epochs.batch_size,
        device=device,
        world=world,
    )
    rule = settled(plan.settings.train, traits, device)
    return _Openings(take=take, traits=traits, adapt=adapt, rule=rule)


def _adapted(
    choices: Choices,
    *,
    plan: Plan,
    model: torch.nn.Module,
    sizes: Mapping[str, int],
    batch_size: int,
    device: torch.device,
    world: World,
) -> Choices:
    """The choices for the memory that there is, and for parameters that are divided."""
    train = plan.settings.train
    if world.in_step and train.channels_last == "auto":
        choices = replace(choices, channels_last=False)
    estimate, limit = estimate_of(plan, sizes, device), limit_of(train, device)
    if estimate is None or limit is None:
        return choices
    found = fitted(
        choices,
        estimate,
        limit,
        -(-batch_size // world.size),
        least=2 if plan.batch_statistics else 1,
        checkpointing=train.checkpointing == "auto" and bool(blocks_of(model)),
    )
    if found.micro_batch is None or world.size == 1:
        return found
    return replace(found, micro_batch=found.micro_batch * world.size)
