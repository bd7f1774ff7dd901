"""Moments of an activation of normal numbers: what it does to the size of a signal.

E[f(z)], E[f(z)²] and E[f'(z)²] for z ~ N(m, v), by the midpoint rule over eight deviations,
which for smooth functions that fall off like these is exact to many digits (Trefethen and
Weideman, "The exponentially convergent trapezoidal rule", 2014), and to three where f has a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

Function: TypeAlias = Callable[[float], float]

_POINTS = 800
_WIDTH = 8.0
_STEP = 1e-5
_MOST = 700.0
# Slopes on either side that differ by more have a jump between.
_JUMP = 1e3


def function_of(op: Any) -> Function | None:
    """The function of an activation op, of one number; None for what is not one."""
    kind = op.name
    if kind == "leaky_relu":
        return _leaky(float(op.negative_slope))
    if kind == "prelu":
        return _leaky(float(op.init))
    if kind == "rrelu":
        # Of a slope that is drawn anew for each number, the mean.
        return _leaky((float(op.lower) + float(op.upper)) / 2)
    if kind in ("elu", "celu"):
        return _elu(float(op.alpha), celu=kind == "celu")
    if kind == "gelu" and getattr(op, "approximate", "none") == "tanh":
        return _gelu_tanh
    if kind == "softplus":
        return _softplus(float(getattr(op, "beta", 1.0)))
    if kind == "hardtanh":
        return _clamp(float(op.min_val), float(op.max_val))
    if kind == "clamp":
        return _clamp(*_bounds(op))
    if kind in ("softshrink", "hardshrink"):
        return _shrink(float(op.lambd), by=float(op.lambd) if kind == "softshrink" else 0.0)
    if kind == "threshold":
        return _threshold(float(op.threshold), float(op.value))
    return _FUNCTIONS.get(kind)


def activated(op: Any, mean: float, variance: float) -> tuple[float, float, float] | None:
    """Mean and mean square of what an activation gives for N(mean, variance), and the mean square
    of its slope; None for what is no function of one number. Values beyond what a float holds
    are None, too."""
    function = function_of(op)
    if function is None:
        return None
    try:
        found = moments(function, mean, variance)
        if op.name == "rrelu":
            low, high = float(op.lower), float(op.upper)
            squares = math.sqrt((low * low + low * high + high * high) / 3)
            found = (found[0], *moments(_leaky(squares), mean, variance)[1:])
    except (OverflowError, ZeroDivisionError):
        return None
    return found if all(map(math.isfinite, found)) else None


def gated(op: Any, mean: float, variance: float) -> tuple[float, float, float] | None:
    """The same of a gated unit over two halves of N(mean, variance), which are independent. The
    slope is that by a number of either half."""
    gate = {"glu": _sigmoid, "swiglu": _silu}.get(op.name)
    if gate is None:
        return None
    first, second, slopes = moments(gate, mean, variance)
    square = variance + mean * mean
    return mean * first, square * second, (second + square * slopes) / 2


def moments(function: Function, mean: float, variance: float) -> tuple[float, float, float]:
    """E[f(z)], E[f(z)²] and E[f'(z)²] for z ~ N(mean, variance)."""
    return _moments(function, round(mean, 9), float(f"{max(variance, 0.0):.9g}"))


@cache
def _moments(function: Function, mean: float, variance: float) -> tuple[float, float, float]:
    deviation = math.sqrt(variance)
    if deviation == 0.0:
        value, slope = function(mean), _slope(function, mean, 1.0)
        return value, value * value, slope * slope
    first = second = slopes = total = 0.0
    width = 2 * _WIDTH / _POINTS
    for k in range(_POINTS):
        # Between the points of a grid through 0, where functions have their kinks.
        t = -_WIDTH + (k + 0.5) * width
        weight = math.exp(-t * t / 2)
        z = mean + deviation * t
        value = function(z)
        slope = _slope(function, z, deviation)
        first += weight * value
        second += weight * value * value
        slopes += weight * slope * slope
        total += weight
    return first / total, second / total, slopes / total


@cache
def largest_of(count: int, mean: float, variance: float) -> tuple[float, float]:
    """Mean and mean square of the largest of `count` independent numbers of N(mean, variance)."""
    deviation = math.sqrt(variance)
    first = second = total = 0.0
    width = 2 * _WIDTH / _POINTS
    for k in range(_POINTS):
        # Between the points of a grid through 0, where functions have their kinks.
        t = -_WIDTH + (k + 0.5) * width
        below = 0.5 * math.erfc(-t / math.sqrt(2.0))
        weight = math.exp(-t * t / 2) * below ** (count - 1)
        z = mean + deviation * t
        first += weight * z
        second += weight * z * z
        total += weight
    return first / total, second / total


def _slope(function: Function, z: float, scale: float) -> float:
    """As the gradient has it: a jump has none."""
    step = _STEP * max(scale, 1e-12)
    here = function(z)
    sides = (here - function(z - step)) / step, (function(z + step) - here) / step
    flat = min(sides, key=abs)
    return flat if abs(sides[1] - sides[0]) > _JUMP * (1 + abs(flat)) else sum(sides) / 2


def _sigmoid(z: float) -> float:
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-min(z, _MOST)))
    e = math.exp(max(z, -_MOST))
    return e / (1.0 + e)


def _leaky(slope: float) -> Function:
    return _keyed("leaky", (slope,), lambda z: z if z > 0 else slope * z)


def _elu(alpha: float, *, celu: bool) -> Function:
    scale = alpha if celu else 1.0
    return _keyed(
        "elu", (alpha, scale), lambda z: z if z > 0 else alpha * math.expm1(max(z / scale, -_MOST))
    )


def _softplus(beta: float) -> Function:
    return _keyed(
        "softplus",
        (beta,),
        lambda z: z if beta * z > 30 else math.log1p(math.exp(max(beta * z, -_MOST))) / beta,
    )


def _bounds(op: Any) -> tuple[float, float]:
    least, most = (getattr(op, name, None) for name in ("min", "max"))
    return (
        -math.inf if least is None else float(least),
        math.inf if most is None else float(most),
    )


def _shrink(width: float, *, by: float) -> Function:
    """0 within `width` of 0, else the number, nearer to 0 by `by`."""
    return _keyed(
        "shrink",
        (width, by),
        lambda z: 0.0 if abs(z) <= width else z - math.copysign(by, z),
    )


def _threshold(threshold: float, value: float) -> Function:
    return _keyed("threshold", (threshold, value), lambda z: z if z > threshold else value)


def _clamp(low: float, high: float) -> Function:
    return _keyed("clamp", (low, high), lambda z: min(max(z, low), high))


_known: dict[tuple[str, tuple[float, ...]], Function] = {}


def _keyed(name: str, arguments: tuple[float, ...], function: Function) -> Function:
    """The same function for the same arguments: moments are kept by it."""
    return _known.setdefault((name, arguments), function)


def _gelu(z: float) -> float:
    return z * 0.5 * math.erfc(-z / math.sqrt(2.0))


def _gelu_tanh(z: float) -> float:
    return 0.5 * z * (1.0 + math.tanh(math.sqrt(2.0 / math.pi) * (z + 0.044715 * z**3)))


def _selu(z: float) -> float:
    return 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * math.expm1(max(z, -_MOST)))


def _relu(z: float) -> float:
    return z if z > 0 else 0.0


def _relu6(z: float) -> float:
    return min(max(z, 0.0), 6.0)


def _softsign(z: float) -> float:
    return z / (1.0 + abs(z))


def _silu(z: float) -> float:
    return z * _sigmoid(z)


def _mish(z: float) -> float:
    return z * math.tanh(z if z > 30 else math.log1p(math.exp(max(z, -_MOST))))


def _hardsigmoid(z: float) -> float:
    return min(max(z / 6.0 + 0.5, 0.0), 1.0)


def _hardswish(z: float) -> float:
    return z * _hardsigmoid(z)


def _log_sigmoid(z: float) -> float:
    return -(math.log1p(math.exp(-z)) if z > -30 else -z)


def _tanhshrink(z: float) -> float:
    return z - math.tanh(z)


def _exp(z: float) -> float:
    return math.exp(min(z, _MOST))


def _square(z: float) -> float:
    return z * z


def _identity(z: float) -> float:
    return z


_FUNCTIONS: dict[str, Function] = {
    "identity": _identity,
    "relu": _relu,
    "relu6": _relu6,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "gelu": _gelu,
    "selu": _selu,
    "silu": _silu,
    "mish": _mish,
    "softsign": _softsign,
    "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish,
    "log_sigmoid": _log_sigmoid,
    "tanhshrink": _tanhshrink,
    "abs": abs,
    "square": _square,
    "sin": math.sin,
    "cos": math.cos,
    "erf": math.erf,
    "exp": _exp,
}
