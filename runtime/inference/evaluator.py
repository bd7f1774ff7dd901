"""The figures of a model on rows that it was not trained on: of a run, or of its file.

The file knows the rule and the seed by which its data was divided, and the hash of that
data, so that the held-out rows are found again. Both are measured by `Measures`, in which
penalties have no part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dlc.compiler import Compilation, Source, check
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sources.base import Source as DataSource
from dlc.compiler.diagnostics.model import Severity
from dlc.runtime.data.dataset import DataSet, prepare
from dlc.runtime.data.preprocessing import Preprocessing
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.data.splits import PARTS, SplitRule
from dlc.runtime.export.metadata import DataRecord
from dlc.runtime.export.precision.report import told
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.figures import Matrix
from dlc.runtime.inference.made_samples import MadeSamples
from dlc.runtime.inference.measures import Measures
from dlc.runtime.inference.predictor import Predictor, open_data
from dlc.runtime.inference.session import Array

if TYPE_CHECKING:
    from dlc.runtime.training.checkpoint import Which

Rows = npt.NDArray[np.int64]
#: The values of outputs and targets for some places of a data set, chunk by chunk.
Chunks = Iterator[tuple[Rows, Mapping[str, Array]]]

ALL = "all"
_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One row: what it is, and what the model says, by output."""

    row: int
    truth: Mapping[str, str]
    answer: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures of one part of a data set; `runs_on` says in words what computed them."""

    metrics: Mapping[str, float]
    matrices: Mapping[str, Matrix]
    rows: int
    part: str
    data: Path
    runs_on: str
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is evaluated, whatever it is made of. `chunks` runs it on places of a data set. For a
    file, `made` are the samples that an objective makes."""

    compilation: Compilation
    record: DataRecord | None
    root: Path | None
    what: str
    runs_on: str
    prepare: Callable[[Data, Path], DataSet]
    chunks: Callable[[DataSet, Rows], Chunks]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    made: MadeSamples | None = None


def evaluate(
    subject: Subject, *, data: Path | None = None, part: str | None = None, show: int = 0
) -> Evaluation:
    """Measures `part` (train, validation, test or all). None is the test part, or the
    validation part where no row was kept for testing; for data that the model was not
    trained on it is all rows. Raises `Failure` E0309, E0602, E0604 to E0606, E0610.
    """
    compilation = subject.compilation
    program, settings = compilation.program, compilation.settings
    outputs = {name: program.graph.values[value] for name, value in program.graph.outputs}
    if not settings.loss and not settings.metrics:
        raise failure(
            "E0309",
            f"`{subject.what}` has neither `loss` nor `metrics`: there is nothing to measure",
            help="add `metrics: accuracy(logits, label)` to the spec",
        )
    measures = Measures(
        loss=settings.loss,
        metrics=settings.metrics,
        outputs=tuple(outputs),
        types=outputs | dict(program.targets),
        labels={**subject.labels, **(subject.record.classes if subject.record else {})},
    )
    samples, part, places = choose_rows(subject, data, part)
    shown_samples: list[Sample] = []
    for found, values in subject.chunks(samples, places):
        measures.add(values, len(found))
        room = show - len(shown_samples)
        if room > 0:
            shown_samples += _samples(subject, samples, found[:room], values)
    return Evaluation(
        metrics=measures.results(),
        matrices=measures.matrices(),
        rows=measures.rows,
        part=part,
        data=samples.path,
        runs_on=subject.runs_on,
        samples=tuple(shown_samples),
    )


def choose_rows(subject: Subject, data: Path | None, part: str | None) -> tuple[DataSet, str, Rows]:
    """The data, the name of the part that is taken, and the places of its rows."""
    samples = subject.prepare(*_source(subject, data))
    return samples, *_part(subject, samples, data, part)


def model_subject(path: Path, provider: str = "auto", *, strict: bool = False) -> Subject:
    """A model file. Raises what `open_model` raises, and `Failure` E0610 for a file without
    a spec in it."""
    return predictor_subject(Predictor(path=path, provider=provider, strict=strict))


def predictor_subject(predictor: Predictor) -> Subject:
    """A model file that is open."""
    path = predictor.path
    compilation = _compiled(predictor, path)
    info = predictor.info
    data = compilation.settings.data
    made = None
    if data is not None and data.objective is not None:
        made = MadeSamples(predictor=predictor, compilation=compilation, data=data)

    def read(data: Data, root: Path) -> DataSet:
        if made is not None:
            return made.prepare(replace(data, memory="resident"), root)
        return _targets(compilation, info.data, data, root)

    def chunks(samples: DataSet, places: Rows) -> Chunks:
        if made is not None and not made.of_rows:
            return made.chunks(samples, places)
        return _model_chunks(predictor, samples, places, dict(compilation.program.targets))

    return Subject(
        compilation=compilation,
        record=info.data,
        root=_root_beside(path),
        what=shown(path),
        runs_on="; ".join(filter(None, (predictor.session.note, told(info.precision)))),
        prepare=read,
        chunks=chunks,
        labels=info.labels,
        made=made,
    )


# ── which rows ───────────────────────────────────────────────────────────────


def _source(subject: Subject, given: Path | None) -> tuple[Data, Path]:
    """The data section with the file that is asked for, and the folder that it is below."""
    data = subject.compilation.settings.data
    if given is not None:
        open_data(given)
        # An explicit reader keeps its arguments; only its file is another.
        if data is None or not isinstance(data.source, DataSource):
            source: str | DataSource = given.name
        else:
            source = replace(data.source, path=given.name)
        data = Data(source=source) if data is None else replace(data, source=source)
        return data, given.parent
    if data is None:
        raise failure(
            "E0309",
            f"`{subject.what}` has no `data` section",
            help="name a file: `--data rows.parquet`",
        )
    if subject.root is None:
        raise failure(
            "E0604",
            f"`{subject.what}` does not know where its data is",
            help="name the file: `--data rows.parquet`",
            exit_code=2,
        )
    return data, subject.root


def _part(
    subject: Subject, samples: DataSet, given: Path | None, part: str | None
) -> tuple[str, Rows]:
    everything = np.arange(len(samples), dtype=np.int64)
    record = subject.record
    if part == ALL:
        return ALL, everything
    if record is None or record.sha256 != samples.sha256:
        if given is not None and part is None:
            return ALL, everything
        raise failure(
            "E0604",
            f"`{shown(samples.path)}` is not the file that `{subject.what}` was trained on, so "
            f"the rows of its `{part or 'test'}` part are not known",
            help="put that file back, or measure all rows with `--data FILE`",
        )
    if SplitRule.from_record(record.split) != samples.rule:
        raise failure(
            "E0610",
            f"`{subject.what}` records another split than its spec gives",
            help="export the model again with `dlc export`",
        )
    if record.all_folds and part != "test" and (part or not len(samples.division.test)):
        raise failure(
            "E0604",
            f"each row but those of a test part trained some member of `{subject.what}`",
            help="keep rows for testing (`data.split.test`), or measure others with `--data FILE`",
            exit_code=2,
        )
    if part is None:
        part = next((p for p in ("test", "validation") if len(samples.division.part(p))), ALL)
    places = everything if part == ALL else samples.division.part(part)
    if len(places) == 0:
        raise failure(
            "E0604",
            f"no row is in the `{part}` part",
            help="name another one: "
            + ", ".join(f"`--split {p}`" for p in PARTS if len(samples.division.part(p))),
            exit_code=2,
        )
    return part, places


# ── a model file ─────────────────────────────────────────────────────────────


def _compiled(predictor: Predictor, path: Path) -> Compilation:
    info = predictor.info
    if not info.spec:
        raise failure(
            "E0610",
            f"`{shown(path)}` bears no spec: dlc did not write it",
            help="`dlc predict` answers with any ONNX file; figures need the spec's loss",
        )
    result = check(Source(f"{path.name}:dlc.spec", info.spec, "yaml"))
    compilation = result.compilation
    if compilation is None or compilation.digest != info.digest:
        errors = [d.message for d in result.diagnostics if d.severity is Severity.ERROR]
        raise failure(
            "E0610",
            f"the spec in `{shown(path)}` is not one that this version reads",
            notes=(*errors[:3], f"the file was written by dlc {info.version}"),
            help="export the model again with `dlc export`",
        )
    return compilation


def _root_beside(path: Path) -> Path | None:
    """Where the data of a run is, for a model in its run folder."""
    from dlc.runtime.training.run_folder import RUN, open_run

    folder = path.resolve().parent
    return open_run(folder).root if (folder / RUN).is_file() else None


def _targets(
    compilation: Compilation, record: DataRecord | None, data: Data, root: Path
) -> DataSet:
    """The targets and the division of the rows. Inputs are read in chunks, raw."""
    return prepare(
        replace(data, memory="resident"),
        inputs={},
        targets=dict(compilation.program.targets),
        root=root,
        fitted=Preprocessing(inputs={}, labels=record.classes if record else {}),
        losses=[term.loss for term in compilation.settings.loss],
    )


def _model_chunks(
    predictor: Predictor, samples: DataSet, places: Rows, targets: Collection[str]
) -> Chunks:
    for part in predictor.answers(samples.table, only=samples.rows[places]):
        # A row whose input is bad has no answer.
        found = places[np.searchsorted(samples.rows[places], part.numbers)]
        truth: dict[str, Array] = {}
        for name in targets:
            values = samples.arrays[name]
            assert not isinstance(values, Ragged)
            truth[name] = values[found]
        yield found, {**part.outputs, **truth}


# ── a run ────────────────────────────────────────────────────────────────────


def run_subject(folder: Path, device: str = "auto", weights: Which | None = None) -> Subject:
    """A run folder, by torch, with the weights that are asked for. Raises what loading them
    raises."""
    from dlc.runtime.device import choose_device, describe
    from dlc.runtime.export.sources import of_run
    from dlc.runtime.objectives.base import Drawn
    from dlc.runtime.training.host_lengths import host_lengths
    from dlc.runtime.training.run_folder import open_run
    from dlc.runtime.training.streamed import samples_of

    network = of_run(folder, weights)
    compilation, fitted = network.compilation, network.preprocessing
    program, settings = compilation.program, compilation.settings
    inputs = {name: program.graph.values[name] for name in program.graph.inputs}
    where = choose_device(device)
    module = network.module.eval().to(where)

    def read(data: Data, root: Path) -> DataSet:
        return prepare(
            data,
            inputs=inputs,
            targets=dict(program.targets),
            root=root,
            preprocess=settings.preprocess,
            fitted=fitted,
            losses=[term.loss for term in settings.loss],
        )

    def chunks(samples: DataSet, places: Rows) -> Chunks:
        import torch

        tensors = samples_of(
            samples,
            inputs=list(inputs),
            targets=list(dict(program.targets)),
            device=where,
            on_host=host_lengths(program),
            drawn=Drawn(draws=samples.draws, seed=settings.train.seed)
            if samples.draws is not None
            else None,
        )
        take, count = tensors.in_order(places), tensors.count(places)
        for start in range(0, count, _BATCH):
            stop = min(start + _BATCH, count)
            given, targets = take(start, stop)
            with torch.no_grad():
                values = {**module(*(given[name] for name in inputs)), **targets}
            found = tensors.places(places, start, stop)
            yield found, {n: v.cpu().numpy() for n, v in values.items()}

    return Subject(
        compilation=compilation,
        record=network.data,
        root=open_run(folder).root,
        what=shown(folder),
        runs_on=f"runs on {describe(where)}",
        prepare=read,
        chunks=chunks,
    )


# ── rows to show ─────────────────────────────────────────────────────────────


def _samples(
    subject: Subject, samples: DataSet, places: Rows, values: Mapping[str, Array]
) -> list[Sample]:
    settings = subject.compilation.settings
    pairs = [(t.loss.names[0], t.loss.names[1]) for t in settings.loss]
    pairs += [(m.names[0], m.names[1]) for m in settings.metrics]
    classes = subject.record.classes if subject.record else {}
    found = []
    for index, place in enumerate(places):
        truth, answer = {}, {}
        for output, target in dict(pairs).items():
            names = classes.get(target, subject.labels.get(output, ()))
            score, true = values[output][index], values[target][index]
            of_classes = np.ndim(score) == 1 and np.ndim(true) == 0
            said = int(np.argmax(score)) if of_classes else score
            answer[output] = _text(said, names)
            truth[output] = _text(true, names)
        found.append(Sample(row=int(samples.rows[place]), truth=truth, answer=answer))
    return found


def _text(value: Any, names: tuple[str, ...]) -> str:
    if np.ndim(value) == 0 and float(value).is_integer() and 0 <= int(value) < len(names):
        return names[int(value)]
    flat = np.asarray(value).reshape(-1)
    shown_values = " ".join(f"{item:.4g}" for item in flat[:4].tolist())
    return shown_values + (" ..." if len(flat) > 4 else "")
