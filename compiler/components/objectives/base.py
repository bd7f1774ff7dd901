"""The base of objectives: what they name, what they read, what they fill."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar, Self, TypeAlias

from dlc.compiler.components.base import Component, ComponentError
from dlc.compiler.components.comparison import IGNORED
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.dims import Answer, Dim, compare
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component, record

Types: TypeAlias = Mapping[str, TensorType]


@record
class Frame:
    """What surrounds an objective: the network's inputs and targets, the preprocess steps of
    each input, the names that `data.columns` fills, the losses, and whether the parts of the
    data are divided in time, so that each is a stretch of rows."""

    inputs: Types
    targets: Types
    steps: Mapping[str, Sequence[Preprocess]]
    columns: Collection[str] = ()
    losses: Sequence[Loss] = ()
    in_time: bool = False

    def token_step(self, name: str) -> TokenStep | None:
        """The step that makes pieces of the texts of an input."""
        steps = self.steps.get(name, ())
        return next((step for step in steps if isinstance(step, TokenStep)), None)

    def ignored(self, target: str) -> int:
        """The value of a target that its loss leaves out."""
        for loss in self.losses:
            if target in loss.names[1:]:
                return int(getattr(loss, "ignore_index", IGNORED))
        return IGNORED


@component
class Objective(Component):
    """Where targets come from when the data has none: they are made from the inputs.

    `draws` says that they are made anew in every epoch, batch by batch.
    """

    kind: ClassVar[str] = "objective"
    draws: ClassVar[bool] = False

    @property
    def fills(self) -> tuple[str, ...]:
        """The inputs and targets that the objective fills; of what `resolved` gives."""
        raise NotImplementedError(self.name)

    @property
    def may_have_columns(self) -> tuple[str, ...]:
        """What of that it makes of a column, where there is one."""
        return ()

    def resolved(self, frame: Frame) -> Self:
        """The same with every name written out. Raises `ComponentError` where the inputs and
        targets are not what the objective takes and gives."""
        raise NotImplementedError(self.name)

    def reads(self, frame: Frame) -> Types:
        """What one row of the file gives for an input or target, where that is not what the
        network takes; of what `resolved` gives."""
        return {}

    def restores(self, frame: Frame) -> tuple[str, ...]:
        """The inputs whose values, as the network gets them, are targets, too; of what `resolved`
        gives."""
        return ()

    @property
    def regroups(self) -> bool:
        """Whether a sample is made of several rows, or a row gives several samples."""
        return False

    # ── for the objectives ───────────────────────────────────────────────────

    def only_target(self, name: str | None, frame: Frame, argument: str) -> str:
        """The target of that name; without one, the only target."""
        if name is not None:
            return name
        if len(frame.targets) != 1:
            known = f"there are {listed(frame.targets)}" if frame.targets else "there is none"
            raise ComponentError(
                "E0303",
                f"`{self.name}` fills a target, and {known}",
                help=f"name it: `{self.name}({argument}={next(iter(frame.targets), 'label')})`",
            )
        return next(iter(frame.targets))

    def only_input(
        self,
        name: str | None,
        frame: Frame,
        argument: str,
        what: str,
        fits: Callable[[str, TensorType], bool],
    ) -> str:
        """The input of that name; without one, the only one that fits."""
        if name is not None:
            type = frame.inputs[name]
            if not fits(name, type):
                raise ComponentError(
                    "E0401", f"`{self.name}` takes {what}, and `{name}` is {type}", blame=argument
                )
            return name
        fitting = [name for name, type in frame.inputs.items() if fits(name, type)]
        if not fitting:
            shown = ", ".join(f"`{name}` is {type}" for name, type in frame.inputs.items())
            raise ComponentError("E0401", f"`{self.name}` takes {what}, and {shown}")
        if len(fitting) > 1:
            raise ComponentError(
                "E0303",
                f"`{self.name}` fits {len(fitting)} inputs, {listed(fitting)}",
                help=f"say which: `{self.name}(..., {argument}={fitting[0]})`",
            )
        return fitting[0]

    def require(self, name: str, type: TensorType, wanted: TensorType, blame: str | None) -> None:
        """Raises unless an input or target is declared as what the objective fills in."""
        if type.dtype.is_float != wanted.dtype.is_float or type.dtype.is_int != wanted.dtype.is_int:
            raise ComponentError(
                "E0406",
                f"`{self.name}` fills `{name}` with {wanted}, and it is declared as {type}",
                blame=blame,
                help=f"declare it as `{wanted}`",
            )
        if not same_shape(type.shape, wanted.shape):
            raise ComponentError(
                "E0402",
                f"`{self.name}` fills `{name}` with {wanted}, and it is declared as {type}",
                blame=blame,
                help=f"declare it as `{wanted}`, or change the objective's arguments",
            )


def same_shape(one: Sequence[Dim], other: Sequence[Dim]) -> bool:
    """Whether two shapes have equal sizes, whatever their symbols are worth."""
    return len(one) == len(other) and all(
        compare(a, b) is Answer.EQUAL for a, b in zip(one, other, strict=True)
    )
