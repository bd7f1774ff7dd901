"""What the losses share that compare outputs with each other."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class EmbeddingLoss(Loss):
    """A loss between outputs [N, D] that stand for things."""

    def _vectors(self, types: Mapping[str, TensorType], *ports: str) -> None:
        """The outputs at these arguments are vectors of one length. Raises `ComponentError`."""
        names = [getattr(self, port) for port in ports]
        first = types[names[0]]
        for port, name in zip(ports, names, strict=True):
            if not types[name].dtype.is_float:
                raise ComponentError(
                    "E0406",
                    f"`{self.name}` compares vectors of floats, and `{name}` is {types[name]}",
                    blame=port,
                )
            if types[name].rank != 2:
                raise ComponentError(
                    "E0401",
                    f"`{self.name}` compares vectors, [N, D], and `{name}` is {types[name]}",
                    blame=port,
                    help="bring it to one vector a sample: `flatten`, or `mean` over the others",
                )
            if name != names[0]:
                Pair(self.name, names[0], first, name, types[name]).same_shape(port)

    def _one_a_sample(self, types: Mapping[str, TensorType], of: str, target: str) -> None:
        """The target has one number for each sample. Raises `ComponentError`."""
        x, t = types[of], types[target]
        numeric = t.dtype.is_float or t.dtype.is_int
        if not numeric or t.rank != 1 or compare(t.shape[0], x.shape[0]) is not Answer.EQUAL:
            raise ComponentError(
                "E0402" if numeric and t.rank == 1 else "E0401" if numeric else "E0406",
                f"`{self.name}` takes one number a sample, and `{target}` is {t}",
                blame="target",
                help=f"declare `{target}: int[{x.shape[0]}]`",
            )
