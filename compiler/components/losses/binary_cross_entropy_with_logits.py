"""Binary cross entropy over logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, PositiveFloat, TargetName
from dlc.compiler.components.comparison import Pair, check_weights
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class BinaryCrossEntropyWithLogits(Loss):
    """The cross entropy of yes-or-no answers, each on its own.

        loss: binary_cross_entropy_with_logits(score, label)

    The mean of -t log s(x) - (1 - t) log(1 - s(x)) over all numbers, s being the sigmoid,
    which the loss applies itself: give it the plain result of a linear layer. For several
    answers of which exactly one is right use `cross_entropy`.

    Arguments:
        input: the logits
        target: 0 or 1, or a probability, for each logit; int and bool are taken too
        pos_weight: a factor on the positive answers, one number or one for each of the last
            dim; `balanced` is that of the training part, negative / positive answers, for each
            answer of a target [N, K], else for all together

    Source: torch.nn.functional.binary_cross_entropy_with_logits.
    """

    name: ClassVar[str] = "binary_cross_entropy_with_logits"
    neutral: ClassVar[float | None] = -200.0
    applies: ClassVar[Literal["", "softmax", "sigmoid"]] = "sigmoid"
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"

    input: OutputName
    target: TargetName
    pos_weight: tuple[PositiveFloat, ...] | Literal["balanced"] | None = None

    @property
    def balanced(self) -> bool:
        return self.pos_weight == "balanced"

    @property
    def factors(self) -> tuple[float, ...] | None:
        """The factors on positive answers; None where they are 1, as they are until data is
        read."""
        return None if isinstance(self.pos_weight, str) else self.pos_weight

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target)

    def check(self, types: Mapping[str, TensorType]) -> None:
        x, t = types[self.input], types[self.target]
        pair = Pair(self.name, self.input, x, self.target, t)
        pair.float_input()
        if t.dtype.value != "bool":
            pair.numeric_target()
        pair.same_shape()
        if self.factors is not None and len(self.factors) != 1:
            answers = x.shape[-1] if x.rank > 1 else 1
            check_weights(self.name, self.factors, answers, argument="pos_weight")

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        if not types[self.target].dtype.is_float:
            target = f"{target}.to({x}.dtype)"
        keywords = {}
        if self.factors is not None:
            keywords["pos_weight"] = f"{x}.new_tensor({literal(list(self.factors))})"
        return call("F.binary_cross_entropy_with_logits", [x, target], keywords)
