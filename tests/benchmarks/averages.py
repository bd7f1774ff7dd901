"""What averages of weights and ensembles bring on the data that ships, on held-out rows.

Each row is a way to train a spec; its figures are means over divisions of the rows, with five
seeds in each, which are the same for every way. A single network is the spec as it stands. In
brackets is in how many divisions a way is better or as good: the mean of its five networks, or
one ensemble of five, against the mean of five single networks.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dlc.compiler import Source, check
from dlc.runtime.inference.evaluator import evaluate, run_subject
from dlc.runtime.loading import load_module
from dlc.runtime.training.ensemble import start_ensemble
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import RUN

Figures: TypeAlias = Mapping[str, float]

SPECS = Path(__file__).resolve().parents[2] / "specs"
SEEDS = 5
#: For each spec: the figure that is told, whether more is better, its epochs, and divisions.
SUBJECTS: dict[str, tuple[str, bool, int, int]] = {
    "wine": ("accuracy", True, 100, 5),
    "mlp": ("accuracy", True, 60, 5),
    "diabetes": ("mae", False, 100, 5),
    "digits": ("accuracy", True, 40, 2),
}
_THROUGH = "train.early_stopping=null"


def averages(epochs: int) -> dict[str, tuple[str, ...]]:
    """The `--set` arguments of each average. What gets worse on the way by design is not
    stopped early."""
    return {
        "`ema(0.99)`": ("train.average=ema(0.99)",),
        "`top_k(3)`": ("train.average=top_k(3)",),
        "`swa(start=0.75)`, constant rate": (
            "train.average=swa(start=0.75)",
            "schedule=constant()",
            _THROUGH,
        ),
        "`snapshots(5)`, `cosine_restarts`": (
            "train.average=snapshots(5)",
            f"schedule=cosine_restarts(cycle={epochs // 5})",
            _THROUGH,
        ),
    }


def run() -> Iterator[tuple[str, str]]:
    for name, (figure, more, epochs, divisions) in SUBJECTS.items():

        def told(
            what: str,
            found: Sequence[Figures],
            base: Sequence[Figures],
            figure: str = figure,
            more: bool = more,
            name: str = name,
        ) -> tuple[str, str]:
            return f"`{name}`, {what}", _told(found, base, figure, more=more)

        single, mean, vote = zip(*(_trained(name, d) for d in range(divisions)), strict=True)
        yield told("a single network", single, single)
        yield told("ensemble of 5, mean", mean, single)
        yield told("ensemble of 5, vote", vote, single)
        for what, sets in averages(epochs).items():
            found = [_trained(name, d, *sets)[0] for d in range(divisions)]
            yield told(what, found, single)


def _trained(name: str, division: int, *sets: str) -> tuple[Figures, Figures, Figures]:
    """The test figures of five networks on the average, and of the ensembles of them."""
    path = SPECS / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    # Seeds of divisions do not meet.
    here = (f"data.split.seed={division}", f"train.seed={100 * division}")
    result = check(
        Source(path.name, text), path=path, sets=(f"ensemble.members={SEEDS}", *here, *sets)
    )
    assert result.compilation is not None, result.diagnostics
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "run"
        outcome = start_ensemble(
            result.compilation,
            where,
            spec=(path.name, text),
            load=load_module,
            progress=Silent(),
            device="cpu",
        )
        # A vote has the same members.
        record = json.loads((where / RUN).read_text())
        record["ensemble"]["combine"] = "vote"
        vote: Figures = {}
        if name != "diabetes":
            (where / RUN).write_text(json.dumps(record))
            vote = evaluate(run_subject(where, "cpu"), part="test").metrics
    members: list[dict[str, Any]] = [member["test"] for member in outcome.summary["members"]]
    single = {key: statistics.fmean(one[key] for one in members) for key in members[0]}
    return single, outcome.summary["test"], vote


def _told(found: Sequence[Figures], base: Sequence[Figures], figure: str, *, more: bool) -> str:
    if not found[0]:
        return "there are no classes"
    texts = []
    for name, better in ((figure, more), ("loss", False)):
        values = [one[name] for one in found]
        pairs = zip(values, (one[name] for one in base), strict=True)
        as_good = sum(value >= was if better else value <= was for value, was in pairs)
        text = f"{name} {statistics.fmean(values):.4f}"
        texts.append(text if found is base else f"{text} ({as_good} of {len(values)})")
    return ", ".join(texts)
