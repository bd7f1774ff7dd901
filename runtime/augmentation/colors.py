"""Changes of colour, by another amount for each sample.

torchvision's functions take one amount for all samples; this is the same arithmetic with an
amount each, and white as it is stored. A test holds the two equal.

Source: torchvision.transforms.v2.functional.
"""

from __future__ import annotations

import torch

from dlc.runtime.augmentation.base import Picture, column
from dlc.runtime.augmentation.draws import Numbers

# ITU-R 601, as Pillow and torchvision have it.
_RED, _GREEN, _BLUE = 0.2989, 0.587, 0.114


def brightness(picture: Picture, factor: Numbers) -> torch.Tensor:
    x = picture.x
    return (x * column(factor, x)).clamp_(0.0, picture.white)


def contrast(picture: Picture, factor: Numbers) -> torch.Tensor:
    """Away from or towards the mean gray of each picture."""
    x = picture.x
    mean = gray(x).mean(dim=(-3, -2, -1), keepdim=True)
    return _blended(picture, mean, factor)


def saturation(picture: Picture, factor: Numbers) -> torch.Tensor:
    """Away from or towards the gray of each pixel."""
    return picture.x if picture.x.shape[1] == 1 else _blended(picture, gray(picture.x), factor)


def hue(picture: Picture, turn: Numbers) -> torch.Tensor:
    """Every colour by a share of the circle further on."""
    x = picture.x
    if x.shape[1] == 1:
        return x
    angle, chroma, value = _sextants(x)
    angle = angle + 6.0 * column(turn, angle)
    # Smith, "Color gamut transform pairs" (1978), without branches: each channel is the
    # value less a part of the chroma that depends on how far its own hue is.
    places = angle.unsqueeze(1) + torch.tensor([5.0, 3.0, 1.0], device=x.device).view(1, 3, 1, 1)
    places = places.remainder(6.0)
    part = torch.minimum(places, 4.0 - places).clamp_(0.0, 1.0)
    return value.unsqueeze(1) - chroma.unsqueeze(1) * part


def gray(x: torch.Tensor) -> torch.Tensor:
    """[N, 1, H, W] of gray or red, green, blue."""
    if x.shape[1] == 1:
        return x
    red, green, blue = x.unbind(1)
    return (red * _RED).add_(green, alpha=_GREEN).add_(blue, alpha=_BLUE).unsqueeze(1)


def _blended(picture: Picture, other: torch.Tensor, factor: Numbers) -> torch.Tensor:
    x = picture.x
    share = column(factor, x)
    return (x * share + other * (1.0 - share)).clamp_(0.0, picture.white)


def _sextants(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hue in sixths of the circle, chroma and value, each [N, H, W]."""
    red, green, blue = x.unbind(1)
    value, lowest = x.amax(1), x.amin(1)
    chroma = value - lowest
    divisor = torch.where(chroma == 0, 1.0, chroma)
    angle = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor),
    )
    return angle, chroma, value
