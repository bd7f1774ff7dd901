"""The step of a network: its loss, optimizer and schedule, run as chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from dlc.runtime.training import optimizer_state
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.execution import Execution
from dlc.runtime.training.engine.graphed_step import GraphedStep
from dlc.runtime.training.engine.traits import is_static
from dlc.runtime.training.engine.whole_step import WholeStep, is_written_out
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.step import Step
from dlc.runtime.training.world import ALONE, World


class Network(Protocol):
    """What the generated module holds beside the class of the network; where the spec asks
    for them also `penalty(model)`, `constrain(model)`, `plateau(optimizer)`,
    `set_dropout(model, epoch)` and `freeze(model, epoch)`."""

    def loss(
        self, outputs: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor]
    ) -> torch.Tensor: ...

    def optimizer(self, model: torch.nn.Module) -> torch.optim.Optimizer: ...

    def schedule(
        self, optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int
    ) -> torch.optim.lr_scheduler.LRScheduler: ...

    def plateau(
        self, optimizer: torch.optim.Optimizer
    ) -> torch.optim.lr_scheduler.ReduceLROnPlateau: ...

    def set_dropout(self, model: torch.nn.Module, epoch: int) -> None: ...

    def freeze(self, model: torch.nn.Module, epoch: int = 0) -> None: ...


def whole_obstacle(
    plan: Plan, model: torch.nn.Module, network: Network, world: World = ALONE
) -> str | None:
    """Why a step cannot be compiled as a whole; None where it can."""
    if hasattr(network, "penalty"):
        return "penalties have a backward pass of their own"
    if (obstacle := graph_obstacle(plan, model, world)) is not None:
        return obstacle
    optimizer = network.optimizer(model)
    if not is_written_out(optimizer):
        return f"torch.compile does not write out `{type(optimizer).__name__}`"
    return None


def graph_obstacle(plan: Plan, model: torch.nn.Module, world: World = ALONE) -> str | None:
    """Why the passes of a step are not the same from batch to batch; None where they are."""
    settings = plan.settings
    if world.size > 1:
        return "several processes exchange gradients in it"
    if settings.train.on_nan == "skip":
        return "`on_nan: skip` decides in it whether to step"
    if settings.train.precision == "fp16":
        return "fp16 decides in it whether to step"
    if settings.optimizer is not None and settings.optimizer.closure:
        return f"`{settings.optimizer.name}` evaluates the loss as often as it likes"
    if plan.untrained:
        return "a layer leads to no loss"
    if not is_static(plan):
        return "sizes change from batch to batch"
    if settings.train.dropout:
        return "rates of dropout change"
    if settings.transfer is not None and settings.transfer.freeze:
        return "layers are frozen"
    if any(getattr(module, "sparse", False) for module in model.modules()):
        return "gradients are sparse"
    return None


def step_of(
    plan: Plan,
    model: torch.nn.Module,
    choices: Choices,
    *,
    network: Network,
    device: torch.device,
    total_steps: int,
    steps_per_epoch: int,
    world: World = ALONE,
) -> Step:
    """The step of a model whose weights lie on `device`, with an optimizer of its own."""
    execution = Execution(model, choices, device, static=is_static(plan))
    optimizer = network.optimizer(model)
    optimizer_state.use_fused(optimizer)
    kind: type[Step] = Step
    if choices.compile == "step":
        kind = WholeStep
    elif choices.compile == "no" and choices.cuda_graphs:
        kind = GraphedStep
    return kind(
        execution=execution,
        loss=world.counted(network.loss, plan),
        optimizer=optimizer,
        schedule=network.schedule(optimizer, total_steps, steps_per_epoch),
        train=plan.settings.train,
        penalty=getattr(network, "penalty", None),
        constrain=getattr(network, "constrain", None),
        batch_statistics=plan.batch_statistics,
        world=world,
    )
