"""The contrastive loss of CLIP."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.losses._embeddings import InBatchLoss
from dlc.compiler.record import component


@component
class InfoNceLoss(InBatchLoss):
    """The contrastive loss of two encoders, as CLIP has it.

        loss: info_nce_loss(image, text, temperature=0.07)

    Row i of one side shall be most like row i of the other: the mean of two cross entropies
    of the N x N cosines over `temperature`, along rows and along columns. It depends on what
    else is in the batch; on a part of the data it is measured in groups of 256 rows, in their
    order.

    Arguments:
        input1: the vectors of one side [N, D]
        input2: those of the other side
        temperature: what cosines are divided by

    Source: van den Oord et al., "Representation learning with contrastive predictive coding"
    (2018); Radford et al., "Learning transferable visual models from natural language
    supervision" (2021).
    """

    name: ClassVar[str] = "info_nce_loss"
    function: ClassVar[str] = "info_nce"
    helper: ClassVar[str] = '''\
def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Each vector tells its partner on the other side from all others of the batch."""
    cosines = F.normalize(a) @ F.normalize(b).T / temperature
    partners = torch.arange(len(a), device=a.device)
    return 0.5 * (F.cross_entropy(cosines, partners) + F.cross_entropy(cosines.T, partners))'''

    temperature: PositiveFloat = 0.07
