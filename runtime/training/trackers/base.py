"""What trackers share: when they open, what they log, how they find their run again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from dlc.compiler import flat_settings
from dlc.runtime.training.plan import compile_resolved
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import RunFolder, open_run
from dlc.runtime.training.storage import DISK, replace_file

#: In the run folder: by the name of a tracker, what it finds its run by.
TRACKERS = "trackers.json"


class Tracker(Silent):
    """Logs a run to a service. Subclasses give `open`, `log`, `end`.

    Figures of the training batches are logged as `loss`, ..., those of validations by their
    names, `val_loss`, ...; those of the test part, at the end, as `test_loss`, ... .
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self._opened = False

    # ── to be given ──────────────────────────────────────────────────────────

    def open(self, run: RunFolder, step: int, before: Mapping[str, Any]) -> dict[str, Any]:
        """Begins to log the run of a folder after `step` steps. `before` is what an earlier
        session returned here, empty at first; what is returned must be plain JSON."""
        raise NotImplementedError(self.name)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Finite figures after a step."""
        raise NotImplementedError(self.name)

    def end(self, *, finished: bool) -> None:
        """The session is over; `finished` says whether the run is."""
        raise NotImplementedError(self.name)

    # ── what every tracker does with them ────────────────────────────────────

    def start(self, *, step: int, total_steps: int, steps_per_epoch: int, folder: Path) -> None:
        # A member of several runs may have been left open by a signal.
        self.close()
        run = open_run(folder)
        known = read_known(folder)
        known[self.name] = self.open(run, step, known.get(self.name, {}))
        text = json.dumps(known, indent=2, sort_keys=True) + "\n"
        replace_file(folder / TRACKERS, text.encode(), DISK)
        self._opened = True

    def advance(
        self,
        *,
        step: int,
        samples_per_second: float,
        figures: Mapping[str, float],
        gauges: Mapping[str, float],
    ) -> None:
        training = {n: v for n, v in figures.items() if not n.startswith("val_")}
        self.log(finite({**training, **gauges, "samples_per_second": samples_per_second}), step)

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None:
        figures = {n: v for n, v in record.items() if n.startswith("val_")}
        self.log(finite({**figures, "epoch": record["epoch"]}), record["step"])

    def concluded(self, summary: Mapping[str, Any]) -> None:
        if not self._opened:
            return
        figures = {f"test_{name}": value for name, value in summary.get("test", {}).items()}
        self.log(finite(figures), summary["steps"])
        self._opened = False
        self.end(finished=True)

    def close(self) -> None:
        """Ends what a session left open."""
        if self._opened:
            self._opened = False
            self.end(finished=False)


def read_known(folder: Path) -> dict[str, Any]:
    """What the trackers of a run folder left there, by their names; empty where there is no
    such file, or none that can be read: a run is worth more than its curves."""
    try:
        found = json.loads((folder / TRACKERS).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, dict)}


def settings_of(run: RunFolder) -> dict[str, str]:
    """The settings of a run, flat, with its seed and digest."""
    settings = flat_settings(compile_resolved(run).spec)
    return {**settings, "digest": str(run.record.get("digest", ""))}


def finite(figures: Mapping[str, Any]) -> dict[str, float]:
    """The figures that are numbers."""
    return dict(_finite(figures))


def _finite(figures: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in figures.items():
        if isinstance(value, int | float) and math.isfinite(value):
            yield name, float(value)
