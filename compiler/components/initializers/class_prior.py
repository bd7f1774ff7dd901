"""The initializer `class_prior`."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.initializers._targets import FromTargets
from dlc.compiler.record import component


@component
class ClassPrior(FromTargets):
    """Starts the bias of a classifier at the shares of the classes.

        layers: [{linear: {out_features: 10, bias_init: class_prior}, output: logits}]

    For classes of which one is right (`cross_entropy`, `nll_loss`) b = log p, p being the share
    of each class in the training part; for yes-or-no answers
    (`binary_cross_entropy_with_logits`) b = log(p / (1 - p)), p being the share of yes, for each
    answer its own. The network then begins by answering what is true on average: of all constant
    answers the one with the least loss. Where one sample in a thousand is positive the loss
    starts at 0.008 and not at 0.69, and the first steps are not spent on the bias.

    What the loss counts otherwise is counted so here: labels equal to `ignore_index` are left
    out, `weight` and `pos_weight` weigh, `label_smoothing` smooths, and float targets are
    probabilities. A class that the training part lacks counts as one sample, so that no
    bias is infinite.

    The target is the one that a loss compares the output with. `dlc train` sets the bias before
    the first step; the generated module alone starts at 0, since it has no data.

    Source: Lin et al., "Focal loss for dense object detection" (2017), section 4.1; Karpathy, "A
    recipe for training neural networks" (2019).
    """

    name: ClassVar[str] = "class_prior"
    rank_help: ClassVar[str] = "it is for the bias of an output: `bias_init=class_prior`"
    remark: ClassVar[str] = "`dlc train` starts it at the shares of the classes"
    losses: ClassVar[tuple[str, ...]] = (
        "cross_entropy",
        "binary_cross_entropy_with_logits",
        "nll_loss",
    )
