"""The few things in which torch and numpy differ, for draws that are written once.

Training draws on its device, by torch; a model file is measured by numpy alone, which must
draw the very same. Everything else that draws take are operators, and methods of one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

#: An array of the library that is drawn with.
Drawable = Any


class Library(Protocol):
    """Arrays of one library, in one place."""

    @property
    def functions(self) -> Any:
        """Functions that have one name in both libraries."""

    def array(self, values: npt.NDArray[Any]) -> Drawable:
        """An array of the host, there."""

    def arange(self, stop: int) -> Drawable:
        """The numbers from 0 to below `stop`, int64."""

    def singles(self, values: Drawable) -> Drawable:
        """The values in float32."""

    def order(self, values: Drawable) -> Drawable:
        """The places that sort the last dim; equal ones keep their order."""

    def places(self, mask: Drawable) -> Drawable:
        """Where a mask of one dim is true."""


class OnHost:
    """numpy."""

    functions: Any = np

    def array(self, values: npt.NDArray[Any]) -> Drawable:
        return values

    def arange(self, stop: int) -> Drawable:
        return np.arange(stop, dtype=np.int64)

    def singles(self, values: Drawable) -> Drawable:
        return values.astype(np.float32)

    def order(self, values: Drawable) -> Drawable:
        return np.argsort(values, axis=-1, kind="stable")

    def places(self, mask: Drawable) -> Drawable:
        return np.flatnonzero(mask)


class OnDevice:
    """torch, on a device."""

    def __init__(self, device: torch.device) -> None:
        import torch

        self.functions: Any = torch
        self.device = device

    def array(self, values: npt.NDArray[Any]) -> Drawable:
        if not values.flags.writeable:
            values = values.copy()
        return self.functions.from_numpy(values).to(self.device, non_blocking=True)

    def arange(self, stop: int) -> Drawable:
        return self.functions.arange(stop, device=self.device)

    def singles(self, values: Drawable) -> Drawable:
        return values.to(self.functions.float32)

    def order(self, values: Drawable) -> Drawable:
        return values.argsort(dim=-1, stable=True)

    def places(self, mask: Drawable) -> Drawable:
        return mask.nonzero().squeeze(1)
