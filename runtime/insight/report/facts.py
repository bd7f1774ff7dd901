"""What there is to report of a run, read from its folder and measured anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlc.compiler import Compilation, Diagnostic
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.runtime.data.audit.diagnose import diagnostics
from dlc.runtime.failures import Failure
from dlc.runtime.inference.evaluator import Subject
from dlc.runtime.insight.bias_variance import Verdict, judge
from dlc.runtime.insight.errors import Examined, examine
from dlc.runtime.runs.comparison import compiled
from dlc.runtime.runs.listing import Run, read_run
from dlc.runtime.training.run_folder import METRICS, MONITORS, SPIKES

Records = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One run. `examined` are the errors on rows that were kept from training, `verdicts` of bias
    and variance, `audit` what is to be said of the data, `notes` what could not be looked at and
    why."""

    run: Run
    compilation: Compilation
    metrics: Records
    monitors: Records
    spikes: Records
    summary: dict[str, Any]
    examined: Examined | None
    verdicts: tuple[Verdict, ...]
    audit: tuple[Diagnostic, ...]
    notes: tuple[str, ...]

    @property
    def findings(self) -> Records:
        """What the monitors said, with the step of each."""
        return [
            {**finding, "step": record["step"]}
            for record in self.monitors
            for finding in record.get("findings", ())
        ]


def facts_of(
    path: Path, subject: Subject | None, *, by: Sequence[str] = (), best: float = 0.0
) -> Facts:
    """The facts of a run folder; `subject` is what answers for it, None where nothing can.
    Raises `Failure` E0610 where the folder is no run, E0605 for a column `by` that is not
    there."""
    run = read_run(path)
    compilation = compiled(run)
    folder, notes = run.path, []
    metrics = _records(folder / METRICS)
    examined: Examined | None = None
    verdicts: tuple[Verdict, ...] = ()
    audit: tuple[Diagnostic, ...] = ()
    if subject is None:
        notes.append("errors need PyTorch, or the run's exported model: `dlc export` makes it")
    else:
        try:
            examined = examine(subject, by=by)
            course = [r["val_loss"] for r in metrics if r.get("val_loss") is not None]
            verdicts = verdicts_of(
                subject,
                compilation,
                best=best,
                course=tuple(course),
                stopped=run.state == "early_stopping",
            )
        except (Failure, DiagnosticError) as problem:
            if isinstance(problem, Failure) and problem.diagnostic.code.number == "E0605":
                raise
            notes.append(f"errors are left out: {_reason(problem)}")
    try:
        audit = _audit(compilation)
    except (Failure, DiagnosticError) as problem:
        notes.append(f"the data was not audited: {_reason(problem)}")
    return Facts(
        run=run,
        compilation=compilation,
        metrics=metrics,
        monitors=_records(folder / MONITORS),
        spikes=_spikes(folder / SPIKES),
        summary=run.folder.summary() or {},
        examined=examined,
        verdicts=verdicts,
        audit=audit,
        notes=tuple(notes),
    )


def verdicts_of(
    subject: Subject,
    compilation: Compilation,
    *,
    best: float,
    course: tuple[float, ...],
    stopped: bool,
) -> tuple[Verdict, ...]:
    """Bias and variance of each output, by the rows of the training and the validation part.
    Raises what `examine` raises; E0604 where there is no validation part."""
    training = {e.output: e for e in examine(subject, part="train").errors}
    validation = examine(subject, part="validation").errors
    return tuple(
        judge(
            training[errors.output],
            errors,
            compilation,
            best=best,
            course=course,
            stopped=stopped,
        )
        for errors in validation
    )


def _reason(problem: Failure | DiagnosticError) -> str:
    found = problem.diagnostic if isinstance(problem, Failure) else problem.diagnostics[0]
    return found.message


def _audit(compilation: Compilation) -> tuple[Diagnostic, ...]:
    from dlc.runtime.data.audit.examine import examine as examine_data
    from dlc.runtime.data.audit.findings import find

    return tuple(d for _, d in diagnostics(find(examine_data(compilation)), compilation))


def _records(path: Path) -> Records:
    """The whole lines of a file; a run that is under way may have written half of one."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def _spikes(path: Path) -> Records:
    if not path.is_file():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["spikes"]
    except (ValueError, KeyError, TypeError):
        return []
    return [one for one in found if isinstance(one, dict)]
