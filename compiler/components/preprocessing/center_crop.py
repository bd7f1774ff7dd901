"""Cropping of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._images import ImageStep
from dlc.compiler.record import component


@component
class CenterCrop(ImageStep):
    """Cuts the middle out of images.

        preprocess: {image: [resize(256), center_crop(224)]}

    A picture that is smaller is surrounded by zeros.

    Arguments:
        height: the height in pixels
        width: the width in pixels; where absent, the height
    """

    name: ClassVar[str] = "center_crop"
