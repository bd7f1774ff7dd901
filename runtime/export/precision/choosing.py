"""A file in a smaller number format, accepted by what it answers.

All layers that have a form in the format get it. Where the deciding figure falls by more than is
allowed, each layer is tried alone, those that change the outputs most are kept in float32, twice
as many each time, until it holds. Where half of the layers would have to be kept, the file is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import ModelProto

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.export.precision.half import HalfLowering, reference_differs
from dlc.runtime.export.precision.int8 import DynamicInt8, StaticInt8
from dlc.runtime.export.precision.layers import Lowering
from dlc.runtime.export.precision.measured import (
    Answered,
    Bench,
    Goal,
    goal_of,
    runner,
    runs_here,
    undecided,
)
from dlc.runtime.export.precision.report import PrecisionReport
from dlc.runtime.failures import Failure, failure

if TYPE_CHECKING:
    from dlc.compiler.compilation import Compilation

#: bfloat16 has eight bits of mantissa; some ten roundings in a row.
_REFERENCE_TOLERANCE = 5e-2
_FLOAT32_TOLERANCE = 1e-3
_TOLD = 5
# A file of more than this share of the float32 one gains nothing.
_WORTH = 0.95


@dataclass(frozen=True, kw_only=True)
class Lowered:
    model: ModelProto
    report: PrecisionReport
    warnings: tuple[Diagnostic, ...]


def lowered(
    model: ModelProto,
    precision: str,
    *,
    compilation: Compilation,
    root: Path | None,
    properties: Mapping[str, str],
    max_drop: float,
) -> Lowered:
    """The file in the format. Raises `Failure`: E0902 where nothing can decide, E0903 where
    nothing of the network has a form in the format, E0904 where it answers too much worse."""
    goal = goal_of(compilation)
    if goal is None:
        raise undecided("the spec has neither `metrics` nor `loss`")
    bench = Bench(compilation=compilation, root=root, properties=properties)
    before = bench.answered(model)
    feeds = bench.calibration(model)
    lowering = _lowering(model, precision, feeds)
    if not lowering.layers:
        raise failure(
            "E0903",
            f"no layer of `{compilation.program.name}` has a form in {precision}",
            help="`int8_dynamic` takes products and LSTM, `int8` convolutions and products,"
            " fp16 nearly all; or write float32",
        )
    trial = _Trial(lowering=lowering, goal=goal, bench=bench, before=before, feeds=feeds)
    found = trial.accepted(max_drop, precision)
    size = len(model.SerializeToString())
    report = PrecisionReport(
        precision=precision,
        metric=goal.name,
        higher_is_better=goal.higher_is_better,
        before=before.figures[goal.name],
        after=found.answered.figures[goal.name],
        drop=found.drop,
        max_drop=max_drop,
        agreement=before.agreement(found.answered),
        rows=before.rows,
        calibration_rows=sum(len(next(iter(given.values()))) for given in feeds)
        if precision == "int8"
        else 0,
        layers=len(lowering.layers),
        kept=found.kept,
        emulated=found.emulated,
        bytes_before=size,
        bytes=len(found.model.SerializeToString()),
    )
    here = runs_here(found.model)
    return Lowered(model=found.model, report=report, warnings=_warnings(report, here))


def _lowering(model: ModelProto, precision: str, feeds: Sequence[Mapping[str, Any]]) -> Lowering:
    if precision == "int8":
        return StaticInt8(model, feeds)
    if precision == "int8_dynamic":
        return DynamicInt8(model)
    return HalfLowering(model, precision)


@dataclass(frozen=True, kw_only=True)
class _Found:
    model: ModelProto
    answered: Answered
    drop: float
    kept: tuple[str, ...]
    emulated: bool


@dataclass(kw_only=True)
class _Trial:
    lowering: Lowering
    goal: Goal
    bench: Bench
    before: Answered
    feeds: Sequence[Mapping[str, Any]]

    def accepted(self, max_drop: float, precision: str) -> _Found:
        """The file with as few layers in float32 as it takes."""
        every = frozenset(self.lowering.layers)
        found = self._measured(every, ())
        if found.drop <= max_drop:
            return found
        worst = self._most_harmful()
        first, kept = found, 1
        while kept <= len(worst) // 2:
            names = tuple(name for name, _ in worst[:kept])
            found = self._measured(every - set(names), names)
            if found.drop <= max_drop:
                return found
            kept *= 2
        raise self._refusal(first, worst, max_drop, precision)

    def _measured(self, layers: frozenset[str], kept: tuple[str, ...]) -> _Found:
        model = self.lowering.convert(layers)
        twin = self._twin(model)
        answered = self.bench.answered(twin)
        before, after = (a.figures[self.goal.name] for a in (self.before, answered))
        return _Found(
            model=model,
            answered=answered,
            drop=self.goal.drop(before, after),
            kept=kept,
            emulated=twin is not model,
        )

    def _twin(self, model: ModelProto) -> ModelProto:
        """What is run in its place; where the file itself does not run here, held against onnx's
        own evaluator, as far as that goes."""
        onnx.checker.check_model(model.SerializeToString(), full_check=True)
        twin = self.lowering.twin(model)
        if twin is model or runs_here(model):
            return twin
        few = [{name: value[:2] for name, value in given.items()} for given in self.feeds[:1]]
        # Its LSTM knows no lengths, its transposed convolutions no groups: it tells nothing
        # about a network that it computes otherwise in float32, too.
        plain = self.lowering.model
        known = reference_differs(plain, runner(plain), few)
        if known is not None and known <= _FLOAT32_TOLERANCE:
            difference = reference_differs(model, runner(twin), few)
            assert difference is None or difference <= _REFERENCE_TOLERANCE, difference
        return twin

    def _most_harmful(self) -> list[tuple[str, float]]:
        """Each layer with the error of the outputs that it makes alone, the greatest first."""
        few = list(self.feeds[:4])
        exactly = runner(self.lowering.model)
        exact = [exactly(given) for given in few]
        found = []
        for layer in self.lowering.layers:
            run = runner(self.lowering.twin(self.lowering.convert(frozenset({layer}))))
            errors = [
                _error(given, reference)
                for given, reference in zip(map(run, few), exact, strict=True)
            ]
            found.append((layer, max(errors, default=0.0)))
        return sorted(found, key=lambda pair: -pair[1])

    def _refusal(
        self, found: _Found, worst: list[tuple[str, float]], max_drop: float, precision: str
    ) -> Failure:
        goal = self.goal
        before, after = (a.figures[goal.name] for a in (self.before, found.answered))
        told = ", ".join(f"`{name}` ({_percent(error)})" for name, error in worst[:_TOLD])
        by = f"{found.drop:.4g}" if goal.higher_is_better else f"{100 * found.drop:.3g} %"
        allowed = f"{max_drop:g}" if goal.higher_is_better else f"{100 * max_drop:g} %"
        return failure(
            "E0904",
            f"in {precision} `{goal.name}` becomes worse by {by}: {before:.6g} became {after:.6g}"
            f" on {self.before.rows:,} rows of the validation part, and {allowed} is allowed",
            notes=(
                f"the layers that change the outputs most, each alone: {told}",
                "half of the layers in float32 were not enough",
            ),
            help="allow more with `--max-drop`, or take another format",
        )


def _percent(error: float) -> str:
    return f"{100 * error:.2g} %" if np.isfinite(error) else "infinitely"


def _error(found: Mapping[str, Any], exact: Mapping[str, Any]) -> float:
    """How far outputs stray, relative to their size."""
    worst = 0.0
    for name, value in exact.items():
        value = np.asarray(value)
        if value.dtype.kind != "f":
            continue
        stray = np.asarray(found[name], np.float64) - value
        size = float(np.linalg.norm(value.astype(np.float64)))
        error = float(np.linalg.norm(stray)) / max(size, 1e-12)
        worst = max(worst, error if np.isfinite(error) else float("inf"))
    return worst


def _warnings(report: PrecisionReport, here: bool) -> tuple[Diagnostic, ...]:
    found = []
    if report.bytes > _WORTH * report.bytes_before:
        found.append(
            Diagnostic(
                code("W0901"),
                f"the file in {report.precision} is hardly smaller: {report.bytes:,} bytes, and"
                f" {report.bytes_before:,} in float32",
                help="what the format has a form for is the lesser part: float32 serves as well",
            )
        )
    if not here:
        found.append(
            Diagnostic(
                code("W0902"),
                f"onnxruntime has no kernels for {report.precision} here: the file does not load,"
                " and the figures are of float32 arithmetic with every result rounded",
                help="run the file on CUDA; for a CPU take fp16 or int8",
            )
        )
    return tuple(found)
