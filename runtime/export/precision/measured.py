"""What a file answers on rows that it was not trained on, and what rows of the training part
give it to eat."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.averages.top_k import TopK
from dlc.compiler.components.figures import figure_names
from dlc.runtime.export.onnx_builder import set_metadata
from dlc.runtime.export.scores import class_scores
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import Failure, failure
from dlc.runtime.inference.evaluator import Subject, choose_rows, predictor_subject
from dlc.runtime.inference.measures import Measures
from dlc.runtime.inference.predictor import Predictor
from dlc.runtime.inference.session import ModelSession

#: Rows of the training part that scales are taken from.
CALIBRATION_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The figures of a file, and the class that each row got, for each output that scores
    classes."""

    figures: Mapping[str, float]
    classes: Mapping[str, Array]
    rows: int

    def agreement(self, other: Answered) -> float | None:
        """The share of answers that are the same, the least of all outputs; None without any."""
        shares = [
            float(np.mean(found == other.classes[name]))
            for name, found in self.classes.items()
            if found.size
        ]
        return min(shares, default=None)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The figure that decides: what the spec watches, where that is a metric; else its first
    metric; else the loss."""

    name: str
    higher_is_better: bool

    def drop(self, before: float, after: float) -> float:
        """How much worse it became: where more is better, in its own units; where less is, such
        as a loss or an error, whose units are the data's, as a share of what it was."""
        if not np.isfinite(after):
            return float("inf")
        if self.higher_is_better:
            return before - after
        return (after - before) / max(abs(before), 1e-12)


def goal_of(compilation: Compilation) -> Goal | None:
    settings = compilation.settings
    outputs = [name for name, _ in compilation.program.graph.outputs]
    known = {
        name.removeprefix("val_"): up
        for name, up in figure_names(settings.metrics, outputs).items()
    }
    watched = []
    if settings.train.early_stopping is not None:
        watched.append(settings.train.early_stopping.monitor.removeprefix("val_"))
    if isinstance(settings.train.average, TopK) and settings.train.average.monitor:
        watched.append(settings.train.average.monitor.removeprefix("val_"))
    types = {n: compilation.program.graph.values[v] for n, v in compilation.program.graph.outputs}
    types |= dict(compilation.program.targets)
    plain = [
        name
        for name, metric in zip([n for n in known if n != "loss"], settings.metrics, strict=True)
        if metric.gives(types) == "figure"
    ]
    for name in (*watched, *plain):
        if name in plain:
            return Goal(name=name, higher_is_better=known[name])
    return Goal(name="loss", higher_is_better=False) if settings.loss else None


@dataclass(kw_only=True)
class Bench:
    """Files that are made of one network, run on its data. `properties` is the metadata that a
    file wants to be read."""

    compilation: Compilation
    root: Path | None
    properties: Mapping[str, str]
    _recorded: list[dict[str, Any]] = field(default_factory=list)

    def answered(self, model: ModelProto) -> Answered:
        """Measures a file on the validation part. Raises `Failure` E0902 where there is none."""
        scores = class_scores(self.compilation.program, self.compilation.settings)
        found: dict[str, list[Array]] = {name: [] for name in scores}
        settings, program = self.compilation.settings, self.compilation.program
        outputs = {name: program.graph.values[value] for name, value in program.graph.outputs}
        measures = Measures(
            loss=settings.loss,
            metrics=settings.metrics,
            outputs=tuple(outputs),
            types=outputs | dict(program.targets),
        )
        with self._subject(model) as (subject, _):
            samples, places = self._rows(subject, "validation")
            for some, values in subject.chunks(samples, places):
                measures.add(values, len(some))
                for name, axis in scores.items():
                    found[name].append(values[name].argmax(axis=axis).reshape(-1))
        return Answered(
            figures=measures.results(),
            classes={
                name: np.concatenate(parts) if parts else np.zeros(0)
                for name, parts in found.items()
            },
            rows=measures.rows,
        )

    def calibration(self, model: ModelProto, rows: int = CALIBRATION_ROWS) -> list[dict[str, Any]]:
        """What the file is fed for rows of the training part, spread over it."""
        if not self._recorded:
            with self._subject(model) as (subject, recorder):
                samples, places = self._rows(subject, "train")
                if len(places) > rows:
                    places = places[np.linspace(0, len(places) - 1, rows).round().astype(np.int64)]
                for _ in subject.chunks(samples, places):
                    pass
                self._recorded = recorder.feeds
        return self._recorded

    def _rows(self, subject: Subject, part: str) -> tuple[Any, Any]:
        try:
            samples, _, places = choose_rows(subject, None, part)
        except Failure as problem:
            raise undecided(problem.diagnostic.message) from None
        return samples, places

    @contextmanager
    def _subject(self, model: ModelProto) -> Iterator[tuple[Subject, _Recording]]:
        set_metadata(model, self.properties)
        with tempfile.TemporaryDirectory(prefix="dlc-precision-") as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString())
            predictor = Predictor(path=path, provider="cpu")
            plain = predictor.session
            recorder = _Recording(
                **{name: getattr(plain, name) for name in plain.__dataclass_fields__}
            )
            predictor.session = recorder
            subject = predictor_subject(predictor)
            # Its own spec may tell the data by name alone, as that of a bundle does.
            yield replace(subject, root=self.root, compilation=self.compilation), recorder


@dataclass(frozen=True, kw_only=True)
class _Recording(ModelSession):
    """A session that keeps the first batches that it is given, up to some megabytes."""

    feeds: list[dict[str, Any]] = field(default_factory=list)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        if sum(_bytes(kept) for kept in self.feeds) < 256 << 20:
            self.feeds.append(dict(feeds))
        return super().run(feeds)


def _bytes(feeds: Mapping[str, Array]) -> int:
    return sum(value.nbytes for value in feeds.values())


def undecided(reason: str) -> Failure:
    return failure(
        "E0902",
        "whether a smaller number format answers as well is decided on the validation part",
        notes=(reason,),
        help="export a run whose spec keeps rows: `split: {train: 0.8, validation: 0.2}`, or"
        " write float32: `--precision float32`",
    )


def runner(model: ModelProto) -> Callable[[Mapping[str, Any]], dict[str, Array]]:
    """A file as a function."""
    from dlc.runtime.inference.session import cpu_session

    session = cpu_session(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, dict(feeds)), strict=True))


def runs_here(model: ModelProto) -> bool:
    """Whether onnxruntime's CPU has kernels for all of a file."""
    try:
        runner(model)
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error):
            return False
        raise
    return True
