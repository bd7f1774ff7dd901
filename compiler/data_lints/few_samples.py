"""Far more parameters than samples, and nothing that holds them back.

A network with many more weights than there are answers to learn from can give every training
sample its answer by heart (Zhang et al., "Understanding deep learning requires rethinking
generalization", 2017). What keeps it from that is decay, dropout, noise, augmentation, an
early end, or weights that were trained on other data. A hundred parameters a sample without
any of these learn the training part and little else. Remedy: one of them, a smaller network, or
more data.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.data_profile import DataProfile
from dlc.compiler.analysis.parameter_groups import dropouts
from dlc.compiler.compilation import Compilation
from dlc.compiler.data_lints.base import Finding, counted
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.ir.types import TensorType

CODE = code("W0214")

_MANY = 100


def check(compilation: Compilation, profile: DataProfile) -> Iterator[Finding]:
    settings, program = compilation.settings, compilation.program
    samples, parameters = profile.parts.get("train", 0), program.parameter_count
    optimizer, data, train = settings.optimizer, settings.data, settings.train
    if optimizer is None or data is None or not samples or parameters < _MANY * samples:
        return
    # A sample of these is a window or a word, of which a row has many.
    if data.objective is not None or any(_has_many(t) for _, t in program.targets):
        return
    held = (
        bool(optimizer.decay),
        settings.regularization is not None,
        settings.transfer is not None,
        train.early_stopping is not None,
        train.average is not None,
        bool(data.augment),
        bool(dropouts(program)),
    )
    if any(held):
        return
    yield Finding(
        code=CODE,
        message=f"{parameters:,} parameters learn from {counted(samples, 'sample')}, and nothing "
        "holds them back",
        help="stop early (`train: {early_stopping: {patience: 5}}`), use dropout or "
        "`weight_decay`, or a smaller network",
        numbers={"parameters": parameters, "samples": samples},
    )


def _has_many(target: TensorType) -> bool:
    return any(size != 1 for size in target.shape[1:])
