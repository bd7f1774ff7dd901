"""Pictures at the border of a model file: bytes, as decoders give them.

Steps take float with the channels first, from 0 to 1; a file takes bytes of
[N, height, width, channels], of any size where its steps bring them to one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlc.compiler.components.preprocessing._images import ImageStep, SizedStep
from dlc.compiler.components.preprocessing.base import Preprocess, raw_type
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import FLOAT, DType, TensorType
from dlc.runtime.data.steps.base import Array

# A column of pictures in colour, of which a step makes gray ones.
_COLORS = 3


def picture_type(name: str, chain: Sequence[Preprocess], declared: TensorType) -> TensorType:
    """The type of a file's input of pictures: before a chain of steps that leads to the
    declared one."""
    batch, channels, height, width = declared.shape
    if any(step.spatial for step in chain):
        _, channels, _, _ = raw_type(chain, declared).shape
        rows, columns = _least(chain)
        height, width = symbol(f"{name}_height", rows), symbol(f"{name}_width", columns)
    if not isinstance(channels, int):
        channels = _COLORS
    return TensorType(DType.UINT8, (batch, height, width, channels))


def _least(chain: Sequence[Preprocess]) -> tuple[int, int]:
    """The least height and width that the steps take, up to the first that gives a size."""
    height = width = 1
    for step in chain:
        if isinstance(step, ImageStep):
            height, width = max(height, step.least[0]), max(width, step.least[1])
        if isinstance(step, SizedStep):
            break
    return height, width


def planes_type(taken: TensorType) -> TensorType:
    """The type of the pictures of an input that the file takes as `taken`, decoded here."""
    batch, height, width, channels = taken.shape
    return TensorType(FLOAT, (batch, channels, height, width))


def planes(pictures: Array) -> Array:
    """What the steps take, of what a file takes: the first nodes of the file."""
    found: Array = pictures.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    return found


def pictures(planes: Array) -> Array:
    """What a file takes, of decoded pictures: exact for 8 bits a channel."""
    found: Array = np.rint(planes.transpose(0, 2, 3, 1) * np.float32(255)).astype(np.uint8)
    return np.ascontiguousarray(found)
