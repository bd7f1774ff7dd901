"""A moving average that still holds the weights of the start.

Without its warm-up an average with decay d keeps d^n of the initial weights after n steps. Where
its window of 1 / (1 - d) steps is longer than the run that is more than a third, of weights that
know nothing. With the warm-up, the default, the window grows with the run and this cannot happen.
Remedy: the warm-up, or a smaller decay.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._sections import place
from dlc.compiler.lints._training import steps_of

CODE = code("W0149")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    average = compilation.settings.train.average
    if average is None or average.name != "ema" or getattr(average, "warmup", True):
        return
    decay, steps = float(getattr(average, "decay", 0.0)), steps_of(compilation.settings)
    span = place(compilation, "train", "average")
    if steps is None or span is None or steps * (1.0 - decay) >= 1.0:
        return
    yield Diagnostic(
        CODE,
        f"after {steps:,} steps {decay**steps:.0%} of the average are still the initial weights",
        Label(span),
        help="leave `warmup: false` out, or write a decay whose 1 / (1 - decay) is a tenth of "
        "the steps",
    )
