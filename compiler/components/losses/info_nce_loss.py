"""The contrastive loss of CLIP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, PositiveFloat
from dlc.compiler.components.losses._embeddings import EmbeddingLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class InfoNceLoss(EmbeddingLoss):
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
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "batch"
    helper: ClassVar[str] = '''\
def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Each vector tells its partner on the other side from all others of the batch."""
    cosines = F.normalize(a) @ F.normalize(b).T / temperature
    partners = torch.arange(len(a), device=a.device)
    return 0.5 * (F.cross_entropy(cosines, partners) + F.cross_entropy(cosines.T, partners))'''

    input1: OutputName
    input2: OutputName
    temperature: PositiveFloat = 0.07

    @property
    def names(self) -> tuple[str, ...]:
        return (
            self.input1,
            self.input2,
        )

    def check(self, types: Mapping[str, TensorType]) -> None:
        self._vectors(types, "input1", "input2")

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        inputs = [value(name) for name in self.names]
        return call("info_nce", [*inputs, literal(self.temperature)], {})
