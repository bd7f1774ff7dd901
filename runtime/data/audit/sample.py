"""Some of the rows, for what need not look at all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.audit.cells import Codes, Numbers

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some rows, drawn without regard to what they hold: `places` are theirs among all rows,
    ascending. `numbers` and `codes` are by column, `lists` [rows, width] by column."""

    places: Places
    numbers: Mapping[str, Numbers]
    codes: Mapping[str, Codes]
    lists: Mapping[str, npt.NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.places)
