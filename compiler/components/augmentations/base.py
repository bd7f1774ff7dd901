"""The base of augmentations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, TypeAlias

from dlc.compiler.components.arguments import InputName
from dlc.compiler.components.base import Component, ComponentError, keyword
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component

Types: TypeAlias = Mapping[str, TensorType]


@component
class Augmentation(Component):
    """A random change of the training samples, drawn anew for each sample in each epoch.

    What is drawn depends on the seed, the epoch and the sample alone, not on its batch.
    Validation, test and export leave it out.

    `takes` is what an input must be. `moves` says that pixels change their places: targets
    with a value for each pixel then move along; where `mirrors`, of any size round the same
    middle. `mixes` says that a sample takes a part of another one, and of its targets.

    Arguments:
        input: the input that is changed; where absent, the one that fits
    """

    kind: ClassVar[str] = "augmentation"
    takes: ClassVar[Literal["images", "tokens", "series"]] = "images"
    moves: ClassVar[bool] = False
    mirrors: ClassVar[bool] = False
    mixes: ClassVar[bool] = False

    input: InputName | None = keyword(None)

    def fits(self, x: TensorType) -> bool:
        """Whether an input is what the augmentation takes."""
        if self.takes == "images":
            return x.rank == 4 and x.dtype.is_float
        if self.takes == "tokens":
            return x.rank == 2 and x.dtype.is_int
        return x.rank in (2, 3) and x.dtype.is_float

    def check(self, inputs: Types, targets: Types, outputs: Types, losses: Sequence[Loss]) -> None:
        """Raises `ComponentError` where the network's inputs and targets cannot be changed
        so."""
        name = input_of(self, inputs)
        if self.moves:
            moved_along(self, inputs[name], targets)


_WANTED = {
    "images": ("images of float[N, channels, height, width]", "float[N, 3, 224, 224]"),
    "tokens": ("indices of int[N, T]", "int[N, T]"),
    "series": ("series of float[N, T] or float[N, T, values]", "float[N, T, 8]"),
}


def input_of(augmentation: Augmentation, inputs: Types) -> str:
    """The name of the input that an augmentation changes. Raises `ComponentError` where none
    fits, or where several do and nothing says which."""
    what, example = _WANTED[augmentation.takes]
    name = augmentation.input
    if name is not None:
        if name in inputs and not augmentation.fits(inputs[name]):
            raise ComponentError(
                "E0401",
                f"`{augmentation.name}` takes {what}, and `{name}` is {inputs[name]}",
                blame="input",
                help="name another input, or leave the augmentation out",
            )
        return name
    fitting = [name for name, type in inputs.items() if augmentation.fits(type)]
    if not fitting:
        shown = ", ".join(f"`{name}` is {type}" for name, type in inputs.items())
        raise ComponentError(
            "E0401",
            f"`{augmentation.name}` takes {what}, and {shown or 'there is no input'}",
            help=f"leave it out, or declare the input as `{example}`",
        )
    if len(fitting) > 1:
        raise ComponentError(
            "E0303",
            f"`{augmentation.name}` fits {len(fitting)} inputs, {listed(fitting)}",
            help=f"say which: `{augmentation.name}(..., input={fitting[0]})`",
        )
    return fitting[0]


def moved_along(augmentation: Augmentation, x: TensorType, targets: Types) -> tuple[str, ...]:
    """The targets that an augmentation moves with an image: masks, maps, other pictures.
    Raises `ComponentError` for one that has its own sides, such as boxes."""
    found = []
    for name, type in targets.items():
        if type.rank < 3:
            continue
        sides = zip(type.shape[-2:], x.shape[-2:], strict=True)
        mirrored = augmentation.mirrors and (type.rank == 4 or type.dtype.is_int)
        if type.rank > 4 or not (mirrored or all(compare(a, b) is Answer.EQUAL for a, b in sides)):
            raise ComponentError(
                "E0311",
                f"`{augmentation.name}` moves pixels, and cannot move `{name}`, {type}, along",
                help=f"leave it out, or declare `{name}` with the height and width of the picture",
            )
        found.append(name)
    return tuple(found)
