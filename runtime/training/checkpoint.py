"""Checkpoints: folders `step-00001234` that are complete or do not exist.

A checkpoint is `model.safetensors`, `optimizer.safetensors`, `state.json`, where hooks keep
tensors `averages.safetensors`, and `manifest.json`, which holds the SHA-256 of the others and
vouches for itself. It is written under another name, synced, and renamed; nothing is ever
changed in place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from dlc.runtime.failures import Failure, failure, io_failure, shown
from dlc.runtime.training.storage import DISK, Disk, clean, discard, place_folder
from dlc.runtime.training.tensors import Array, decode, encode

MODEL = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
AVERAGES = "averages.safetensors"
STATE = "state.json"
#: The hook that averages weights: its tensors `average/weights/<state_dict key>` are the average.
AVERAGE = "average"
_AVERAGED = f"{AVERAGE}/weights/"
MANIFEST = "manifest.json"
#: The weights of a run: of the best validation, as it measured them; of the last step; the average
#: as of the last step.
Which: TypeAlias = Literal["best", "last", "average"]
_FORMAT = 1
_FOLDER = re.compile(r"step-(\d{8,})\Z")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of training after `step` optimizer steps. Tensors are numpy arrays, or
    torch tensors where they are about to be written; `averages` are those of hooks, by
    `<hook>/<name>`; `state` is plain JSON."""

    step: int
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    state: Mapping[str, Any]
    averages: Mapping[str, Any] = field(default_factory=dict)

    def average(self) -> dict[str, Any]:
        """The average of the weights by state_dict key; empty where there is none."""
        return {
            name.removeprefix(_AVERAGED): array
            for name, array in self.averages.items()
            if name.startswith(_AVERAGED)
        }

    @property
    def validates_average(self) -> bool:
        """Whether validations measure the average where there is one."""
        return bool(self.state.get("hooks", {}).get(AVERAGE, {}).get("watched"))


class CheckpointStore:
    """The checkpoints of one run, in the folder `checkpoints`. One that does not `write`
    leaves that to another process."""

    def __init__(self, folder: Path, disk: Disk = DISK, *, writes: bool = True) -> None:
        self.folder = folder
        self.disk = disk
        self.writes = writes

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def steps(self) -> tuple[int, ...]:
        """The steps of all checkpoints, ascending; whether they verify is another question."""
        try:
            names = [entry.name for entry in self.folder.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise io_failure("cannot read", self.folder, error) from error
        return tuple(sorted(int(found[1]) for name in names if (found := _FOLDER.match(name))))

    def save(self, checkpoint: Checkpoint) -> Path:
        """Writes a checkpoint. Raises `Failure` E0611; what was saved before is untouched
        then, and no temporary file is left."""
        target = self.path(checkpoint.step)
        if not self.writes:
            return target
        files = {
            MODEL: encode(checkpoint.model),
            OPTIMIZER: encode(checkpoint.optimizer),
            STATE: iter((_json({"step": checkpoint.step, **checkpoint.state}),)),
        }
        if checkpoint.averages:
            files[AVERAGES] = encode(checkpoint.averages)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            place_folder(target, files, _manifest, self.disk)
        except OSError as error:
            raise io_failure("cannot save the checkpoint", target, error) from error
        return target

    def load(self, step: int) -> Checkpoint:
        """A checkpoint whose every byte is as it was written. Raises `Failure` E0608 for a
        damaged one, E0611 where it cannot be read."""
        path = self.path(step)
        files = self._verified(path)
        try:
            state = json.loads(files[STATE])
            if state.pop("step") != step:
                raise ValueError("it belongs to another step")
            return Checkpoint(
                step=step,
                model=decode(files[MODEL]),
                optimizer=decode(files[OPTIMIZER]),
                averages=decode(files[AVERAGES]) if AVERAGES in files else {},
                state=state,
            )
        except (ValueError, KeyError) as error:
            raise _corrupt(path, str(error)) from None

    def _verified(self, path: Path) -> dict[str, bytes]:
        def read(name: str) -> bytes:
            try:
                return (path / name).read_bytes()
            except FileNotFoundError:
                raise _corrupt(path, f"`{name}` is missing") from None
            except OSError as error:
                raise io_failure("cannot read", path / name, error) from error

        content = read(MANIFEST)
        try:
            digests: dict[str, str] = json.loads(content)["files"]
            whole = {*digests, AVERAGES} == {MODEL, OPTIMIZER, STATE, AVERAGES}
            genuine = _manifest(digests)[1] == content and whole
        except (ValueError, KeyError, TypeError, AttributeError):
            genuine = False
        if not genuine:
            raise _corrupt(path, f"`{MANIFEST}` is not as it was written")
        files = {}
        for name, digest in digests.items():
            files[name] = read(name)
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise _corrupt(path, f"`{name}` does not match its SHA-256")
        return files

    def load_newest(self, report: Callable[[Failure], None] | None = None) -> Checkpoint | None:
        """The newest checkpoint that verifies, None where there is none. Each damaged one
        on the way is given to `report`. Raises `Failure` E0608 where all are damaged."""
        damaged: Failure | None = None
        for step in reversed(self.steps()):
            try:
                return self.load(step)
            except Failure as problem:
                if problem.diagnostic.code.number != "E0608":
                    raise
                damaged = problem
                if report is not None:
                    report(problem)
        if damaged is not None:
            raise failure(
                "E0608",
                f"no checkpoint in `{shown(self.folder)}` is whole",
                notes=(damaged.diagnostic.message,),
                help="take the folder from a backup, or train again into another one",
            )
        return None

    def prune(self, keep: int, best: int | None = None) -> None:
        """Removes all but the newest `keep` and the best."""
        if not self.writes:
            return
        for step in self.steps()[:-keep]:
            if step != best:
                try:
                    discard(self.path(step), self.disk)
                except OSError as error:
                    raise io_failure("cannot remove", self.path(step), error) from error

    def clean(self) -> None:
        """Removes what an interrupted save left. Only under the lock of the run."""
        clean(self.folder, self.disk)


def no_weights(folder: Path) -> Failure:
    """What is said of a run folder without checkpoints."""
    place = shown(folder)
    if (folder / "members").is_dir():
        return failure(
            "E0610",
            f"`{place}` holds the runs of its members, and no weights of its own",
            help=f"name one of them: `{place}/members/0`",
        )
    return failure(
        "E0610",
        f"`{place}` holds no weights yet",
        help=f"train it: `dlc train --resume {place}`",
    )


def load_weights(folder: Path, which: Which | None = None) -> dict[str, Array]:
    """The weights of a run folder by state_dict key; None are those that the run ends with.
    Raises `Failure` E0608, E0610, E0611."""
    return dict(choose(folder, which).model)


def choose(folder: Path, which: Which | None = None) -> Checkpoint:
    """The checkpoint that holds the weights that are asked for, with these as its `model`.

    None are those that the run ends with: where a figure is monitored, those of the best
    validation, as it measured them; else the last, or their average. An average that no
    validation has measured is what the run ends with in any case. The `figures` in the state
    are those of the weights, and absent where no validation has measured them. Raises `Failure`
    E0608, E0611, and E0610 where there is nothing of the kind.
    """
    store = CheckpointStore(folder / "checkpoints")
    newest = store.load_newest()
    if newest is None:
        raise no_weights(folder)
    average = newest.average()
    if which == "last":
        return _unmeasured(newest) if average and newest.validates_average else newest
    if which == "average" or (which is None and average and not newest.validates_average):
        if not average:
            raise failure(
                "E0610",
                f"`{shown(folder)}` holds no average of its weights",
                help="leave `--weights` out; `train.average` makes one, such as `ema(0.999)`",
            )
        found = replace(newest, model=average)
        return found if newest.validates_average else _unmeasured(found)
    step = newest.state.get("best", {}).get("step") if which == "best" else best_step(newest)
    if which == "best" and step is None:
        raise failure(
            "E0610",
            f"`{shown(folder)}` monitors no figure, so that no weights are the best",
            help="leave `--weights` out; `train.early_stopping` makes a run monitor one",
        )
    found = newest if step in (None, newest.step) else store.load(int(step or 0))
    average = found.average()
    return replace(found, model=average) if average and found.validates_average else found


def _unmeasured(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, state={**checkpoint.state, "figures": {}})


def best_step(checkpoint: Checkpoint) -> int | None:
    """The step whose weights a run ends with, as far as a checkpoint knows it: that of the
    best validation. None where no figure is monitored, or the last weights are wanted."""
    step = checkpoint.state.get("best", {}).get("step")
    wanted = step is not None and checkpoint.state.get("restore_best", True)
    return int(step) if wanted else None


def weights_sha256(weights: Mapping[str, Any]) -> str:
    """The hash of weights: that of their safetensors file."""
    digest = hashlib.sha256()
    for chunk in encode({name: np.asarray(value) for name, value in weights.items()}):
        digest.update(chunk)
    return digest.hexdigest()


def _manifest(digests: Mapping[str, str]) -> tuple[str, bytes]:
    files = dict(sorted(digests.items()))
    vouched = hashlib.sha256(_json({"format": _FORMAT, "files": files})).hexdigest()
    return MANIFEST, _json({"format": _FORMAT, "files": files, "sha256": vouched})


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _corrupt(path: Path, reason: str) -> Failure:
    return failure("E0608", f"the checkpoint `{shown(path)}` is damaged: {reason}")
