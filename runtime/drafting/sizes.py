"""How large a network, a batch and an epoch suit data of a size."""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEPS = 3_000


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`hidden` are the widths of the hidden layers."""

    hidden: tuple[int, ...]
    dropout: float
    batch_size: int
    epochs: int
    patience: int
    lr: float


def sizes_for(rows: int, features: int, outputs: int) -> Sizes:
    """A small perceptron: about as wide as twice what goes in and out, but with no more than
    some ten weights a row, in one hidden layer for hundreds of rows and two for more. As
    many epochs as make some three thousand steps, which early stopping cuts short."""
    wanted = _power_of_two(2 * (features + outputs))
    width = min(256, max(16, wanted))
    while width > 16 and width * (features + outputs) > 10 * rows:
        width //= 2
    hidden = (width,) if rows < 500 else (width, max(16, width // 2))
    batch_size = min(256, max(16, _power_of_two(rows / 50)))
    steps = max(1, math.ceil(0.8 * rows / batch_size))
    epochs = min(200, max(5, math.ceil(_STEPS / steps)))
    return Sizes(
        hidden=hidden,
        dropout=0.1 if rows < 10_000 else 0.0,
        batch_size=batch_size,
        epochs=epochs,
        patience=max(3, epochs // 10),
        lr=3e-3 if width <= 64 else 1e-3,
    )


def embedding_size(categories: int) -> int:
    """The length of the vector of a category: about the root, as is common."""
    return min(50, max(2, round(math.sqrt(categories))))


def _power_of_two(value: float) -> int:
    power = 1
    while power * math.sqrt(2) < value:
        power *= 2
    return power
