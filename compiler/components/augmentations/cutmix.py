"""Pairs of samples pasted into each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dlc.compiler.components.augmentations._images import refuse_maps
from dlc.compiler.components.augmentations._mixing import Mixing
from dlc.compiler.components.augmentations.base import Types
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.record import component


@component
class Cutmix(Mixing):
    """Pastes a rectangle of another sample into every sample.

        augment: cutmix(1.0)

    The rectangle has a share of the area drawn from Beta(alpha, alpha) and a random place,
    cut at the border. Targets are blended by the area that each picture has in the end:
    class numbers become a probability for each class, which `cross_entropy` takes. The
    other is the sample before it in the order of the epoch.

    Arguments:
        alpha: the parameter of the Beta distribution of the shares; 1 makes all equally
            likely, less keeps most samples near one of the two
        p: the probability to paste into a sample
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.CutMix; Yun et al., "CutMix: regularization strategy
    to train strong classifiers with localizable features" (2019).
    """

    name: ClassVar[str] = "cutmix"

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        Mixing.check(self, inputs, targets, outputs, losses)
        refuse_maps(self, targets)
