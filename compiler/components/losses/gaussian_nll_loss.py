"""The Gaussian likelihood, with a variance that is learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.arguments import OutputName, PositiveFloat, TargetName
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class GaussianNllLoss(Loss):
    """The negative log likelihood of numbers around which the network gives a variance too.

        loss: gaussian_nll_loss(mean, value, variance)

    The mean of 0.5 (log v + (x - t)^2 / v) over all numbers, where v is at least `eps`. End
    the variance in `softplus` or `exp`: it must be positive.

    Arguments:
        input: the expected numbers
        target: the numbers, of the same shape
        var: the output that is their variance, of the same shape
        full: add 0.5 log(2 pi), which changes no gradient
        eps: the least variance

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability
    distribution" (1994); torch.nn.functional.gaussian_nll_loss.
    """

    name: ClassVar[str] = "gaussian_nll_loss"
    divides_by: ClassVar[Literal["samples", "labels", "batch"]] = "samples"
    # torch's own asks the device on every call whether a variance is negative.
    helper: ClassVar[str] = '''\
def gaussian_nll(x: Tensor, target: Tensor, var: Tensor, eps: float) -> Tensor:
    """F.gaussian_nll_loss, without its wait for the device."""
    var = var + (var.clamp(min=eps) - var).detach()
    return 0.5 * (var.log() + (x - target).square() / var).mean()'''

    input: OutputName
    target: TargetName
    var: OutputName
    full: bool = False
    eps: PositiveFloat = 1e-6

    @property
    def names(self) -> tuple[str, ...]:
        return (self.input, self.target, self.var)

    def check(self, types: Mapping[str, TensorType]) -> None:
        pair = Pair(self.name, self.input, types[self.input], self.target, types[self.target])
        pair.float_input()
        pair.numeric_target()
        pair.same_shape()
        variance = Pair(self.name, self.input, types[self.input], self.var, types[self.var])
        variance.same_shape("var")

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target, var = (value(name) for name in self.names)
        if not types[self.target].dtype.is_float:
            target = f"{target}.to({x}.dtype)"
        text = call("gaussian_nll", [x, target, var, literal(self.eps)], {})
        return f"{text} + 0.5 * math.log(2 * math.pi)" if self.full else text
