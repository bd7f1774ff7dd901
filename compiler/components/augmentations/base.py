"""The base of augmentations."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Augmentation(Component):
    """A random change of the training samples, drawn anew for each sample in each epoch.

    Validation, test and export leave it out.
    """

    kind: ClassVar[str] = "augmentation"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "samples are not augmented yet: without `augment` they are used as they are"
    )
