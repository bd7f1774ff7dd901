"""Where in a chain of preprocess steps augmentation stands.

Pictures are changed when they have one size and before arithmetic: colours are then what
they were in the file. Steps that stand behind run batch by batch. What is no picture is
changed last of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from dlc.compiler.components.augmentations._images import Window
from dlc.compiler.components.augmentations.base import Augmentation, input_of
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.compiler.components.preprocessing.resize import Resize
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.ir.types import TensorType
from dlc.runtime.data.steps.base import Array, Statistics

Chain = Sequence[Preprocess]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A chain cut in two: the steps `before` augmentation, and those from `index` of the
    chain on, which come after it."""

    before: tuple[Preprocess, ...]
    index: int


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """An input as augmentation takes it, all rows, and the steps that are left to do."""

    values: Array
    steps: tuple[Preprocess, ...]
    statistics: tuple[Statistics, ...]

    @property
    def white(self) -> float:
        """The value of a white pixel: what the next step scales to 1, else 255 for bytes."""
        if self.steps and isinstance(self.steps[0], Scale) and self.steps[0].factor > 0.0:
            return 1.0 / self.steps[0].factor
        return 255.0 if self.values.dtype == np.uint8 else 1.0


def leading(chain: Chain) -> Place:
    """The steps that bring pictures to one size, one by one."""
    steps = tuple(takewhile(lambda step: step.where == "host" or step.spatial, chain))
    return Place(before=steps, index=len(steps))


def places(
    augment: Sequence[Augmentation],
    inputs: Mapping[str, TensorType],
    preprocess: Mapping[str, Chain],
) -> dict[str, Place]:
    """Where augmentation stands, for every input of pictures that it changes."""
    found: dict[str, Place] = {}
    for step in augment:
        if step.takes == "images":
            name = input_of(step, inputs)
            place = found.get(name) or leading(preprocess.get(name, ()))
            found[name] = _widened(place) if isinstance(step, Window) else place
    return found


def _widened(place: Place) -> Place:
    """For windows at random: the place before a last `center_crop`, so that they are cut from
    what it would take away. Where pictures have several sizes after `resize`, a larger crop
    makes them one. It is larger by a multiple of four on purpose: two crops in a row then
    keep the very pixels that the last one alone keeps, whatever way halves are rounded."""
    last = place.before[-1] if place.before else None
    if place.index != len(place.before) or not isinstance(last, CenterCrop):
        return place
    before = place.before[:-1]
    resize = before[-1] if before else None
    if not isinstance(resize, Resize):
        return place
    if resize.width is None:
        sides = [want + 4 * max((resize.height - want) // 4, 0) for want in last.size]
        before = (*before, replace(last, height=sides[0], width=sides[1]))
    return Place(before=before, index=place.index - 1)
