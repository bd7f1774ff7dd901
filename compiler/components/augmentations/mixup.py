"""Blended pairs of samples."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.augmentations._mixing import Mixing
from dlc.compiler.record import component


@component
class Mixup(Mixing):
    """Blends every sample with another, pictures and targets alike.

        augment: mixup(0.2)

    x = share * x + (1 - share) * other, the share drawn from Beta(alpha, alpha), and the
    same for the targets: class numbers become a probability for each class, which
    `cross_entropy` takes; numbers are blended as they are (regression works). The other is
    the sample before it in the order of the epoch, with all changes that stand above.

    Arguments:
        alpha: the parameter of the Beta distribution of the shares; 1 makes all equally
            likely, less keeps most samples near one of the two
        p: the probability to blend a sample
        input: the input that is changed; where absent, the one that holds images

    Source: Zhang et al., "mixup: beyond empirical risk minimization" (2018).
    """

    name: ClassVar[str] = "mixup"
