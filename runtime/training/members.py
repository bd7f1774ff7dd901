"""Runs in the folder of a run: those of folds, or of the members of an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlc.runtime.data.preprocessing import Preprocessing
from dlc.runtime.training import session
from dlc.runtime.training.assembly import Load
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.progress import Progress
from dlc.runtime.training.run_folder import MEMBERS, RUN, RunFolder, open_run
from dlc.runtime.training.storage import DISK, Disk


@dataclass(frozen=True, kw_only=True)
class Members:
    """The members of a run, counted from 0. By its number: the `plan` of one, its `spec` as it
    was given, the `--set` arguments that made it (`sets`), and what is `told` of it. With
    `one_preprocessing` all are preprocessed as the first."""

    run: RunFolder
    count: int
    plan: Callable[[int], Plan]
    spec: Callable[[int], tuple[str, str]]
    sets: Callable[[int], Sequence[str]]
    told: Callable[[int], str]
    load: Load
    progress: Progress
    device: str
    disk: Disk = DISK
    one_preprocessing: bool = False

    def folder(self, member: int) -> Path:
        return self.run.path / MEMBERS / str(member)

    def train(self) -> list[session.Outcome]:
        """Trains one after another, each as far as it is not trained yet, until one is stopped.
        Raises `Failure`."""
        outcomes = []
        for member in range(self.count):
            outcomes.append(self._train(member))
            if stop_of(outcomes) is not None:
                break
        return outcomes

    def _train(self, member: int) -> session.Outcome:
        folder = self.folder(member)
        begun = (folder / RUN).exists()
        summary = open_run(folder).summary() if begun else None
        if summary is not None:
            return session.Outcome(folder=folder, summary=summary)
        self.progress.say(self.told(member))
        if begun:
            return session.resume(
                folder,
                lambda _: self.plan(member),
                load=self.load,
                progress=self.progress,
                device=self.device,
                disk=self.disk,
            )
        return session.start(
            self.plan(member),
            folder,
            spec=self.spec(member),
            load=self.load,
            progress=self.progress,
            device=self.device,
            sets=self.sets(member),
            disk=self.disk,
            fitted=self.fitted(member),
        )

    def fitted(self, member: int) -> Preprocessing | None:
        """The preprocessing that a member takes over."""
        if not self.one_preprocessing or member == 0:
            return None
        return open_run(self.folder(0)).preprocessing()


def stop_of(outcomes: Sequence[session.Outcome]) -> session.Outcome | None:
    """The outcome that was stopped: the last one, if any."""
    last = outcomes[-1] if outcomes else None
    return last if last is not None and (last.exit_code or last.signal) else None
