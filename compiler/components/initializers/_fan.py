"""Fan in and fan out of a weight, and the gain of a nonlinearity, as torch computes them."""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

from dlc.compiler.components.text import literal

Nonlinearity: TypeAlias = Literal[
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "selu",
    "celu",
    "elu",
    "gelu",
    "hardswish",
    "hardtanh",
    "mish",
    "relu6",
    "silu",
    "softplus",
    "softsign",
]

# The slope of leaky_relu where none is given: that of `torch.nn.init.calculate_gain`, and of
# the op.
_SLOPE: Final = 0.01

# torch has no gain for these. 1 / sqrt(E[f(z)^2]) for a normal z of variance 1 gives back what
# f takes from the mean square of a signal; a test integrates it again.
_DERIVED: Final = {
    "celu": 1.2452,
    "elu": 1.2452,
    "gelu": 1.5335,
    "hardswish": 1.7367,
    "hardtanh": 1.392,
    "mish": 1.4868,
    "silu": 1.6765,
    "softplus": 1.0419,
    "softsign": 2.3375,
}


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan in, fan out): inputs a unit reads, units that read an input. `shape` has at least
    two dims: (out, in, *window)."""
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def gain(nonlinearity: str, a: float = _SLOPE) -> float:
    """The factor on the standard deviation that a nonlinearity asks for; `a` is the
    negative slope of leaky_relu."""
    match nonlinearity:
        case "tanh":
            return 5.0 / 3.0
        case "relu" | "relu6":
            return math.sqrt(2.0)
        case "leaky_relu":
            return math.sqrt(2.0 / (1.0 + a * a))
        case "selu":
            return 0.75
    return _DERIVED.get(nonlinearity, 1.0)


def torch_name(nonlinearity: str) -> str | None:
    """What `torch.nn.init.calculate_gain` calls it; None where it has no gain for it."""
    if nonlinearity in _DERIVED:
        return None
    # Behind a normal signal of variance 1 the two differ by 4 parts in a billion.
    return "relu" if nonlinearity == "relu6" else nonlinearity


def gain_value(given: float | str) -> float:
    """The number of a gain that is given as one, or by the nonlinearity."""
    return gain(given) if isinstance(given, str) else given


def gain_text(given: float | str) -> str:
    """The same as source text."""
    name = torch_name(given) if isinstance(given, str) else None
    return literal(gain_value(given)) if name is None else f'nn.init.calculate_gain("{name}")'
