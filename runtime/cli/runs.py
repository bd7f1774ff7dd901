"""`dlc runs`: the runs of a folder, or some of them side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlc.compiler.cli.output import add_common, report, terminal_width
from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.runtime.failures import failure, shown

if TYPE_CHECKING:
    from dlc.compiler import Diagnostic
    from dlc.runtime.runs.listing import Run

_STATES = {"early_stopping": "stopped early"}
_TEXT_WIDTH = 48


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc runs
         dlc runs --sort val_loss
         dlc runs runs/wide runs/narrow

One folder or none lists the runs in it; two or more runs are compared: their figures,
and every place in which their specs differ."""
    parser.add_argument(
        "places", nargs="*", metavar="DIR", help="runs, or folders of them (default: runs)"
    )
    parser.add_argument(
        "--sort", metavar="FIGURE", help="val_loss, test_accuracy, seconds, ...; the least first"
    )
    parser.add_argument("--reverse", action="store_true", help="the greatest, or the newest, first")
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    from dlc.runtime.runs.listing import find_runs

    places = [Path(place) for place in arguments.places or ["runs"]]
    runs, problems = find_runs(places)
    if arguments.sort is not None:
        runs = _sorted(runs, arguments.sort, arguments.reverse)
    elif arguments.reverse:
        runs.reverse()
    if len(places) > 1:
        return _compare(runs, arguments, problems)
    record = {"runs": [found.to_json() for found in runs]}
    return report(problems, arguments, "runs", record, answer=_listing(runs, places[0]))


def _sorted(runs: Sequence[Run], figure: str, reverse: bool) -> list[Run]:
    """By a figure; runs without it come last either way."""
    plain = {"seconds": "seconds", "steps": "step"}
    known = dict.fromkeys((*plain, *(name for run in runs for name in run.all_figures())))
    if runs and figure not in known:
        near = closest(figure, known)
        raise failure(
            "E0202",
            f"no run has a figure `{figure}`",
            help=f"`{near}` is one" if near else f"there is {listed(known)}",
            exit_code=2,
        )

    def key(run: Run) -> tuple[bool, float]:
        value = getattr(run, plain[figure]) if figure in plain else run.figure(figure)
        if value is None:
            return True, 0.0
        return False, -value if reverse else value

    return sorted(runs, key=key)


# ── one beside the other ─────────────────────────────────────────────────────


def _listing(runs: Sequence[Run], place: Path) -> str:
    if not runs:
        return f"no runs in {shown(place)}"
    rows = [("run", "spec", "state", "epochs", "steps", "best", "test", "time", "started")]
    for run in runs:
        rows.append(
            (
                shown(run.path),
                run.name,
                _STATES.get(run.state, run.state),
                f"{run.epoch:.3g}",
                f"{run.step:,}",
                _best(run),
                "  ".join(f"{name} {value:.4g}" for name, value in run.test.items()),
                _time(run.seconds),
                f"{run.started.astimezone():%Y-%m-%d %H:%M}",
            )
        )
    # What is least missed goes first where the terminal is narrow.
    for column in (None, 8, 1, 7, 3):
        if column is not None:
            rows = [(*row[:column], *row[column + 1 :]) for row in rows]
        lines = _aligned(rows, numbers=("epochs", "steps", "time"))
        if max(map(len, lines)) <= terminal_width(sys.stdout):
            break
    return "\n".join(lines)


def _best(run: Run) -> str:
    if run.best is not None:
        return f"{run.best[0]} {run.best[1]:.4g}"
    name = next((name for name in ("val_loss", "loss") if name in run.figures), None)
    return "" if name is None else f"{name} {run.figures[name]:.4g}"


def _time(seconds: float) -> str:
    from dlc.runtime.training.progress import time_text

    return time_text(seconds)


# ── compared ─────────────────────────────────────────────────────────────────


def _compare(
    runs: Sequence[Run], arguments: argparse.Namespace, problems: Sequence[Diagnostic]
) -> int:
    from dlc.runtime.runs.comparison import to_json

    if len(runs) < 2:
        raise failure(
            "E0309",
            f"there is {'one run' if runs else 'no run'} to compare",
            help="name two runs or more, or one folder to list them",
            exit_code=2,
        )
    record = to_json(runs)
    rows = [("", *(shown(run.path) for run in runs))]
    rows.append(("state", *(_STATES.get(run.state, run.state) for run in runs)))
    rows.append(("steps", *(f"{run.step:,}" for run in runs)))
    rows.append(("time", *(_time(run.seconds) for run in runs)))
    for name, values in record["figures"].items():
        rows.append((name, *("-" if value is None else f"{value:.4g}" for value in values)))
    lines = _aligned(rows, numbers=rows[0][1:])
    settings = record["settings"]
    if not settings:
        lines += ["", "the specs are the same"]
    else:
        table = [("spec", *(shown(run.path) for run in runs))]
        for path, texts in settings.items():
            table.append((path, *("-" if text is None else _short(text) for text in texts)))
        lines += ["", *_aligned(table, numbers=())]
    return report(problems, arguments, "runs", record, answer="\n".join(lines))


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_WIDTH else text[: _TEXT_WIDTH - 1] + "…"


def _aligned(rows: Sequence[tuple[str, ...]], *, numbers: Sequence[str]) -> list[str]:
    """The rows as lines; columns whose head is among `numbers` stand to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    right = [head in numbers for head in rows[0]]
    return [
        "  ".join(
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
