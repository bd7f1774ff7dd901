"""The contrastive loss of SimCLR."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.losses._embeddings import InBatchLoss
from dlc.compiler.record import component


@component
class NtXentLoss(InBatchLoss):
    """The normalized, temperature-scaled cross entropy of SimCLR.

        loss: nt_xent_loss(view1, view2, temperature=0.5)

    Of the 2 N vectors of a batch each shall be most like its twin: the cross entropy of the
    cosines over `temperature`, the twin being the right class. It depends on what else is in
    the batch; on a part of the data it is measured in groups of 256 rows, in their order.

    Arguments:
        input1: the vectors of one view [N, D]
        input2: those of the other view, row by row of the same thing
        temperature: what cosines are divided by

    Source: Chen et al., "A simple framework for contrastive learning of visual
    representations" (2020).
    """

    name: ClassVar[str] = "nt_xent_loss"
    function: ClassVar[str] = "nt_xent"
    helper: ClassVar[str] = '''\
def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Each of 2 N vectors tells its twin from all others of the batch."""
    z = F.normalize(torch.cat([a, b]))
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    cosines = (z @ z.T / temperature).masked_fill(own, float("-inf"))
    twins = torch.arange(len(z), device=z.device).roll(len(a))
    return F.cross_entropy(cosines, twins)'''

    temperature: PositiveFloat = 0.5
