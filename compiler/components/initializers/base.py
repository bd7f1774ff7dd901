"""The base of initializers: how a weight starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlc.compiler.components.base import Component


@dataclass(frozen=True, kw_only=True)
class Initializer(Component):
    """How the numbers of one parameter are drawn before training."""

    kind: ClassVar[str] = "initializer"

    def torch(self, tensor: str) -> str:
        """The statement that fills `tensor` in place: `nn.init.xavier_uniform_(w)`."""
        raise NotImplementedError(self.name)

    def variance(self, shape: tuple[int, ...]) -> float | None:
        """The variance that a weight of this shape gets; None where it depends on data."""
        return None
