"""The focal loss of yes-or-no answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Fraction, Ge
from dlc.compiler.components.losses._pairwise import PairwiseLoss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class SigmoidFocalLoss(PairwiseLoss):
    """The focal loss of yes-or-no answers: what is already right counts little.

        loss: sigmoid_focal_loss(score, label, gamma=2.0)

    The mean of -a (1 - q)^gamma log q over all numbers, where q is the probability given to
    the right answer and a is `alpha` for yes, 1 - `alpha` for no. The loss applies the sigmoid
    itself.

    Arguments:
        input: the logits
        target: 0 or 1 for each logit
        alpha: the weight of yes; null for no weights
        gamma: how much less easy answers count; 0 is plain cross entropy

    Source: Lin et al., "Focal loss for dense object detection" (2017);
    torchvision.ops.sigmoid_focal_loss.
    """

    name: ClassVar[str] = "sigmoid_focal_loss"
    applies: ClassVar[Literal["", "softmax", "sigmoid"]] = "sigmoid"
    helper: ClassVar[str] = '''\
def sigmoid_focal(x: Tensor, target: Tensor, alpha: float | None, gamma: float) -> Tensor:
    """Cross entropy of yes-or-no answers, those that are right weighing little."""
    loss = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    wrong = 1 - torch.exp(-loss)
    if gamma != 0.0:
        loss = wrong**gamma * loss
    if alpha is not None:
        loss = (alpha * target + (1 - alpha) * (1 - target)) * loss
    return loss.mean()'''

    alpha: Fraction | None = 0.25
    gamma: Annotated[float, Ge(0)] = 2.0

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        if not types[self.target].dtype.is_float:
            target = f"{target}.to({x}.dtype)"
        return call("sigmoid_focal", [x, target, literal(self.alpha), literal(self.gamma)], {})
