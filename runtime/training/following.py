"""All who follow a run, as one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlc.runtime.failures import failure
from dlc.runtime.training import trackers
from dlc.runtime.training.progress import Progress, progress_for
from dlc.runtime.training.trackers.base import Tracker, read_known


class Following:
    """A `Progress` that passes on what it is told. What a tracker raises ends its part, with
    one line, and not the run."""

    def __init__(self, screen: Progress, trackers: Sequence[Tracker]) -> None:
        self.screen = screen
        self.trackers = list(trackers)

    def start(self, *, step: int, total_steps: int, steps_per_epoch: int, folder: Path) -> None:
        # What trackers print on opening must not run into the live view.
        self._tell(
            "start",
            step=step,
            total_steps=total_steps,
            steps_per_epoch=steps_per_epoch,
            folder=folder,
        )
        self.screen.start(
            step=step, total_steps=total_steps, steps_per_epoch=steps_per_epoch, folder=folder
        )

    def advance(
        self,
        *,
        step: int,
        samples_per_second: float,
        figures: Mapping[str, float],
        gauges: Mapping[str, float],
    ) -> None:
        told = {"samples_per_second": samples_per_second, "figures": figures, "gauges": gauges}
        self.screen.advance(
            step=step, samples_per_second=samples_per_second, figures=figures, gauges=gauges
        )
        self._tell("advance", step=step, **told)

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None:
        self.screen.validated(record, best=best)
        self._tell("validated", record, best=best)

    def say(self, text: str) -> None:
        self.screen.say(text)

    def stop(self) -> None:
        self.screen.stop()
        self._tell("stop")

    def concluded(self, summary: Mapping[str, Any]) -> None:
        self.screen.concluded(summary)
        self._tell("concluded", summary)

    def close(self) -> None:
        self._tell("close")

    def _tell(self, method: str, *arguments: Any, **keywords: Any) -> None:
        for tracker in tuple(self.trackers):
            try:
                getattr(tracker, method)(*arguments, **keywords)
            except Exception as error:
                # A server that is away, a full disk of its own: hours of training outweigh it.
                self.trackers.remove(tracker)
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                self.screen.say(f"warning: `{tracker.name}` is left out from here on: {reason}")


@contextmanager
def following(
    names: Sequence[str], folder: Path | None = None, *, quiet: bool = False
) -> Iterator[Progress]:
    """The terminal and the named trackers; with `folder`, those too that its run had before.
    Nobody follows a `quiet` process. Raises `Failure` E0603 where the library of a
    tracker is not installed."""
    if quiet:
        yield progress_for(sys.stderr, quiet=True)
        return
    known = [name for name in trackers.NAMES if folder and name in read_known(folder)]
    found = [_load(name) for name in dict.fromkeys((*names, *known))]
    screen = progress_for(sys.stderr)
    if not found:
        yield screen
        return
    together = Following(screen, found)
    try:
        yield together
    finally:
        together.close()


def _load(name: str) -> Tracker:
    try:
        return trackers.load(name)
    except ModuleNotFoundError as error:
        raise failure(
            "E0603",
            f"`--log {name}` needs `{error.name}`, which is not installed",
            help=f"pip install 'dlc[{name}]'",
            exit_code=2,
        ) from None
