"""The hook of a plan's average."""

from __future__ import annotations

from dlc.compiler.components.averages.ema import Ema
from dlc.compiler.components.averages.snapshots import Snapshots
from dlc.compiler.components.averages.swa import Swa
from dlc.compiler.components.averages.top_k import TopK
from dlc.runtime.training.averages.ema import EmaHook
from dlc.runtime.training.averages.snapshots import SnapshotsHook
from dlc.runtime.training.averages.swa import SwaHook
from dlc.runtime.training.averages.top_k import TopKHook
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan, average_monitor, figure_names


def average_of(plan: Plan) -> Hook | None:
    """What `train.average` asks for."""
    match plan.settings.train.average:
        case Ema() as average:
            return EmaHook(average)
        case Swa() as average:
            return SwaHook(average)
        case Snapshots() as average:
            return SnapshotsHook(average)
        case TopK() as average:
            monitor = average_monitor(plan)
            return TopKHook(average, monitor, higher_is_better=figure_names(plan)[monitor])
    return None
