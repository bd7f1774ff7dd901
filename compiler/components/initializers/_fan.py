"""Fan in and fan out of a weight, and the gain of a nonlinearity, as torch computes them."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Nonlinearity: TypeAlias = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan in, fan out): inputs a unit reads, units that read an input. `shape` has at least
    two dims: (out, in, *window)."""
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def gain(nonlinearity: str, a: float = 0.0) -> float:
    """The factor on the standard deviation that a nonlinearity asks for; `a` is the
    negative slope of leaky_relu."""
    match nonlinearity:
        case "tanh":
            return 5.0 / 3.0
        case "relu":
            return math.sqrt(2.0)
        case "leaky_relu":
            return math.sqrt(2.0 / (1.0 + a * a))
        case "selu":
            return 0.75
    return 1.0
