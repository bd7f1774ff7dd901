"""Cross-validation: a run for each fold, and what they say together.

runs/x/               as a run: spec, resolved spec, model.py, run.json, summary.json, lock
runs/x/members/0/     the run of fold 0, whole in itself: evaluate, export, resume take it
runs/x/members/1/     ...
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlc.compiler.version import VERSION
from dlc.runtime.data.dividing import count_folds
from dlc.runtime.failures import failure, shown
from dlc.runtime.training import session
from dlc.runtime.training.assembly import Load
from dlc.runtime.training.members import Members, stop_of
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.run_folder import (
    MEMBERS,
    MODULE,
    RESOLVED,
    SUMMARY,
    RunFolder,
    abandon,
    create_run,
    open_run,
    resume_run,
)
from dlc.runtime.training.storage import DISK, Disk

#: The plan of one fold, made from the resolved spec of the folder.
FoldPlan = Callable[[RunFolder, int], Plan]


def start_folds(
    plan: Plan,
    folder: Path,
    *,
    fold_plan: FoldPlan,
    spec: tuple[str, str],
    load: Load,
    progress: Progress,
    device: str = "auto",
    sets: Iterable[str] = (),
    disk: Disk = DISK,
) -> session.Outcome:
    """Trains every fold of `plan.data.split`, one after another. Arguments are those of
    `session.start`. Raises `Failure`; E0309 where the spec has no folds."""
    split = plan.data.split
    if split is None or split.folds is None:
        raise failure(
            "E0309",
            "`--folds` trains the folds of `data.split`, and the spec has none",
            help="say how many: `--set data.split.folds=5`",
            exit_code=2,
        )
    run = create_run(folder, disk=disk)
    try:
        count = count_folds(plan.data, plan.root, columns_of(plan))
        run.commit(
            {
                "spec" + Path(spec[0]).suffix: spec[1].encode(),
                RESOLVED: plan.resolved.encode(),
                MODULE: plan.source.encode(),
            },
            {
                "dlc": VERSION,
                "spec": "spec" + Path(spec[0]).suffix,
                "name": plan.name,
                "digest": plan.digest,
                "graph_digest": plan.graph_digest,
                "root": Path(os.path.relpath(plan.root.resolve(), folder.resolve())).as_posix(),
                "arguments": {"spec": spec[0], "set": list(sets), "device": device},
                "folds": count,
                "versions": session.versions(),
            },
        )
    except BaseException:
        abandon(run)
        raise
    return _train(run, _folds(run, fold_plan, spec, load, progress, device, tuple(sets), disk))


def resume_folds(
    folder: Path,
    *,
    fold_plan: FoldPlan,
    load: Load,
    progress: Progress,
    device: str | None = None,
    disk: Disk = DISK,
) -> session.Outcome:
    """Goes on where the folds of a folder stopped: those that ended are left as they are."""
    run = resume_run(folder, disk=disk)
    given = run.record["arguments"]
    spec, sets = (given["spec"], run.spec()), tuple(given["set"])
    where = device or given["device"]
    return _train(run, _folds(run, fold_plan, spec, load, progress, where, sets, disk))


def is_of_folds(folder: Path) -> bool:
    """Whether a run folder holds the runs of folds. Raises `Failure` E0610 for none at all."""
    return "folds" in open_run(folder).record


def columns_of(plan: Plan) -> dict[str, str]:
    """The column that an input or target stands for, where the spec maps it to one."""
    return {
        name: column if isinstance(column, str) else column[0]
        for name, column in plan.data.columns.items()
    }


def _folds(
    run: RunFolder,
    fold_plan: FoldPlan,
    spec: tuple[str, str],
    load: Load,
    progress: Progress,
    device: str,
    sets: tuple[str, ...],
    disk: Disk,
) -> Members:
    count = run.record["folds"]
    return Members(
        run=run,
        count=count,
        plan=lambda fold: fold_plan(run, fold),
        spec=lambda _: spec,
        sets=lambda fold: (*sets, fold_setting(fold)),
        told=lambda fold: f"fold {fold}, of {count}",
        load=load,
        progress=progress,
        device=device,
        disk=disk,
    )


def _train(run: RunFolder, folds: Members) -> session.Outcome:
    try:
        outcomes = folds.train()
        stopped = stop_of(outcomes)
        summaries = [outcome.summary for outcome in outcomes if outcome is not stopped]
        summary = _together(run, summaries, ended="stopped" if stopped else "finished")
        if stopped is not None:
            return replace(stopped, folder=run.path, summary=summary)
        run.write_json(SUMMARY, summary)
        return session.Outcome(folder=run.path, summary=summary)
    finally:
        run.close()


def fold_setting(fold: int) -> str:
    """The `--set` that makes a spec that of one fold."""
    return f"data.split.fold={fold}"


# ── what they say together ───────────────────────────────────────────────────


def _together(
    run: RunFolder, summaries: Sequence[Mapping[str, Any]], *, ended: str
) -> dict[str, Any]:
    """For each figure the mean and the deviation over the folds (n - 1 in its divisor), and
    what the folds say of it one by one."""
    return {
        "name": run.record["name"],
        "ended": ended,
        "folds": run.record["folds"],
        "steps": sum(summary["steps"] for summary in summaries),
        "seconds": round(sum(summary["seconds"] for summary in summaries), 3),
        "metrics": _figures([summary.get("metrics", {}) for summary in summaries]),
        "test": _figures([summary.get("test", {}) for summary in summaries]),
        "members": [
            {"run": f"{MEMBERS}/{fold}", "steps": s["steps"], "weights": s.get("weights")}
            for fold, s in enumerate(summaries)
        ],
    }


def _figures(folds: Sequence[Mapping[str, float | None]]) -> dict[str, dict[str, Any]]:
    names = list(dict.fromkeys(name for figures in folds for name in figures))
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        values = [figures.get(name) for figures in folds]
        known = [value for value in values if value is not None and math.isfinite(value)]
        found[name] = {
            "mean": statistics.fmean(known) if known else None,
            "deviation": statistics.stdev(known) if len(known) > 1 else None,
            "values": values,
        }
    return found


def table(folder: Path, summary: Mapping[str, Any]) -> str:
    """The figures of the folds, a line each, and their mean ± deviation below."""
    figures = {**summary["metrics"], **{f"test_{n}": f for n, f in summary["test"].items()}}
    done = len(summary["members"])
    lines = [f"{shown(folder)}: {summary['name']}, {done} of {summary['folds']} folds"]
    if not figures:
        return lines[0]
    rows = [["fold", *figures]]
    for fold in range(done):
        rows.append([str(fold), *(number(f["values"][fold]) for f in figures.values())])
    rows.append(["mean ± deviation", *(_spread(f) for f in figures.values())])
    return "\n".join([*lines, *aligned(rows)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def number(value: float | None) -> str:
    """A figure in four digits."""
    return "-" if value is None else f"{value:.4g}"


def _spread(figure: Mapping[str, Any]) -> str:
    if figure["deviation"] is None:
        return number(figure["mean"])
    return f"{figure['mean']:.4g} ± {figure['deviation']:.2g}"
