"""Blurred images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dlc.compiler.components.arguments import Fraction, Positive, PositiveFloat
from dlc.compiler.components.augmentations._images import require_ascending
from dlc.compiler.components.augmentations.base import Augmentation, Types, input_of
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.record import component


@component
class GaussianBlur(Augmentation):
    """Blurs images by a Gaussian bell.

        augment: gaussian_blur(5, sigma=[0.1, 2.0])

    The width of the bell is drawn evenly; pixels beyond the border are those within,
    mirrored.

    Arguments:
        kernel_size: the side of the window in pixels, odd
        sigma: the least and greatest deviation of the bell, in pixels
        p: the probability to blur an image
        input: the input that is changed; where absent, the one that holds images

    Source: torchvision.transforms.v2.GaussianBlur.
    """

    name: ClassVar[str] = "gaussian_blur"

    kernel_size: Positive = 5
    sigma: tuple[PositiveFloat, PositiveFloat] = keyword((0.1, 2.0))
    p: Fraction = keyword(1.0)

    def validate(self) -> None:
        require_ascending(self, "sigma")
        if self.kernel_size % 2 == 0:
            raise ComponentError(
                "E0302",
                f"a window of {self.kernel_size} pixels has no middle",
                blame="kernel_size",
                help=f"give an odd number, such as {self.kernel_size + 1}",
            )

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        declared = inputs[input_of(self, inputs)]
        reach = self.kernel_size // 2
        for side in declared.shape[2:]:
            if isinstance(side, int) and side <= reach:
                raise ComponentError(
                    "E0402",
                    f"a window of {self.kernel_size} reaches beyond the mirror image of a side "
                    f"of {side}, in {declared}",
                    blame="kernel_size",
                    help=f"give {2 * side - 1} at most",
                )
