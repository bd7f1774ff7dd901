"""All that a spec says beside the network, as typed components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dlc.compiler.components.initializers._targets import FromTargets
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.metrics.base import Metric
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.ensemble import Ensemble
from dlc.compiler.components.sections.export import Export
from dlc.compiler.components.sections.regularization import Regularization
from dlc.compiler.components.sections.search import Search
from dlc.compiler.components.sections.train import Train
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.record import component


@component
class LossTerm:
    """`weight * loss` of a weighted sum. Where a weight is learned as well, `variance` is the
    place of its number among the log-variances."""

    weight: float
    loss: Loss
    variance: int | None = None


@component
class Head:
    """The bias of an output that starts from the target of a loss.

    `bias` is its path in the network and `units` its length; `axis` the dim of the output,
    from the front, that counts the units, None for a single one.
    """

    bias: str
    initializer: FromTargets
    loss: Loss
    axis: int | None
    units: int


@component
class Settings:
    """The evaluated sections. A section that a spec leaves out is None, or empty, or all
    defaults (`train`, `export`)."""

    data: Data | None = None
    preprocess: Mapping[str, tuple[Preprocess, ...]] = field(default_factory=dict)
    postprocess: Mapping[str, tuple[Postprocess, ...]] = field(default_factory=dict)
    loss: tuple[LossTerm, ...] = ()
    metrics: tuple[Metric, ...] = ()
    optimizer: Optimizer | None = None
    schedule: Schedule | None = None
    regularization: Regularization | None = None
    train: Train = field(default_factory=Train)
    transfer: Transfer | None = None
    search: Search | None = None
    ensemble: Ensemble | None = None
    export: Export = field(default_factory=Export)
