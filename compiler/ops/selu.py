"""`selu`: the exponential linear unit that keeps mean 0 and variance 1."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ops._activation import Activation
from dlc.compiler.record import component


@component
class Selu(Activation):
    """The exponential linear unit that keeps mean 0 and variance 1.

        linear(256, init=lecun_normal) -> selu -> alpha_dropout(0.1)

    y = 1.0507 · x where x > 0, else 1.0507 · 1.6733 · (eˣ − 1). The two numbers make
    mean 0 and variance 1 the state that a deep network is drawn to, without a norm, as
    long as its weights start with `lecun_normal` and what it drops is `alpha_dropout`'s.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.
    """

    name: ClassVar[str] = "selu"
    call: ClassVar[str] = "F.selu"
    onnx_type: ClassVar[str] = "Selu"
    kept: ClassVar[str] = "x"
    mean_square: ClassVar[float | None] = 1.0
