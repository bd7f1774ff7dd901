"""The base of initializers: how a weight starts."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component, ComponentError
from dlc.compiler.record import component


@component
class Initializer(Component):
    """How the numbers of one parameter are drawn before training."""

    kind: ClassVar[str] = "initializer"
    #: The fewest dims that a parameter must have.
    least_rank: ClassVar[int] = 0

    def check(self, shape: tuple[int, ...]) -> None:
        """Whether a parameter of this shape can be filled. Raises `ComponentError`."""
        if len(shape) < self.least_rank:
            raise ComponentError(
                "E0401",
                f"`{self.name}` fills weights with at least {self.least_rank} dims, "
                f"got {list(shape)}",
                help="for a bias or a norm use `zeros`, `ones`, `constant` or `normal`",
            )

    def torch(self, tensor: str) -> str:
        """The statement that fills `tensor` in place: `nn.init.xavier_uniform_(w)`."""
        raise NotImplementedError(self.name)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        """The variance that a weight of this shape gets; None where it depends on data."""
        return None
