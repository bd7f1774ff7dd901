"""The answers of several networks as one, in ONNX.

With z the logits of each of K members, in the form that cannot overflow:

    classes     log(mean(softmax(z)))                    = log_mean(log_softmax(z))
    yes_or_no   log(mean(sigmoid(z)) / (1 - the same))   = log_mean(log_sigmoid(z))
                                                           - log_mean(log_sigmoid(-z))
    log_mean(a) = max(a) + log(sum(exp(a - max(a)))) - log(K), over the members

In a vote the mean is one voter of K + 1: with v votes, log((v + mean) / (K + 1)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dlc.compiler.components.combination import Combination
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import TensorType

_FLOOR = -1e30


def combined(b: OnnxBuilder, combination: Combination) -> str:
    """One output of the members, which are the values of the port `x`."""
    answers, type_ = b.many("x"), b.inputs.x
    if combination.kind == "numbers":
        count = b.scalar(float(len(answers)), type_.dtype)
        return b.node("Div", b.node("Sum", *answers), count)
    if combination.kind == "classes":
        logs = [b.node("LogSoftmax", x, axis=combination.dim) for x in answers]
        mean = _log_mean(b, logs, type_)
        if not combination.vote:
            return mean
        return _with_votes(b, mean, [_chosen(b, x, combination.dim, type_) for x in logs], type_)
    negative = [b.node("Neg", x) for x in answers]
    yes = _log_mean(b, [_log_sigmoid(b, x) for x in negative], type_)
    no = _log_mean(b, [_log_sigmoid(b, x) for x in answers], type_)
    if combination.vote:
        zero = b.scalar(0.0, type_.dtype)
        said = [b.node("Greater", x, zero) for x in answers]
        yes = _with_votes(b, yes, [b.node("Cast", x, to=type_.dtype.onnx) for x in said], type_)
        denied = [b.node("Cast", b.node("Not", x), to=type_.dtype.onnx) for x in said]
        no = _with_votes(b, no, denied, type_)
    return b.node("Sub", yes, no)


def _log_sigmoid(b: OnnxBuilder, negative: str) -> str:
    """log(sigmoid(x)) of -x, by the log of 1 + exp(-x): ONNX's `Softplus`."""
    return b.node("Neg", b.node("Softplus", negative))


def _log_mean(b: OnnxBuilder, logs: Sequence[str], type_: TensorType) -> str:
    # No smaller than this, so that -inf in all members stays -inf, and is no NaN.
    greatest = b.node("Max", *logs, b.scalar(_FLOOR, type_.dtype))
    parts = [b.node("Exp", b.node("Sub", x, greatest)) for x in logs]
    total = b.node("Add", greatest, b.node("Log", b.node("Sum", *parts)))
    return b.node("Sub", total, b.scalar(math.log(len(logs)), type_.dtype))


def _chosen(b: OnnxBuilder, logs: str, dim: int, type_: TensorType) -> str:
    """1 for the class with the greatest score, the first of equal ones, and 0 for the others."""
    best = b.node("ArgMax", logs, axis=dim, keepdims=0)
    classes = b.dim(type_.shape[dim])
    values = b.constant((0.0, 1.0), type_.dtype)
    return b.node("OneHot", best, classes, values, axis=dim)


def _with_votes(b: OnnxBuilder, mean: str, votes: Sequence[str], type_: TensorType) -> str:
    """The log of the share of votes, where the mean, given as its log, is one voter more."""
    count = b.node("Sum", *votes)
    some = b.node("Greater", count, b.scalar(0.0, type_.dtype))
    # Without votes the log of the mean itself: its exp may be 0.
    share = b.node("Where", some, b.node("Log", b.node("Add", count, b.node("Exp", mean))), mean)
    return b.node("Sub", share, b.scalar(math.log(len(votes) + 1), type_.dtype))
