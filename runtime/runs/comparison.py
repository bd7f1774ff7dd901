"""Several runs side by side: their figures, and where their specs differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlc.compiler import Compilation, Source, check, spec_differences
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.runtime.failures import failure, shown
from dlc.runtime.runs.listing import Run
from dlc.runtime.training.run_folder import RESOLVED


def compiled(run: Run, sets: Sequence[str] = ()) -> Compilation:
    """The spec of a run, compiled again, with what `--set` changes. Raises `Failure` E0613 where
    it cannot be read, `DiagnosticError` where `sets` do not fit it."""
    folder = run.folder
    source = Source(shown(folder.path / RESOLVED), folder.resolved(), "yaml")
    result = check(source, path=folder.root / RESOLVED, root=folder.root, sets=sets)
    found = result.compilation
    if found is None and sets:
        raise DiagnosticError(*result.diagnostics)
    if found is None:
        raise failure(
            "E0613",
            f"`{source.name}` is no spec for this version of dlc",
            notes=(f"the run was made by dlc {folder.record.get('dlc')}",),
            help="compare the runs with that version",
        )
    return found


def figure_rows(runs: Sequence[Run]) -> dict[str, list[float | None]]:
    """Every figure of any of the runs, with a value for each run; best values of monitored
    figures instead of the last ones."""
    names = dict.fromkeys(name for run in runs for name in run.all_figures())
    return {name: [run.figure(name) for run in runs] for name in names}


def setting_rows(runs: Sequence[Run]) -> dict[str, list[str | None]]:
    """Every place in which the spec of a run differs from the first one's, with its text in
    each run; None where a spec has nothing there."""
    specs = [compiled(run).spec for run in runs]
    rows: dict[str, list[str | None]] = {}
    for place, spec in enumerate(specs[1:], 1):
        for difference in spec_differences(specs[0], spec):
            first = [difference.before] * len(runs)
            rows.setdefault(difference.path, first)[place] = difference.after
    return rows


def to_json(runs: Sequence[Run]) -> dict[str, Any]:
    """The members of the JSON answer: for each run its own, the figures, the settings."""
    return {
        "runs": [run.to_json() for run in runs],
        "figures": figure_rows(runs),
        "settings": setting_rows(runs),
    }
