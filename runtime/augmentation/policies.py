"""Policies: tables of changes, each with a strength, made on pixels of 256 levels.

Samples that are drawn the same change in the same strength go through torchvision's kernel
together.

Source: torchvision.transforms.v2 (`AutoAugment`, `RandAugment`); Cubuk et al. (2019, 2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.vision import NEAREST, functional

_LEVELS: Final = 255.0


def _affine(
    x: torch.Tensor,
    *,
    right: int = 0,
    down: int = 0,
    shear_x: float = 0.0,
    shear_y: float = 0.0,
    center: list[float] | None = None,
) -> torch.Tensor:
    found: torch.Tensor = functional.affine(
        x,
        angle=0.0,
        translate=[right, down],
        scale=1.0,
        shear=[math.degrees(math.atan(shear_x)), math.degrees(math.atan(shear_y))],
        interpolation=NEAREST,
        center=center,
    )
    return found


#: Every change by its name in the papers: pixels as bytes, a strength.
CHANGES: Final[Mapping[str, Callable[[torch.Tensor, float], torch.Tensor]]] = {
    "Identity": lambda x, m: x,
    "ShearX": lambda x, m: _affine(x, shear_x=m, center=[0.0, 0.0]),
    "ShearY": lambda x, m: _affine(x, shear_y=m, center=[0.0, 0.0]),
    "TranslateX": lambda x, m: _affine(x, right=int(m)),
    "TranslateY": lambda x, m: _affine(x, down=int(m)),
    "Rotate": lambda x, m: functional.rotate(x, m, interpolation=NEAREST),
    "Brightness": lambda x, m: functional.adjust_brightness(x, 1.0 + m),
    "Color": lambda x, m: functional.adjust_saturation(x, 1.0 + m),
    "Contrast": lambda x, m: functional.adjust_contrast(x, 1.0 + m),
    "Sharpness": lambda x, m: functional.adjust_sharpness(x, 1.0 + m),
    "Posterize": lambda x, m: functional.posterize(x, int(m)),
    "Solarize": lambda x, m: functional.solarize(x, m),
    "AutoContrast": lambda x, m: functional.autocontrast(x),
    "Equalize": lambda x, m: functional.equalize(x),
    "Invert": lambda x, m: functional.invert(x),
}

_SIGNED: Final = frozenset(
    (
        "ShearX",
        "ShearY",
        "TranslateX",
        "TranslateY",
        "Rotate",
        "Brightness",
        "Color",
        "Contrast",
        "Sharpness",
    )
)


def strength(name: str, level: int | None, levels: int, size: tuple[int, int]) -> float:
    """How strong a change is at a level of `levels`, for pictures of height and width `size`."""
    share = (level or 0) / (levels - 1)
    match name:
        case "ShearX" | "ShearY":
            found = 0.3 * share
        case "TranslateX":
            found = 150.0 / 331.0 * size[1] * share
        case "TranslateY":
            found = 150.0 / 331.0 * size[0] * share
        case "Rotate":
            found = 30.0 * share
        case "Brightness" | "Color" | "Contrast" | "Sharpness":
            found = 0.9 * share
        case "Posterize":
            found = 8.0 - round((level or 0) / ((levels - 1) / 4))
        case "Solarize":
            found = _LEVELS * (1.0 - share)
        case _:
            found = 0.0
    # torchvision holds its tables in float32.
    return float(np.float32(found))


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one sample."""

    name: str
    strength: float

    @classmethod
    def drawn(
        cls, name: str, level: int | None, levels: int, size: tuple[int, int], negative: bool
    ) -> Change:
        found = strength(name, level, levels, size)
        return cls(name, -found if negative and name in _SIGNED else found)


Turn = tuple[Change | None, ...]
Turns = tuple[Turn, ...]


def changed(picture: Picture, turns: Turns) -> torch.Tensor:
    """The pictures after each turn, in which a sample has one change or none."""
    x = picture.x
    scale = _LEVELS / picture.white
    touched = np.zeros(len(x), np.bool_)
    for turn in turns:
        touched |= np.fromiter((change is not None for change in turn), np.bool_, len(x))
    if not touched.any():
        return x
    pixels = (x * scale).round_().clamp_(0.0, _LEVELS).to(torch.uint8)
    for turn in turns:
        groups: dict[Change, list[int]] = {}
        for row, change in enumerate(turn):
            if change is not None:
                groups.setdefault(change, []).append(row)
        for change, rows in groups.items():
            where = torch.tensor(rows, device=x.device)
            part = pixels.index_select(0, where)
            pixels[where] = CHANGES[change.name](part, change.strength)
    return _kept(touched, pixels.to(x.dtype).div_(scale), x)


def _kept(
    touched: npt.NDArray[np.bool_], after: torch.Tensor, before: torch.Tensor
) -> torch.Tensor:
    """Samples without a change keep what rounding to 256 levels would take."""
    if touched.all():
        return after
    flags = torch.from_numpy(touched).to(after.device).view(-1, 1, 1, 1)
    return torch.where(flags, after, before)
