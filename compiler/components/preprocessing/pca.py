"""Principal components."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._projection import Components, ProjectionStep
from dlc.compiler.record import component


@component
class Pca(ProjectionStep):
    """Gives the principal components: the directions in which the samples differ most.

        preprocess: {measurements: [standardize, pca(10)]}

    y = (x - mean) U, U the eigenvectors of the covariance of the training part, greatest
    variance first, each with the sign that makes its greatest entry positive. Features of
    different units want `standardize` first. The numbers of a sample, an image too, are taken
    as one row.

    Arguments:
        components: how many are kept, or, below 1, the share of the variance that the fewest
            kept must exceed; how many these are, training says where it differs from the
            input's declaration

    Source: Pearson, "On lines and planes of closest fit to systems of points in space" (1901).
    """

    name: ClassVar[str] = "pca"
    statistics: ClassVar[tuple[str, ...]] = ("mean", "components")

    components: Components

    @property
    def kept(self) -> int | float | None:
        return self.components
