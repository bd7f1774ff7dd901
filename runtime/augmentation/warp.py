"""Affine maps of a batch, another for each sample.

torchvision's `affine` takes one map for all samples. This is the same arithmetic with the
samples as a further dim; a test holds the two equal.

Source: torchvision.transforms.v2.functional.affine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dlc.runtime.augmentation.base import Picture
from dlc.runtime.augmentation.draws import Numbers


@dataclass(frozen=True, kw_only=True)
class Warp:
    """What is done to each sample: a turn and shears in degrees, shifts in pixels, a factor."""

    degrees: Numbers
    right: Numbers
    down: Numbers
    scale: Numbers
    shear_x: Numbers
    shear_y: Numbers

    @classmethod
    def of(
        cls,
        count: int,
        *,
        degrees: Numbers | None = None,
        right: Numbers | None = None,
        down: Numbers | None = None,
        scale: Numbers | None = None,
        shear_x: Numbers | None = None,
        shear_y: Numbers | None = None,
    ) -> Warp:
        """A warp that leaves what is not given as it is."""
        zero = np.zeros(count)
        return cls(
            degrees=zero if degrees is None else degrees,
            right=zero if right is None else right,
            down=zero if down is None else down,
            scale=np.ones(count) if scale is None else scale,
            shear_x=zero if shear_x is None else shear_x,
            shear_y=zero if shear_y is None else shear_y,
        )

    def inverse(self) -> Numbers:
        """From places in the result to places in the picture, both in pixels from the middle:
        [samples, 2, 3]."""
        turn, shear_x, shear_y = map(np.radians, (self.degrees, self.shear_x, self.shear_y))
        a = np.cos(turn - shear_y) / np.cos(shear_y)
        b = -(a * np.tan(shear_x) + np.sin(turn))
        c = np.sin(turn - shear_y) / np.cos(shear_y)
        d = np.cos(turn) - c * np.tan(shear_x)
        across, along = (d, -b), (-c, a)
        rows = [
            np.stack(
                (m / self.scale, n / self.scale, -(m * self.right + n * self.down) / self.scale)
            )
            for m, n in (across, along)
        ]
        return np.stack(rows).transpose(2, 0, 1)


def warped(picture: Picture, warp: Warp, *, fill: float, nearest: bool) -> torch.Tensor:
    """The pictures under their maps; `fill` from black, 0, to white, 1, comes from outside."""
    x = picture.x
    height, width = x.shape[-2:]
    theta = torch.from_numpy(warp.inverse().astype(np.float32)).to(x.device)
    across = torch.arange(width, device=x.device, dtype=torch.float32) - (width - 1) * 0.5
    along = (torch.arange(height, device=x.device, dtype=torch.float32) - (height - 1) * 0.5)[
        :, None
    ]
    m = theta[:, :, :, None, None]
    grid = torch.stack(
        (
            (m[:, 0, 0] * across + m[:, 0, 1] * along + m[:, 0, 2]) / (0.5 * width),
            (m[:, 1, 0] * across + m[:, 1, 1] * along + m[:, 1, 2]) / (0.5 * height),
        ),
        dim=-1,
    )
    outside = 0.0 if picture.classes else fill * picture.white
    mode = "nearest" if nearest or picture.classes else "bilinear"
    # Zeros stand outside of what is sampled, so that is the difference to what fills.
    given = x - outside if outside else x
    found = torch.nn.functional.grid_sample(
        given, grid.to(x.dtype), mode=mode, padding_mode="zeros", align_corners=False
    )
    return found + outside if outside else found
