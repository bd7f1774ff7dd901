"""How many samples are computed at once, so that a step fits the memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from dlc.compiler.analysis.memory import memory
from dlc.compiler.components.sections.train import Train
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.graph import Program
from dlc.runtime.data.memory import available_bytes
from dlc.runtime.device import free_bytes
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.plan import Plan

# What allocators round up and libraries keep, over the live bytes of tensors.
_ROUNDED = 1.1

#: The bytes of a step over so many samples.
Estimate = Callable[[int, Choices], int]


def estimate_of(plan: Plan, sizes: Mapping[str, int], device: torch.device) -> Estimate | None:
    """The estimate for a plan, with the sizes that its batches have; None where the compiler
    knows too little of the network."""
    program = plan.program
    if program is None:
        return None

    def estimate(samples: int, choices: Choices) -> int:
        found = _memory(plan, program, sizes, device, samples, choices)
        return round(_ROUNDED * found)

    try:
        estimate(1, Choices())
    except DiagnosticError:
        return None
    return estimate


def limit_of(train: Train, device: torch.device) -> int | None:
    """The bytes that training may use: those of the spec, else all that are free."""
    if train.memory is not None:
        return int(train.memory)
    return available_bytes() if device.type == "cpu" else free_bytes(device)


def fitted(
    choices: Choices,
    estimate: Estimate,
    limit: int,
    batch_size: int,
    *,
    least: int,
    checkpointing: bool,
) -> Choices:
    """The choices with the greatest part of a batch, by halves, whose step stays below `limit`.
    Checkpoints are taken where even `least` samples would not, and `checkpointing` allows it;
    where nothing does, `least` samples are tried."""
    options = [choices]
    if checkpointing and not choices.checkpointing:
        options.append(replace(choices, checkpointing=True))
    for option in options:
        samples = batch_size
        while estimate(samples, option) > limit and samples > least:
            samples = max(-(-samples // 2), least)
        if estimate(samples, option) <= limit:
            break
    return replace(option, micro_batch=samples if samples < batch_size else None)


def _memory(
    plan: Plan,
    program: Program,
    sizes: Mapping[str, int],
    device: torch.device,
    samples: int,
    choices: Choices,
) -> int:
    return memory(
        program,
        plan.settings,
        batch=samples,
        dims=sizes,
        autocast=choices.precision != "float32",
        checkpoint=choices.checkpointing,
        accelerator=device.type != "cpu",
    ).training
