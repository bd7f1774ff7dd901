"""Words drawn by a power of their frequency, in constant time each.

Source: Walker, "An efficient method for generating discrete random variables with general
distributions" (1977); the tables are built as by Vose (1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlc.runtime.objectives import _words as random
from dlc.runtime.objectives._arrays import Drawable, Library
from dlc.runtime.seeding import stream

Floats = npt.NDArray[np.float64]


def alias_table(weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The share of each place that it keeps, and the one that gets the rest."""
    share = weights * (len(weights) / weights.sum())
    kept: Floats = np.ones(len(weights))
    alias = np.arange(len(weights), dtype=np.int64)
    small = np.flatnonzero(share < 1.0).tolist()
    large = np.flatnonzero(share >= 1.0).tolist()
    left = share.tolist()
    while small and large:
        poor, rich = small.pop(), large[-1]
        kept[poor], alias[poor] = left[poor], rich
        left[rich] -= 1.0 - left[poor]
        if left[rich] < 1.0:
            small.append(large.pop())
    return kept, alias


@dataclass(frozen=True, kw_only=True)
class Noise:
    """A distribution over words, where a library has its arrays. `ids` are the words, in the
    order of the table."""

    library: Library
    ids: Drawable
    kept: Drawable
    alias: Drawable

    @classmethod
    def of(cls, counts: npt.NDArray[np.int64], power: float, library: Library) -> Noise:
        """Words by `power` of their counts; one that never occurs is never drawn."""
        ids = np.flatnonzero(counts)
        kept, alias = alias_table(counts[ids].astype(np.float64) ** power)
        return cls(
            library=library,
            ids=library.array(ids),
            kept=library.array(kept.astype(np.float32)),
            alias=library.array(alias),
        )

    def draw(self, word: Drawable) -> Drawable:
        """A word for each random word of 64 bits."""
        place = random.below(word, len(self.ids))
        stays = random.unit(word) < self.kept[place]
        return self.ids[self.library.functions.where(stays, place, self.alias[place])]

    def draw_others(self, key: int, first: int, true: Drawable, count: int) -> Drawable:
        """`count` words for each of `true`, whose numbers begin with `first`. A draw of the true
        word itself is drawn once again."""
        numbers = self.library.arange(count * len(true)) + count * first
        drawn = self.draw(random.words(key, numbers)).reshape(len(true), count)
        again = self.library.places((drawn == true[:, None]).reshape(-1))
        other = self.draw(random.words(stream(key, "again"), numbers[again]))
        drawn.reshape(-1)[again] = other
        return drawn
