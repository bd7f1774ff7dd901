"""A target far from zero, of an output that starts at zero.

An untrained network answers about 0. Where the target is about 200,000 the first loss is the
square of that, its gradients are as large, and by `adam` the bias moves by no more than `lr` a
step: 200 million steps at 1e-3. Remedy: a bias that starts at the mean of the target
(`bias_init: target_mean`), or a target that is brought to a mean of 0 by `standardize`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.data_profile import DataProfile
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.initializers.target_mean import TargetMean
from dlc.compiler.data_lints.base import Finding, figure
from dlc.compiler.diagnostics.catalog import code

CODE = code("W0212")

_FAR = 10.0
_SPREADS = 2.0


def check(compilation: Compilation, profile: DataProfile) -> Iterator[Finding]:
    settings = compilation.settings
    if settings.data is not None and settings.data.objective is not None:
        return
    if any(p.is_bias and _starts_somewhere(p.initializer) for _, p in
           compilation.program.parameters()):  # fmt: skip
        return
    for column in profile.columns:
        spread = column.spread
        losses = [
            term.loss
            for term in settings.loss
            if term.loss.name in TargetMean.losses and column.of in term.loss.names
        ]
        if not column.target or spread is None or not losses:
            continue
        if settings.preprocess.get(column.of):
            continue
        if any(column.of in head.loss.names for head in compilation.heads):
            continue
        if abs(spread.mean) < max(_FAR, _SPREADS * spread.std):
            continue
        mean = float(f"{spread.mean:.3g}")
        yield Finding(
            code=CODE,
            message=f"`{column.name}` is about {figure(mean)}, and an untrained network answers 0",
            about=column.of,
            notes=(f"its standard deviation is {figure(float(f'{spread.std:.3g}'))}",),
            help="`bias_init: target_mean` in the last layer starts at the mean",
            numbers={"mean": spread.mean, "std": spread.std},
        )


def _starts_somewhere(initializer: object | None) -> bool:
    return getattr(initializer, "name", "") == "constant"
