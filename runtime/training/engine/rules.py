"""What is chosen without measuring, and what is worth measuring.

What the spec states is never changed. The rest follows what was measured once: channels last
gains 13 to 23 % on CPUs and more on GPUs; bf16 doubles the speed of large networks and halves
that of tiny ones; compiling pays after minutes only.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from dlc.compiler.components.sections.train import Train
from dlc.runtime.training.engine.choices import Choices, Compiled, Precision
from dlc.runtime.training.engine.traits import Traits, has_fast_bf16

# Multiply-accumulates of a batch from which bf16 and, for images, channels last win. For products
# of matrices that lies between 0.5 million (x 0.63) and 20,000 million (x 2.0). LeNet, with 27
# million, gained by both on one processor (x 1.27) and lost on another (x 0.65).
_LARGE = 1_000_000_000
# Below this the overhead of each operation is what a step takes: one graph is twice as fast.
_TINY = 100_000_000


def settled(train: Train, traits: Traits, device: torch.device) -> Choices:
    """The choices by rule."""
    cuda = device.type == "cuda"
    return Choices(
        precision=_precision(train, traits, device),
        channels_last=(
            traits.images and traits.macs >= _LARGE
            if train.channels_last == "auto"
            else train.channels_last
        ),
        compile=_compiled(train),
        tf32=cuda and train.tf32 is not False,
        cuda_graphs=cuda and train.cuda_graphs is True,
        checkpointing=train.checkpointing is True,
    )


def alternatives(
    chosen: Choices, train: Train, traits: Traits, device: torch.device
) -> tuple[Choices, ...]:
    """Other choices that cost nothing to try, beside `chosen`."""
    if device.type not in ("cpu", "cuda"):
        return ()
    precisions: list[Precision] = [chosen.precision]
    if train.precision == "auto" and has_fast_bf16(device):
        precisions.append("float32" if chosen.precision == "bf16" else "bf16")
    lasts = [chosen.channels_last]
    if train.channels_last == "auto" and traits.images:
        lasts.append(not chosen.channels_last)
    found = [
        replace(chosen, precision=precision, channels_last=last)
        for precision in precisions
        for last in lasts
        # Convolutions in bf16 are made for channels that lie last.
        if last or not (traits.images and precision == "bf16")
    ]
    if train.cuda_graphs == "auto" and device.type == "cuda" and traits.alike:
        found += [replace(choice, cuda_graphs=True) for choice in found]
    return tuple(dict.fromkeys(c for c in found if c != chosen))


def compiled_form(
    best: Choices, train: Train, traits: Traits, *, blocks: bool, whole: bool
) -> Choices | None:
    """What compiling could be tried beside `best`; None where nothing is left to choose.
    `blocks` says whether the network has some, `whole` whether the step can be one graph."""
    if train.compile != "auto" or best.cuda_graphs or not traits.steady:
        return None
    if whole and traits.static and traits.macs < _TINY:
        return replace(best, compile="step")
    return replace(best, compile="blocks") if blocks or traits.static else None


def _precision(train: Train, traits: Traits, device: torch.device) -> Precision:
    if train.precision != "auto":
        return train.precision
    if not has_fast_bf16(device):
        return "float32"
    return "bf16" if traits.macs >= _LARGE else "float32"


def _compiled(train: Train) -> Compiled:
    match train.compile:
        case "auto" | False:
            return "no"
        case True:
            return "blocks"
        case "blocks" | "step":
            return train.compile
