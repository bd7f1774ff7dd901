"""Windows of a time series."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from dlc.compiler.components.arguments import InputName, Positive, TargetName
from dlc.compiler.components.base import ComponentError, keyword
from dlc.compiler.components.objectives.base import Frame, Objective, Types, same_shape
from dlc.compiler.ir.types import Shape, TensorType
from dlc.compiler.record import component


@component
class Windows(Objective):
    """Cuts rows that follow each other into windows, and what comes next into targets.

        data:
          columns: {past: [sales, price]}
          split: {train: 0.8, validation: 0.1, test: 0.1, time: day}
          objective: windows(past, future, steps=28, horizon=7)

    `past` is declared as `float[N, 28, 2]`: 28 rows of the mapped columns; one column may be
    `float[N, 28]`. `future` gets the `horizon` rows that follow, `float[N, 7, 2]`, after the
    steps of `preprocess` as they are in `past`; where `data.columns` maps a column to it, those
    of that column, as they are in the file. One row that follows may be `float[N]`, one column
    `float[N, 7]`. Any other input or target is that of the last row of the window.

    The rows are divided in time first and cut into windows then, so that no window reaches into
    another part. Rows that `data.where` leaves out are gaps, over which no window reaches.

    Arguments:
        input: the input that gets the windows; where absent, the one of rank 3
        target: the target that gets what follows; where absent, there is none, and targets are
            columns
        steps: the rows of a window; where absent, as many as the input declares
        horizon: how many rows that follow make the target
        stride: how many rows lie between the beginnings of two windows

    Source: Box and Jenkins, "Time series analysis" (1970), for forecasts from an origin.
    """

    name: ClassVar[str] = "windows"

    input: InputName | None = None
    target: TargetName | None = None
    steps: Positive | None = None
    horizon: Positive = 1
    stride: Positive = keyword(1)

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.target,) if self.target else ()

    @property
    def may_have_columns(self) -> tuple[str, ...]:
        return self.fills

    @property
    def regroups(self) -> bool:
        return True

    @property
    def length(self) -> int:
        """The rows of a window, of what `resolved` gives."""
        assert self.steps is not None
        return self.steps

    def resolved(self, frame: Frame) -> Self:
        named = self.input is not None
        input = self.only_input(
            self.input,
            frame,
            "input",
            "windows of float[N, steps, values]",
            lambda name, type: type.rank == 3 or (named and type.rank >= 2),
        )
        type = frame.inputs[input]
        declared = type.shape[1]
        steps = self.steps if self.steps is not None else declared
        if not isinstance(steps, int):
            raise ComponentError(
                "E0403",
                f"`{input}` is {type}, which does not say how many rows a window has",
                help="say it: `windows(..., steps=28)`",
            )
        if isinstance(declared, int) and steps != declared:
            raise ComponentError(
                "E0402",
                f"windows of {steps} rows do not fit `{input}`, which is {type}",
                blame="steps",
                help=f"leave `steps` out, or declare {steps} rows",
            )
        if frame.token_step(input) is not None:
            raise ComponentError(
                "E0311",
                f"`windows` cuts rows of numbers, and `{input}` holds pieces of texts",
                help="texts are cut into blocks by `next_token(block_length=...)`",
            )
        if not frame.in_time:
            raise ComponentError(
                "E0309",
                "windows reach over rows that follow each other, and the rows are divided at "
                "random",
                help="divide them in time: `data.split: {train: 0.8, validation: 0.2, time: day}`",
            )
        found = replace(self, input=input, steps=steps)
        found._check_target(frame)
        return found

    def _check_target(self, frame: Frame) -> None:
        if self.target is None:
            return
        assert self.input is not None
        x, y = frame.inputs[self.input], frame.targets[self.target]
        batch, values = x.shape[0], x.shape[2:]
        if self.target in frame.columns:
            fits = y.rank == 1 and self.horizon == 1
            fits = fits or (y.rank >= 2 and y.shape[1] == self.horizon)
            wanted = y.with_shape(batch, self.horizon)
        else:
            choices: list[Shape] = [(batch, self.horizon, *values)]
            if values in ((), (1,)):
                choices += [(batch, self.horizon), *([(batch,)] if self.horizon == 1 else [])]
            fits = any(same_shape(y.shape, shape) for shape in choices)
            wanted = x.with_shape(*choices[0])
        if not fits or y.dtype.is_float != x.dtype.is_float:
            raise ComponentError(
                "E0402" if not fits else "E0406",
                f"`windows` fills `{self.target}` with {wanted}, and it is declared as {y}",
                blame="target",
                help=f"declare it as `{wanted}`, or change `horizon`",
            )

    def restores(self, frame: Frame) -> tuple[str, ...]:
        made = self.target is not None and self.target not in frame.columns
        return (self.input,) if made and self.input else ()

    def reads(self, frame: Frame) -> Types:
        assert self.input is not None
        found = {self.input: _of_a_row(frame.inputs[self.input])}
        if self.target is not None and self.target in frame.columns:
            type = frame.targets[self.target]
            found[self.target] = _of_a_row(type) if type.rank > 1 else type
        return found


def _of_a_row(type: TensorType) -> TensorType:
    return type.with_shape(type.shape[0], *type.shape[2:])
