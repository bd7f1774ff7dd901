"""Training batches with their augmentations.

Augmentation stands between taking a batch and the network. It is a function of the seed,
the epoch and the samples: a run that is resumed, and any number of processes, see the
pictures that one run without a break would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dlc.compiler.components.augmentations._mixing import soft_classes
from dlc.compiler.components.augmentations.base import Augmentation, input_of, moved_along
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.ir.types import TensorType
from dlc.runtime.augmentation.base import Picture, column, kernel_of
from dlc.runtime.augmentation.draws import Draws, Indices, Numbers
from dlc.runtime.augmentation.finishing import Finish
from dlc.runtime.augmentation.places import Unfinished
from dlc.runtime.training.samples import Batch, Rows, Samples, Take

Tensors = dict[str, torch.Tensor]
Types = Mapping[str, TensorType]


@dataclass(frozen=True, kw_only=True)
class _Work:
    """One augmentation, the input that it changes, the targets that move along."""

    step: Augmentation
    input: str
    moved: tuple[str, ...]


class Augmenter:
    """Gives the batches of `samples` changed by `steps`. `samples` hold the inputs named in
    `unfinished` as those have them; the rest of their preprocessing is done here."""

    def __init__(
        self,
        steps: Sequence[Augmentation],
        samples: Samples,
        *,
        inputs: Types,
        targets: Types,
        outputs: Types,
        losses: Sequence[Loss],
        unfinished: Mapping[str, Unfinished],
        seed: int,
    ) -> None:
        self.samples = samples
        self.seed = seed
        self.targets = targets
        self.mixed = sum(step.mixes for step in steps)
        self.white = {name: found.white for name, found in unfinished.items()}
        self.work = [
            _Work(
                step=step,
                input=name,
                moved=moved_along(step, inputs[name], targets) if step.moves else (),
            )
            for step in steps
            for name in [input_of(step, inputs)]
        ]
        self.finish = {
            name: Finish(found, getattr(torch, inputs[name].dtype.value), samples.device)
            for name, found in unfinished.items()
        }
        mixing = next((step.name for step in steps if step.mixes), "")
        self.classes = {
            name: soft_classes(mixing, name, targets, outputs, losses)
            for name, type in targets.items()
            if mixing and not type.dtype.is_float
        }

    def in_order(self, order: Rows, epoch: int, *, finish: bool = True) -> Take:
        """Batches of the given rows, in that order, as they are in that epoch; without
        `finish` inputs are left as augmentation leaves them, for looking at."""
        # A sample is mixed with the one before it; before the first stands the last.
        before = order[np.arange(-self.mixed, 0) % len(order)]
        wide = np.concatenate((before, order))
        take = self.samples.in_order(wide)

        def augmented(start: int, stop: int) -> Batch:
            inputs, targets = take(start, stop + self.mixed)
            rows = wide[start : stop + self.mixed]
            return self.batch(inputs, targets, epoch, rows, finish=finish)

        return augmented

    def batch(
        self,
        inputs: Tensors,
        targets: Tensors,
        epoch: int,
        rows: Indices,
        *,
        finish: bool = True,
    ) -> Batch:
        """The samples with the numbers `rows` after all augmentations. The first ones, as
        many as there are augmentations that mix, serve as partners only."""
        inputs, targets = dict(inputs), dict(targets)
        for name in self.finish:
            if not inputs[name].is_floating_point():
                inputs[name] = inputs[name].float()
        for place, work in enumerate(self.work):
            if work.step.mixes:
                rows = rows[1:]
                draws = Draws(self.seed, epoch, place, rows)
                self._mix(work, draws, inputs, targets)
            else:
                draws = Draws(self.seed, epoch, place, rows)
                self._change(work, draws, inputs, targets)
        if finish:
            inputs |= {name: rest(inputs[name]) for name, rest in self.finish.items()}
        return inputs, targets

    def _change(self, work: _Work, draws: Draws, inputs: Tensors, targets: Tensors) -> None:
        kernel = kernel_of(work.step)
        x = inputs[work.input]
        drawn = kernel.draw(work.step, draws, tuple(x.shape[1:]))
        white = self.white.get(work.input, 1.0)
        inputs[work.input] = kernel.apply(work.step, Picture(x=x, white=white), drawn)
        for name in work.moved:
            target = targets[name]
            classes = not target.is_floating_point()
            planes = target if target.dim() == 4 else target.unsqueeze(1)
            picture = Picture(x=planes.float(), classes=classes)
            moved = kernel.apply(work.step, picture, drawn)
            targets[name] = moved.view(*target.shape[:-2], *moved.shape[-2:]).to(target.dtype)

    def _mix(self, work: _Work, draws: Draws, inputs: Tensors, targets: Tensors) -> None:
        kernel = kernel_of(work.step)
        x = inputs[work.input]
        drawn = kernel.draw(work.step, draws, tuple(x.shape[1:]))
        shares: Numbers = kernel.shares(drawn)
        for name in inputs:
            inputs[name] = (
                kernel.mix(work.step, x, drawn) if name == work.input else inputs[name][1:]
            )
        for name, target in targets.items():
            if not target.is_floating_point():
                one_hot = torch.nn.functional.one_hot(target, self.classes[name])
                target = one_hot.to(torch.float32)
            share = column(shares, target)
            targets[name] = target[1:] * share + target[:-1] * (1.0 - share)

    def plain(self, targets: Tensors) -> Tensors:
        """Targets with class numbers where mixing made probabilities: those of the larger
        share, for metrics."""
        return {
            name: value.argmax(1) if name in self.classes else value
            for name, value in targets.items()
        }
