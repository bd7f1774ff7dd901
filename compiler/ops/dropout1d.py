"""`dropout1d`: random zeros for whole channels of sequences, while training."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._dropout import ChannelDropout
from dlc.compiler.record import component


@component
class Dropout1d(ChannelDropout):
    """Random zeros for whole channels of sequences, [N, C, L], while training.

        conv1d(64, 3, padding=1) -> dropout1d(0.2)

    Each channel of each sample becomes 0 with probability p; the others are divided by
    1 − p. Neighbours in a channel are alike, so that `dropout` of single numbers hides little.
    An embedding gives [N, T, C], where this would drop whole places of the text: bring the
    channels to dim 1 with `permute`.

    Source: Tompson et al., Efficient object localization using convolutional networks, 2015.
    """

    name: ClassVar[str] = "dropout1d"
    rank: ClassVar[int] = 1
    layout: ClassVar[str] = "[N, C, L]"
