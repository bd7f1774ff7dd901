"""The base of initializers: how a weight starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from dlc.compiler.components.base import Component, ComponentError
from dlc.compiler.record import component


@component
class Initializer(Component):
    """How the numbers of one parameter are drawn before training.

    `reads` says what else than the shape decides them: nothing; the `targets` of the
    training part, for the bias of an output; `signals`, what the layer gives for a batch of
    it. Such a start is made by `dlc train` before the first step, in place of the one that
    `torch` writes; `remark` is a comment about it for the generated module.
    """

    kind: ClassVar[str] = "initializer"
    #: The fewest and the most dims that a parameter may have.
    least_rank: ClassVar[int] = 0
    most_rank: ClassVar[int | None] = None
    #: What to write where a parameter has another number of dims.
    rank_help: ClassVar[str] = "for a bias or a norm use `zeros`, `ones`, `constant` or `normal`"
    reads: ClassVar[Literal["", "targets", "signals"]] = ""
    remark: ClassVar[str] = ""

    def check(self, shape: tuple[int, ...]) -> None:
        """Whether a parameter of this shape can be filled. Raises `ComponentError`."""
        least, most = self.least_rank, self.most_rank
        if least <= len(shape) and (most is None or len(shape) <= most):
            return
        if most is None:
            dims = f"at least {least} dims"
        elif least == most:
            dims = f"{least} dim{'s' if least > 1 else ''}"
        else:
            dims = f"{least} to {most} dims"
        raise ComponentError(
            "E0401",
            f"`{self.name}` fills weights with {dims}, got {list(shape)}",
            help=self.rank_help,
        )

    def torch(self, tensor: str) -> str:
        """The statement that fills `tensor` in place: `nn.init.xavier_uniform_(w)`."""
        raise NotImplementedError(self.name)

    def helpers(self) -> Mapping[str, str]:
        """Functions that the statement calls, by name: their source, put once at the top of
        the module."""
        return {}

    def variance(self, shape: tuple[int, ...]) -> float | None:
        """The variance that a weight of this shape gets; None where it depends on data."""
        return None

    def mean_square(self, shape: tuple[int, ...]) -> float | None:
        """The mean of its squares, which decides how the layer scales a signal: the variance,
        but for initializers whose mean is not 0."""
        return self.variance(shape)
