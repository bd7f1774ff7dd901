"""What becomes of a normal signal: the integrals behind the gains of activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

# Beyond it lies less than 1e-18 of the mass.
_REACH = 9.0
_STEPS_A_UNIT = 8
# Gauss's rule of three points on [-1, 1]: none at an end, so that a jump there does no harm.
_RULE = ((-math.sqrt(0.6), 5 / 18), (0.0, 8 / 18), (math.sqrt(0.6), 5 / 18))


def mean(f: Callable[[float], float], *breaks: float) -> float:
    """E[f(z)] for a normal z of mean 0 and variance 1, to eight digits.

    `breaks` are the places where f or its slope jumps.
    """
    inside = {place for place in breaks if -_REACH < place < _REACH}
    total = 0.0
    for low, high in pairwise(sorted({-_REACH, _REACH, *inside})):
        steps = math.ceil((high - low) * _STEPS_A_UNIT)
        width = (high - low) / steps
        for step in range(steps):
            middle = low + (step + 0.5) * width
            for node, weight in _RULE:
                z = middle + node * width / 2
                total += weight * width * f(z) * math.exp(-z * z / 2)
    return total / math.sqrt(2 * math.pi)


def mean_square(f: Callable[[float], float], *breaks: float) -> float:
    """E[f(z)²] for a normal z of mean 0 and variance 1; `breaks` as for `mean`."""
    return mean(lambda z: f(z) ** 2, *breaks)


def below(z: float) -> float:
    """The probability that a normal number is less than z."""
    return math.erfc(-z / math.sqrt(2)) / 2
