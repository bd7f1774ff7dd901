"""What an ensemble asks of the spec that it stands in."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.averages.snapshots import Snapshots
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.combination import combinations
from dlc.compiler.components.sections.ensemble import Ensemble
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.ir.types import TensorType
from dlc.compiler.semantics.instantiate import blamed
from dlc.compiler.syntax import tree


def entries_of(spec: tree.File) -> Mapping[str, tree.Expr]:
    """The values of the section by key."""
    return _entries(next((e.value for e in spec.settings if e.key.text == "ensemble"), None))


def _entries(section: tree.Expr | None) -> dict[str, tree.Expr]:
    entries = section.entries if isinstance(section, tree.Mapping) else ()
    return {entry.key.text: entry.value for entry in entries}


def files_of(spec: tree.File) -> tuple[tree.Text, ...]:
    """The names of the further specs, at their places."""
    listed = entries_of(spec).get("specs")
    items = listed.items if isinstance(listed, tree.ListExpr) else ()
    return tuple(item for item in items if isinstance(item, tree.Text))


def check_combined(
    spec: tree.File,
    settings: Settings,
    outputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    collector: Collector,
) -> None:
    """The outputs of several networks, or of several snapshots of one, can be combined, and
    there are the folds that are asked for."""
    if isinstance(settings.train.average, Snapshots):
        place = next(e for e in spec.settings if e.key.text == "train")
        places = _entries(place.value)
        try:
            combinations(settings, outputs, targets, "mean")
        except ComponentError as problem:
            found = places["average"].span if "average" in places else place.key.span
            collector.add(blamed(problem, found, {}))
    ensemble = settings.ensemble
    if ensemble is None:
        return
    entries = entries_of(spec)
    at = next(e.key.span for e in spec.settings if e.key.text == "ensemble")
    try:
        combinations(settings, outputs, targets, ensemble.combine)
    except ComponentError as problem:
        collector.add(blamed(problem, at, entries))
    if ensemble.vary == "fold":
        lacking = _without_folds(ensemble, settings)
        if lacking is not None:
            collector.add(blamed(lacking, at, entries))


def _without_folds(ensemble: Ensemble, settings: Settings) -> ComponentError | None:
    split = settings.data.split if settings.data is not None else None
    folds = split.folds if split is not None else None
    if folds is None:
        return ComponentError(
            "E0309",
            "`vary: fold` trains on the folds of `data.split`, and the spec has none",
            blame="vary",
            help="say how many: `data: {split: {folds: 5, test: 0.2}}`",
        )
    if isinstance(folds, int) and ensemble.members is not None and ensemble.members > folds:
        return ComponentError(
            "E0302",
            f"{ensemble.members} members want a fold each, and `data.split` has {folds}",
            blame="members",
            help="leave `members` out: there is one for each fold",
        )
    return None
