"""`dropout2d`: random zeros for whole channels of images, while training."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._dropout import ChannelDropout
from dlc.compiler.record import component


@component
class Dropout2d(ChannelDropout):
    """Random zeros for whole channels of images, [N, C, H, W], while training.

        conv2d(64, 3, padding=1) -> relu -> dropout2d(0.2)

    Each channel of each sample becomes 0 with probability p; the others are divided by
    1 − p. Neighbours in a channel are alike, so that `dropout` of single numbers hides little.

    Source: Tompson et al., Efficient object localization using convolutional networks, 2015.
    """

    name: ClassVar[str] = "dropout2d"
    rank: ClassVar[int] = 2
    layout: ClassVar[str] = "[N, C, H, W]"
