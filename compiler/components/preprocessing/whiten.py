"""Principal components of variance one."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.preprocessing._projection import Components, ProjectionStep
from dlc.compiler.record import component


@component
class Whiten(ProjectionStep):
    """Gives the principal components, each divided by its standard deviation.

        preprocess: {measurements: [standardize, whiten]}

    y = (x - mean) U / sqrt(v + epsilon), U and v the eigenvectors and eigenvalues of the
    covariance of the training part, as in `pca`: uncorrelated numbers of variance one.
    Directions in which nothing varies are divided by 1, and so stay 0.

    Arguments:
        components: how many are kept, or, below 1, the share of the variance that the fewest
            kept must exceed; where absent, all
        epsilon: what is added to the variances, so that those that are nearly nothing are not
            blown up
    """

    name: ClassVar[str] = "whiten"
    statistics: ClassVar[tuple[str, ...]] = ("mean", "components")

    components: Components | None = None
    epsilon: NonNegative = 0.0

    @property
    def kept(self) -> int | float | None:
        return self.components
