"""Steps that change texts, by the normalizers that tokenizers take them from, too."""

from __future__ import annotations

import numpy as np

from dlc.compiler.components.preprocessing._texts import TextStep
from dlc.runtime.data.steps.base import Array


def changed(step: TextStep, values: Array) -> Array:
    from dlc.runtime.data.tokenizers import normalizer

    change = normalizer([step]).normalize_str
    found = np.empty(values.size, object)
    found[:] = [change(text) for text in values.reshape(-1).tolist()]
    return found.reshape(values.shape)
