"""Buckets by BLAKE2b, equal on every machine."""

from __future__ import annotations

import hashlib

import numpy as np

from dlc.compiler.components.preprocessing.hashing import Hashing
from dlc.runtime.data.steps._categories import each
from dlc.runtime.data.steps.base import Array, Statistics, Step


class HashingStep(Step[Hashing]):
    def apply(self, step: Hashing, values: Array, statistics: Statistics) -> Array:
        salt = step.seed.to_bytes(8, "little")
        known: dict[str | int, int] = {}
        for value in each(values):
            if value not in known:
                text = str(value).encode("utf-8", "surrogatepass")
                digest = hashlib.blake2b(text, digest_size=8, salt=salt).digest()
                known[value] = int.from_bytes(digest, "little") % step.buckets
        found = np.array([known[value] for value in each(values)], dtype=np.int64)
        return found.reshape(values.shape)
