"""`non_finite.json`: the batches without a finite loss, with the rows that they held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from dlc.compiler.components.sections.train import Train
from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.run_folder import RunFolder

NON_FINITE = "non_finite.json"


class LeftOut(Hook):
    """Writes down batches whose loss or gradient was not finite, and says when there are too
    many: with `on_nan: fail` the first, else the one past `max_skips`.

    A checkpoint keeps the list, so that a resumed run counts on from where it was.
    """

    name: ClassVar[str] = "on_nan"

    def __init__(self, folder: RunFolder, train: Train) -> None:
        self.folder = folder
        self.limit = 0 if train.on_nan == "fail" else train.max_skips
        self.batches: list[dict[str, Any]] = []

    def add(self, step: int, loss: float, rows: Sequence[int]) -> None:
        """Writes a batch down. Raises `Failure` E0609 for one too many, E0611."""
        self.batches.append({"step": step, "rows": [*rows]})
        self.folder.write_json(NON_FINITE, {"batches": self.batches})
        if len(self.batches) <= self.limit:
            return
        message = f"the loss became {loss} in step {step:,}"
        if self.limit:
            message = (
                f"{len(self.batches):,} batches had a loss or gradient that is not finite, "
                f"the last in step {step:,}"
            )
        raise not_finite(self.folder, step, message, rows)

    def state(self) -> dict[str, Any]:
        return {"batches": list(self.batches)} if self.batches else {}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.batches = list(state.get("batches", ()))


def not_finite(folder: RunFolder, step: int, message: str, rows: Sequence[int] = ()) -> Failure:
    """The `Failure` E0609 of a step, whose batch held `rows` of the data."""
    saved = [kept for kept in folder.checkpoints.steps() if kept < step]
    notes = [f"its batch held the rows {_listed(rows)} of the data"] if rows else []
    if saved:
        notes.append(f"the last good checkpoint is `{shown(folder.checkpoints.path(saved[-1]))}`")
    return failure(
        "E0609",
        message,
        notes=tuple(notes),
        help="lower the learning rate, or clip: `train: {clip_grad_norm: 1.0}`",
    )


def not_finite_in(model: Mapping[str, torch.Tensor]) -> str | None:
    """The name of a tensor with values that are not finite; waits for the device."""
    floats = {name: t for name, t in model.items() if t.is_floating_point()}
    if not floats:
        return None
    finite = torch.stack([torch.isfinite(tensor).all() for tensor in floats.values()]).tolist()
    return next((name for name, good in zip(floats, finite, strict=True) if not good), None)


def _listed(rows: Sequence[int]) -> str:
    text = ", ".join(str(row) for row in rows[:10])
    return text if len(rows) <= 10 else f"{text} and {len(rows) - 10} more"
