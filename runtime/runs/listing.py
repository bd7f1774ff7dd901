"""The runs below a folder, and how each of them went."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from dlc.compiler import Diagnostic
from dlc.runtime.failures import Failure, failure, io_failure, shown
from dlc.runtime.training.run_folder import METRICS, RUN, RunFolder, is_locked, open_run

# A run folder has no others inside it but its members, which it speaks for.
_DEPTH = 4


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run. `state` is `finished`, `early_stopping`, `running` or `stopped`; `figures` are
    the last validation's, `test` those of the test part, `best` the monitored figure, its best
    value and the step of it; `step` and `epoch` say how far the run came, `seconds` how long
    that took. `started` is in UTC."""

    folder: RunFolder
    name: str
    state: str
    step: int
    epoch: float
    seconds: float
    figures: Mapping[str, float]
    test: Mapping[str, float]
    best: tuple[str, float, int] | None
    started: datetime

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def digest(self) -> str:
        """That of the spec, `--set` applied."""
        return str(self.folder.record.get("digest", ""))

    def figure(self, name: str) -> float | None:
        """`val_loss`, `test_accuracy`, `seconds`, ...; for a monitored figure its best value."""
        if self.best is not None and self.best[0] == name:
            return self.best[1]
        return self.all_figures().get(name)

    def all_figures(self) -> dict[str, float]:
        """Every figure by its name; those of the test part begin with `test_`."""
        return {**self.figures, **{f"test_{name}": value for name, value in self.test.items()}}

    def to_json(self) -> dict[str, Any]:
        best = self.best
        return {
            "run": str(self.path),
            "name": self.name,
            "digest": self.digest,
            "state": self.state,
            "step": self.step,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "started": self.started.isoformat(timespec="seconds"),
            "metrics": dict(self.figures),
            "test": dict(self.test),
            "best": None
            if best is None
            else dict(zip(("monitor", "value", "step"), best, strict=True)),
        }


def find_runs(places: Sequence[Path]) -> tuple[list[Run], list[Diagnostic]]:
    """The runs that are the given folders or lie below them, oldest first, and what is wrong
    with those that cannot be read. Raises `Failure` E0610 where a place is no folder, E0611
    where it cannot be read."""
    found: dict[Path, Run] = {}
    problems: list[Diagnostic] = []
    for place in places:
        if not place.is_dir():
            raise failure(
                "E0610",
                f"there is no folder `{shown(place)}`",
                help="`dlc train SPEC` makes `runs/<name of SPEC>`",
                exit_code=2,
            )
        for folder in _folders(place, _DEPTH):
            try:
                found.setdefault(folder.resolve(), read_run(folder))
            except Failure as problem:
                problems.append(problem.diagnostic)
    return sorted(found.values(), key=lambda run: (run.started, str(run.path))), problems


def _folders(place: Path, depth: int) -> Iterator[Path]:
    if (place / RUN).is_file():
        yield place
        return
    if depth == 0:
        return
    try:
        inside = sorted(entry for entry in place.iterdir() if entry.is_dir())
    except OSError as error:
        raise io_failure("cannot read", place, error) from error
    for entry in inside:
        if not entry.is_symlink() and not entry.name.startswith("."):
            yield from _folders(entry, depth - 1)


def read_run(path: Path) -> Run:
    """How the run in a folder went. Raises `Failure` E0610, E0611."""
    folder = open_run(path)
    summary = folder.summary()
    last = _last_record(path / METRICS)
    if summary is not None:
        state = str(summary.get("ended", "finished"))
    else:
        state = "running" if is_locked(path) else "stopped"
    told = summary or {}
    trained = {"loss": last["loss"]} if "loss" in last else {}
    validated = {key: value for key, value in last.items() if key.startswith("val_")}
    figures = _numbers({**trained, **told.get("metrics", validated)})
    try:
        started = datetime.fromtimestamp((path / RUN).stat().st_mtime, UTC)
    except OSError as error:
        raise io_failure("cannot read", path / RUN, error) from error
    return Run(
        folder=folder,
        name=str(folder.record.get("name", "")),
        state=state,
        step=int(told.get("steps", last.get("step", 0))),
        epoch=float(told.get("epochs", last.get("epoch", 0.0))),
        seconds=float(told.get("seconds", last.get("seconds", 0.0))),
        figures=figures,
        test=_numbers(told.get("test", {})),
        best=_best(told.get("best")),
        started=started,
    )


def _last_record(path: Path) -> dict[str, Any]:
    """The newest whole record: a run that is being written may have half of one."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def _best(found: Any) -> tuple[str, float, int] | None:
    if not isinstance(found, dict) or not _is_number(found.get("value")):
        return None
    return str(found["monitor"]), float(found["value"]), int(found["step"])


def _numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    """The figures that are numbers; those of folds by their means."""
    plain = {
        name: value.get("mean") if isinstance(value, dict) else value
        for name, value in figures.items()
    }
    return {name: float(value) for name, value in plain.items() if _is_number(value)}


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and math.isfinite(value)
