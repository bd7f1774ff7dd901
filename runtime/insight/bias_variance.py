"""Whether a network learns too little or too much of its training data, and what to try first.

The error that nobody could avoid is that of the best there is: a person, or the noise of the
labels (the Bayes error). What the training error has beyond it is bias, what the validation error
has beyond the training error is variance. Source: Ng, "Machine Learning Yearning" (2018), chapters
20 to 27; the order of the remedies is his.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlc.compiler import Compilation
from dlc.runtime.insight.errors import Errors, OfClasses

# Of all that is above the best error, a part that is worth the work.
_SHARE = 1 / 3
_DEVIATIONS = 2.0
_STILL_FALLING = 0.1
_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What to try, and why here; the first of a list before the others."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The errors of one output: `best` is that which nobody could avoid, `noise` how far the
    validation error would lie from this by chance (two standard errors), `unit` what errors are
    counted in. `cause` is `bias`, `variance`, `both` or `none`."""

    output: str
    unit: str
    best: float
    training: float
    validation: float
    noise: float
    cause: str
    remedies: tuple[Remedy, ...]

    @property
    def bias(self) -> float:
        return max(self.training - self.best, 0.0)

    @property
    def variance(self) -> float:
        return max(self.validation - self.training, 0.0)

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "output": self.output,
            "unit": self.unit,
            "best": self.best,
            "training": self.training,
            "validation": self.validation,
            "noise": self.noise,
            "bias": self.bias,
            "variance": self.variance,
            "cause": self.cause,
            "remedies": [vars(remedy) for remedy in self.remedies],
        }


def judge(
    training: Errors,
    validation: Errors,
    compilation: Compilation,
    *,
    best: float = 0.0,
    course: tuple[float, ...] = (),
    stopped: bool = False,
) -> Verdict:
    """The verdict on one output by its errors on rows of both parts. `best` is the error that
    nobody could avoid, in the same unit; `course` the validation losses of the run, which early
    stopping has `stopped`."""
    low, high = _error(training), _error(validation)
    noise = _noise(validation, high)
    bias, variance = max(low - best, 0.0), max(high - low, 0.0)
    gap = bias + variance
    causes = [
        name
        for name, size in (("bias", bias), ("variance", variance))
        if size > _SHARE * gap and size > (noise if name == "variance" else noise / 2)
    ]
    cause = "both" if len(causes) == 2 else causes[0] if causes else "none"
    remedies: list[Remedy] = []
    if "bias" in causes:
        remedies += _against_bias(compilation, course, stopped=stopped)
    if "variance" in causes:
        remedies += _against_variance(compilation)
    # What helps against both is named once, where it comes last.
    remedies = [r for k, r in enumerate(remedies) if r not in remedies[k + 1 :]]
    return Verdict(
        output=validation.output,
        unit="share of wrong answers"
        if isinstance(validation, OfClasses)
        else "root mean square error",
        best=best,
        training=low,
        validation=high,
        noise=noise,
        cause=cause,
        remedies=tuple(remedies),
    )


def _error(errors: Errors) -> float:
    return 1.0 - errors.accuracy if isinstance(errors, OfClasses) else errors.rmse


def _noise(errors: Errors, error: float) -> float:
    """Two standard errors: of a share as a binomial's, of a root mean square as a normal's."""
    if isinstance(errors, OfClasses):
        rows = max(int(errors.counts.sum()), 1)
        # Where none is wrong, one more row might be.
        share = min(max(error, 1.0 / rows), 1.0 - 1.0 / rows) if rows > 1 else 0.5
        return _DEVIATIONS * math.sqrt(share * (1.0 - share) / rows)
    return _DEVIATIONS * error / math.sqrt(2.0 * max(len(errors.points), 1))


def _against_bias(
    compilation: Compilation, course: tuple[float, ...], *, stopped: bool
) -> list[Remedy]:
    program = compilation.program
    found = [
        Remedy(
            what="a bigger network",
            why=f"{program.parameter_count:,} parameters do not even learn the rows they are "
            "shown: more units a layer, or more layers",
        )
    ]
    if _still_falls(course):
        found.insert(
            0,
            Remedy(
                what="train longer",
                why="the validation loss still fell by a tenth and more in the last fifth of the "
                "run: raise `train.epochs`, or look for a larger rate with `dlc lr-range`",
            ),
        )
    else:
        found.append(
            Remedy(
                what="train better",
                why="another rate (`dlc lr-range`), `adamw` for `sgd`, a warm-up and a decay: the "
                "loss stands still above what is possible",
            )
        )
    weakening = _regularized(compilation)
    if weakening:
        found.append(
            Remedy(
                what="less regularization",
                why=f"{', '.join(weakening)} keep the network from fitting what it is shown",
            )
        )
    if stopped:
        found.append(
            Remedy(what="more patience", why="early stopping may have ended the run too soon")
        )
    found.append(Remedy(what="another architecture", why=_architecture(compilation)))
    return found


def _against_variance(compilation: Compilation) -> list[Remedy]:
    settings = compilation.settings
    found = [
        Remedy(
            what="more data",
            why="it helps where the validation error still falls with the number of rows: "
            "`dlc learning-curve` tells",
        )
    ]
    kinds = _kinds(compilation)
    augment = settings.data.augment if settings.data is not None else ()
    if not augment and kinds & {"conv2d"}:
        found.append(
            Remedy(
                what="augmentation",
                why="shifts, flips, crops and colours are new pictures for nothing: "
                "`data.augment`; mixup and cutmix on top",
            )
        )
    regularized = _regularized(compilation)
    missing = [
        text
        for text, there in (
            ("dropout", any("dropout" in r for r in regularized)),
            ("weight decay", any("weight" in r or "l2" in r for r in regularized)),
            ("early stopping", settings.train.early_stopping is not None),
            ("label smoothing", any("smoothing" in r for r in regularized)),
        )
        if not there
    ]
    found.append(
        Remedy(
            what="more regularization",
            why=f"there is no {', no '.join(missing)} yet" if missing else "raise what there is",
        )
    )
    found.append(
        Remedy(
            what="an average",
            why="`train.average: ema` or an `ensemble` of seeds: the mean of several errs less "
            "than each",
        )
    )
    found.append(Remedy(what="another architecture", why=_architecture(compilation)))
    return found


def _still_falls(course: tuple[float, ...]) -> bool:
    if len(course) < 5:
        return False
    before, after = course[-max(len(course) // 5, 1) - 1], min(course[-max(len(course) // 5, 1) :])
    return before > 0 and (before - after) / before > _STILL_FALLING


def _regularized(compilation: Compilation) -> list[str]:
    settings = compilation.settings
    found = [kind for kind in sorted(_kinds(compilation)) if kind.startswith("dropout")][:1]
    decay = getattr(settings.optimizer, "weight_decay", 0.0)
    if decay:
        found.append(f"weight decay of {decay:g}")
    for name in ("l1", "l2", "max_norm"):
        value = getattr(settings.regularization, name, None)
        if value:
            found.append(f"{name} of {value:g}" if isinstance(value, float) else name)
    smoothing = [getattr(term.loss, "label_smoothing", 0.0) for term in settings.loss]
    if any(smoothing):
        found.append(f"label smoothing of {max(smoothing):g}")
    return found


def _kinds(compilation: Compilation) -> set[str]:
    return {node.kind for _, _, node in compilation.program.walk()}


def _architecture(compilation: Compilation) -> str:
    kinds = _kinds(compilation)
    if kinds.intersection(_CONVOLUTIONS):
        return "residual blocks and batch norm (`specs/resnet18.yaml`)"
    if kinds & {"lstm", "gru", "rnn"}:
        return "attention (`specs/transformer_block.yaml`), or a trained text model to start from"
    return (
        "one that knows how the inputs hang together: convolutions for pictures, recurrence or "
        "attention for sequences, norm layers for deep stacks"
    )


def lines(verdict: Verdict) -> list[str]:
    """The verdict for a terminal."""
    head = f"{verdict.output}: {verdict.unit}"
    figures: Mapping[str, float] = {
        "best there is": verdict.best,
        "training": verdict.training,
        "validation": verdict.validation,
    }
    found = [head, *(f"  {name:<14} {value:.4g}" for name, value in figures.items())]
    found.append(
        f"  bias {verdict.bias:.4g}, variance {verdict.variance:.4g}, "
        f"by chance up to {verdict.noise:.4g}"
    )
    if verdict.cause == "none":
        found.append("  neither is large beside what chance does: look at single errors instead")
    else:
        words = {"bias": "bias is", "variance": "variance is", "both": "bias and variance are"}
        found.append(f"  {words[verdict.cause]} what to work on; in this order:")
        found += [f"  {k}. {r.what}: {r.why}" for k, r in enumerate(verdict.remedies, 1)]
    return found
