"""Dates and times as points on circles."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.types import FLOAT, DType, Shape, TensorType
from dlc.compiler.record import component


@component
class Cyclic(Preprocess):
    """Makes a date or time points on circles, so that December is next to January.

        preprocess: {sold_at: "cyclic([month, weekday, hour])"}

    For each part p of period P two numbers follow: sin(2πp/P), cos(2πp/P). Dates are texts in
    the form of ISO 8601, `2024-05-01` or `2024-05-01T13:05:00+02:00`, or dates and timestamps
    of the file. They are taken as written: hour 13 in any zone is hour 13.

    Arguments:
        parts: which parts, in order: `month` (period 12), `day` of the month (as many as the
            month has), `yearday` (as many as the year has), `weekday` (7, from Monday), `hour`
            (24), `minute` (60), `second` (60)
    """

    name: ClassVar[str] = "cyclic"
    where: ClassVar[Literal["host", "graph"]] = "host"
    takes: ClassVar[Literal["numbers", "indices", "texts", "categories"]] = "texts"
    partial: ClassVar[bool] = True

    parts: tuple[Literal["month", "day", "yearday", "weekday", "hour", "minute", "second"], ...] = (
        "month",
        "weekday",
        "hour",
    )

    def validate(self) -> None:
        if not self.parts:
            raise ComponentError(
                "E0302", "no part of the date", blame="parts", help="name one, such as `month`"
            )
        twice = next((part for part in self.parts if self.parts.count(part) > 1), None)
        if twice is not None:
            raise ComponentError(
                "E0203", f"`{twice}` is named twice", blame="parts", help="name each part once"
            )

    def before(self, y: Shape) -> Shape:
        wanted = 2 * len(self.parts)
        if len(y) != 2 or compare(y[1], wanted) is not Answer.EQUAL:
            got = f"{y[1]} are wanted" if len(y) == 2 else f"{len(y)} dims are wanted"
            raise ComponentError(
                "E0402",
                f"`cyclic` gives {wanted} numbers a sample, two for each part, and {got}",
                blame="parts",
                help=f"declare the input as `float[N, {wanted}]`",
            )
        return y[:1]

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype is not DType.STRING or x.rank != 1:
            raise ComponentError(
                "E0406" if x.rank == 1 else "E0401",
                f"`cyclic` takes one date a sample, and gets {x}",
                help="make it the first step, and give each column of dates an input of its own",
            )
        return TensorType(FLOAT, (x.shape[0], 2 * len(self.parts)))
