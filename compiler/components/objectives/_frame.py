"""What surrounds the objective of a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.objectives.base import Frame, Types
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.files import Files


def frame_of(
    data: Data,
    inputs: Types,
    targets: Types,
    steps: Mapping[str, Sequence[Preprocess]],
    losses: Sequence[Loss],
) -> Frame:
    """The frame of `data.objective`, when a spec is checked and when its data is read."""
    split, source = data.split, data.source
    in_time = split is not None and split.time is not None
    if isinstance(source, Files) and source.validation is not None:
        in_time = True
    return Frame(
        inputs=inputs,
        targets=targets,
        steps=steps,
        columns=tuple(data.columns),
        losses=tuple(losses),
        in_time=in_time,
    )
