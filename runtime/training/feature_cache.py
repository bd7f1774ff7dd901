"""Features of a frozen trunk, computed once, and the rest of the network trained on them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from dlc.compiler.codegen.torch_parts import FrozenParts, frozen_parts
from dlc.compiler.compilation import Compilation
from dlc.runtime.data.columns import Array
from dlc.runtime.data.memory import available_bytes
from dlc.runtime.failures import Failure, failure
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.training.samples import Rows, Samples

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer

_BATCH = 256
_SHARE_OF_MEMORY = 0.5
# Sums of float32 in another order; what mixes rows differs by far more.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4


@dataclass(frozen=True, kw_only=True)
class CachedFeatures:
    """What of a network is computed once, and whether the spec insists on it."""

    parts: FrozenParts
    wanted: bool


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What is trained in place of the whole network, on what in place of the samples."""

    model: nn.Module
    samples: Samples


def features_of(compilation: Compilation) -> CachedFeatures | None:
    """What of a network can be computed once, where the spec allows it. Raises `Failure` E0709
    where the spec asks for it and there is nothing."""
    transfer = compilation.settings.transfer
    if transfer is None or not transfer.freeze or transfer.cache is False:
        return None
    wanted = transfer.cache is True
    parts = frozen_parts(compilation)
    if parts is None and wanted:
        raise _refused("no layer is frozen for good with nothing trained or random before it")
    return None if parts is None else CachedFeatures(parts=parts, wanted=wanted)


def feed_features(trainer: Trainer) -> None:
    """Computes the features of a trainer's samples, with the weights that it has now, and lets
    it train and validate the rest on them. Where that cannot be, nothing is changed, and one
    line says why. Raises `Failure` E0709 where the spec insists."""
    cached = trainer.plan.cached
    if cached is None:
        return
    reason = _obstacle(trainer)
    if not reason:
        fed = _Maker(trainer, cached.parts).fed()
        if isinstance(fed, Fed):
            trainer.feed(fed)
            return
        reason = fed
    if cached.wanted:
        raise _refused(reason)
    trainer.progress.say(f"the frozen layers are computed in every epoch: {reason}")


def _refused(reason: str) -> Failure:
    return failure(
        "E0709",
        f"`transfer.cache: true`, and features cannot be kept: {reason}",
        help="leave `cache` out: frozen layers are then computed in every epoch",
    )


def _obstacle(trainer: Trainer) -> str:
    """Why the features of a run are not the same in every epoch, or cannot be kept."""
    plan, samples = trainer.plan, trainer.samples
    cached = plan.cached
    assert cached is not None
    if trainer.augmenter is not None:
        return "`data.augment` changes what they are given"
    if trainer.world.size > 1:
        return "the run is on several processes"
    if trainer.choices.precision != "float32":
        return f"steps are in {trainer.choices.precision}, and validations are not"
    # Of the whole run: one that is resumed must go on as it began.
    if trainer.total <= trainer.epochs.steps:
        return "the run has one epoch"
    if not samples.rows_alone:
        return "samples differ in length, are read from a file, or are drawn anew"
    return ""


class _Maker:
    def __init__(self, trainer: Trainer, parts: FrozenParts) -> None:
        self.trainer = trainer
        self.parts = parts
        self.trunk = self._part(parts.trunk)
        self.head = self._part(parts.head)

    def _part(self, source: str) -> nn.Module:
        """A part of the network, made of its submodules."""
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            part = model_class(load_module(source))()
        _share(part, self.trainer.model)
        return part

    def fed(self) -> Fed | str:
        """What is trained on, or why there is none."""
        trainer, parts = self.trainer, self.parts
        samples = trainer.samples
        rows = np.concatenate([trainer.epochs.rows, trainer.validation])
        began = time.perf_counter()
        modes = [(module, module.training) for module in self.trunk.modules()]
        self.trunk.eval()
        try:
            with torch.no_grad():
                first = self._features(rows[: min(_BATCH, len(rows))])
                if not self._alone(rows, first):
                    return "what they give for a sample depends on the others of its batch"
                per_row = sum(math.prod(f.shape[1:]) * f.element_size() for f in first.values())
                count = samples.rows_count
                free = available_bytes()
                if free is not None and count * per_row > free * _SHARE_OF_MEMORY:
                    return f"{_size(count * per_row)} of features do not fit into memory"
                arrays = self._computed(rows, first, count)
        finally:
            for module, training in modes:
                module.training = training
        others = samples.arrays(
            [*(n for n in parts.taken if n in samples.inputs), *samples.targets]
        )
        kept = Samples(
            {**others, **arrays},
            inputs=parts.taken,
            targets=samples.targets,
            device=samples.device,
        )
        seconds = time.perf_counter() - began
        size = sum(array.nbytes for array in arrays.values())
        count = len(parts.layers)
        trainer.progress.say(
            f"{count} frozen layer{'' if count == 1 else 's'} computed once, up to "
            f"`{parts.layers[-1]}`: {_size(size)} of features in {seconds:.2g} s; an epoch trains "
            "the rest"
        )
        return Fed(model=self.head, samples=kept)

    def _features(self, rows: Rows) -> dict[str, torch.Tensor]:
        given, _ = self.trainer.samples.in_order(rows)(0, len(rows))
        found: dict[str, torch.Tensor] = self.trunk(
            **{name: given[name] for name in self.parts.inputs}
        )
        return found

    def _alone(self, rows: Rows, first: dict[str, torch.Tensor]) -> bool:
        """Whether a sample has the same features in other company."""
        size = min(_BATCH, len(rows))
        few = max(size // 2, 1)
        again = self._features(rows[:few][::-1])
        return all(
            len(values) == size
            and len(again[name]) == few
            and torch.allclose(
                again[name].flip(0).float(),
                values[:few].float(),
                rtol=_RELATIVE,
                atol=_ABSOLUTE * max(float(values.abs().max()), 1e-12)
                if values.is_floating_point()
                else 0.0,
            )
            for name, values in first.items()
        )

    def _computed(self, rows: Rows, first: dict[str, torch.Tensor], count: int) -> dict[str, Array]:
        """The features of the given rows at their places; nothing reads the other places."""
        arrays: dict[str, Array] = {
            name: np.zeros((count, *values.shape[1:]), values.cpu().numpy().dtype)
            for name, values in first.items()
        }
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            for name, values in self._features(part).items():
                arrays[name][part] = values.cpu().numpy()
        return arrays


def _share(part: nn.Module, whole: nn.Module) -> None:
    """Puts the submodules and tensors of a network in place of those of a part of it."""
    for name, module in part.named_children():
        own = whole.get_submodule(name)
        if isinstance(module, nn.ModuleList | nn.ModuleDict):
            _share(module, own)
        else:
            part._modules[name] = own
    for name in part._parameters:
        part._parameters[name] = whole._parameters[name]
    for name in part._buffers:
        part._buffers[name] = whole._buffers[name]


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
