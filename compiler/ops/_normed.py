"""Weight norm and spectral norm, as settings of layers with weights."""

from __future__ import annotations

import math
from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.graph import Parameter
from dlc.compiler.ir.parametrization import effective_name, is_magnitude, part_name
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ops.base import OpError, WeightedOp
from dlc.compiler.record import component


@component
class NormedOp(WeightedOp):
    """A layer whose weights may be computed from normalized ones.

    What decays: with weight norm w = g · v / ‖v‖, so that ‖w‖ = |g|, and to decay g is to decay
    w, exactly; the length of v does not change w. The gradient of v stands at a right angle on
    it, so that steps only ever make v longer and learning slower; decay holds that length, as
    it does for weights before a batch norm. Both are therefore of the role `weight`, g too:
    as a `norm` it would be left out by `no_decay=[norm]`, and nothing would decay w. The weight
    that spectral norm divides has no say in the length of the result either, and is a
    `weight` for the same reason.

    Arguments:
        weight_norm: whether the lengths g of the weights are learned apart from their
            directions v, w = g · v / ‖v‖, one length for each place of the weight's first dim:
            for each unit, in a transposed convolution for each input channel, as PyTorch does
            (Salimans and Kingma, Weight normalization, 2016). An initializer fills w. Weight
            decay acts on both, and that of g is that of w. The exported file holds w
        spectral_norm: whether each weight, as a matrix with a row for each unit, is divided by
            its largest singular value: a `linear` layer then makes no difference of two inputs
            larger (Miyato et al., Spectral normalization for generative adversarial networks,
            2018). Power iteration follows that value while training. The exported file holds
            the divided weight
    """

    #: The dim of a weight that counts the units, for its singular values.
    spectral_dim: ClassVar[int] = 0

    weight_norm: bool = keyword(False)
    spectral_norm: bool = keyword(False)

    def validate(self) -> None:
        super().validate()
        if self.weight_norm and self.spectral_norm:
            raise OpError(
                "E0311",
                f"`{self.name}` has both `weight_norm` and `spectral_norm`",
                blame="spectral_norm",
                help="keep one of the two: the one gives each unit a length of its own, the other "
                "holds all of them together",
            )

    @property
    def norm(self) -> str:
        """How the weights are computed, by the argument's name; empty where they are learned
        as they are."""
        if self.weight_norm:
            return "weight_norm"
        return "spectral_norm" if self.spectral_norm else ""

    # ── parameters ───────────────────────────────────────────────────────────

    def stored(self, *parameters: Parameter) -> tuple[Parameter, ...]:
        """The parameters in state_dict order: what weights are computed from comes last."""
        if not self.norm:
            return parameters
        weights = [p for p in parameters if p.role == "weight"]
        others = [p for p in parameters if p.role != "weight"]
        return (*others, *(part for weight in weights for part in self._parts(weight)))

    def _parts(self, weight: Parameter) -> tuple[Parameter, ...]:
        def part(name: str, *shape: int, role: str = "weight", start: bool = False) -> Parameter:
            return Parameter(
                name=part_name(weight.name, name),
                shape=shape,
                role=role,
                initializer=weight.initializer if start else None,
            )

        shape = _known(weight)
        if self.weight_norm:
            lengths = (shape[0], *[1] * (len(shape) - 1))
            return part("original0", *lengths), part("original1", *shape, start=True)
        units = shape[self.spectral_dim]
        return (
            part("original", *shape, start=True),
            part("0._u", units, role="buffer"),
            part("0._v", math.prod(shape) // units, role="buffer"),
        )

    def starting(self, parameter: Parameter, section: Initializer | None) -> Initializer | None:
        if is_magnitude(parameter.name):
            return None  # the lengths of what the direction starts with
        return self.normalizable(parameter, super().starting(parameter, section))

    def normalizable(
        self, parameter: Parameter, chosen: Initializer | None, argument: str = "init"
    ) -> Initializer | None:
        """How a parameter starts, as an argument says; raises E0311 for a start that cannot be
        normalized."""
        weight = effective_name(parameter.name)
        if weight is None or chosen is None:
            return chosen
        if self.spectral_norm and chosen.reads == "signals":
            raise OpError(
                "E0311",
                f"`{chosen.name}` scales weights, and `spectral_norm` divides them by their scale",
                blame="init",
                help="use `orthogonal`, or `weight_norm=true`, whose lengths can be scaled",
            )
        shape = _known(parameter)
        if chosen.mean_square(shape) == 0.0 or (
            self.weight_norm and chosen.name in _DIAGONAL and _has_empty_rows(chosen, shape)
        ):
            whose = "the weights" if self.spectral_norm else "each unit's weights"
            raise OpError(
                "E0311",
                f"`{self.norm}` divides by the length of {whose}, and `{chosen.name}` makes "
                f"{'it' if self.spectral_norm else 'some'} 0 in `{weight}`",
                blame=argument,
                help=f"leave the initializer out, take `orthogonal`, or leave `{self.norm}` out",
            )
        return chosen

    # ── cost ─────────────────────────────────────────────────────────────────

    def norm_bytes(self, *shapes: tuple[int, ...]) -> int:
        """What autograd keeps, in float32, of computing weights of these shapes."""
        return 4 * sum(self._kept(shape) for shape in shapes) if self.norm else 0

    def _kept(self, shape: tuple[int, ...]) -> int:
        size = math.prod(shape)
        if self.weight_norm:
            return size + shape[0]  # w, and the lengths of v
        units = shape[self.spectral_dim]
        return size + units + size // units + 1  # w, copies of both vectors, and the value

    # ── PyTorch ──────────────────────────────────────────────────────────────

    def normed(self, t: TorchWriter, layer: str) -> str:
        """A submodule that was just made, its weights normalized as the arguments say."""
        if self.norm:
            t.wrap(self.norm)
        return layer


# What puts ones on a diagonal, and leaves the rows below it empty.
_DIAGONAL = ("eye", "dirac")


def _has_empty_rows(initializer: Initializer, shape: tuple[int, ...]) -> bool:
    return shape[0] // int(getattr(initializer, "groups", 1)) > shape[1]


def _known(parameter: Parameter) -> tuple[int, ...]:
    shape = tuple(dim for dim in parameter.shape if isinstance(dim, int))
    assert len(shape) == len(parameter.shape), f"`{parameter.name}` has no known shape"
    return shape
