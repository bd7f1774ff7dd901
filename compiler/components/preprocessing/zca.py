"""Whitening that stays as near to the data as it can."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import NumberStep
from dlc.compiler.components.preprocessing._projection import flat_size, projected
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import INT, TensorType
from dlc.compiler.record import component


@component
class Zca(NumberStep):
    """Makes numbers uncorrelated and of variance one, each staying as near itself as it can.

        preprocess: {image: [scale(1/255), zca(epsilon=0.01)]}

    y = (x - mean) U diag(1 / sqrt(v + epsilon)) Uᵀ, U and v the eigenvectors and eigenvalues
    of the covariance of the training part. Of all whitenings this one changes the samples
    least: a whitened image is still one. The matrix is as wide as a sample has numbers, and is
    stored with the model.

    Arguments:
        epsilon: what is added to the variances, so that those that are nearly nothing are not
            blown up

    Source: Bell and Sejnowski, "The 'independent components' of natural scenes are edge
    filters" (1997).
    """

    name: ClassVar[str] = "zca"
    statistics: ClassVar[tuple[str, ...]] = ("mean", "matrix")

    epsilon: NonNegative = 1e-5

    def infer(self, x: TensorType) -> TensorType:
        size = flat_size(self, x)
        if not isinstance(size, int) and x.rank > 2:
            raise ComponentError(
                "E0403",
                f"`zca` needs samples of one known size, and gets {x}",
                help="declare the input with numbers for all dims but the first",
            )
        return NumberStep.infer(self, x)

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        value = projected(b, "matrix")
        if x.rank == 2:
            return value
        sizes = [dim for dim in x.shape[1:] if isinstance(dim, int)]
        return b.node("Reshape", value, b.constant([-1, *sizes], INT))
