"""Resizing of images."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.preprocessing._images import ImageStep
from dlc.compiler.record import component


@component
class Resize(ImageStep):
    """Scales images to a size, by antialiased bilinear interpolation.

        preprocess: {image: "resize(64, 64)"}

    With one number the shorter side gets that length and the picture keeps its form; a
    `center_crop` then gives all pictures one size.

    Arguments:
        height: the height in pixels, or the length of the shorter side
        width: the width in pixels
    """

    name: ClassVar[str] = "resize"
