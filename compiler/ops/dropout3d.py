"""`dropout3d`: random zeros for whole channels of volumes, while training."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._dropout import ChannelDropout
from dlc.compiler.record import component


@component
class Dropout3d(ChannelDropout):
    """Random zeros for whole channels of volumes, [N, C, D, H, W], while training.

        conv3d(64, 3, padding=1) -> relu -> dropout3d(0.2)

    Each channel of each sample becomes 0 with probability p; the others are divided by
    1 − p. Neighbours in a channel are alike, so that `dropout` of single numbers hides little.

    Source: Tompson et al., Efficient object localization using convolutional networks, 2015.
    """

    name: ClassVar[str] = "dropout3d"
    rank: ClassVar[int] = 3
    layout: ClassVar[str] = "[N, C, D, H, W]"
