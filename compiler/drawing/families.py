"""What kind of layer an op is, for its colour and for what may stand in one box.

The hues are Okabe and Ito's, which people with any common colour vision tell apart; fills
are light, so that black text reads on them in print, and every box names its op, so that
colour is never the only sign.
"""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.record import record


@record
class Family:
    """A group of ops. The dark colours are those of the page at night."""

    name: str
    fill: str
    stroke: str
    dark_fill: str
    dark_stroke: str


FAMILIES: Final = {
    family.name: family
    for family in (
        Family("convolution", "#d7e7f5", "#0072b2", "#143a56", "#5fb0e6"),
        Family("linear", "#fce8c3", "#b87700", "#4a3508", "#e9b24c"),
        Family("norm", "#d2ede2", "#00805c", "#0d3f31", "#3fc79b"),
        Family("activation", "#faf5c0", "#968a00", "#413d08", "#d6ca3c"),
        Family("pooling", "#dcf1fb", "#3d93c2", "#15394b", "#7cc7ef"),
        Family("attention", "#f6dfeb", "#b0558a", "#48203a", "#e39ac4"),
        Family("recurrent", "#fadccb", "#c25000", "#4d240a", "#f0935a"),
        Family("embedding", "#e3def5", "#6150ad", "#2c2554", "#a99ce8"),
        Family("dropout", "#efefef", "#8a8a8a", "#2e3033", "#8d9299"),
        Family("shape", "#f3efe8", "#85765c", "#36312a", "#b5a78f"),
        Family("arithmetic", "#ffffff", "#3c3c3c", "#202327", "#c3c8ce"),
        Family("custom", "#ffffff", "#5a5a5a", "#202327", "#a5abb3"),
    )
}

_KINDS: Final = {
    "convolution": "fold unfold",
    "linear": "bilinear linear",
    "norm": "normalize weight_norm spectral_norm",
    "activation": (
        "relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardtanh hardsigmoid "
        "hardswish sigmoid log_sigmoid tanh softplus softsign tanhshrink softshrink hardshrink "
        "threshold softmax softmin log_softmax glu swiglu geglu maxout identity"
    ),
    "attention": "",
    "recurrent": "rnn lstm gru",
    "embedding": "embedding embedding_bag one_hot parameter positions rotary sinusoidal_positions",
    "dropout": "dropout alpha_dropout feature_alpha_dropout stochastic_depth gaussian_noise",
    "shape": (
        "flatten unflatten reshape permute transpose squeeze unsqueeze concat stack split chunk "
        "slice select gather pad expand tile repeat_interleave interpolate pixel_shuffle "
        "pixel_unshuffle channel_shuffle crop shape topk flip roll"
    ),
    "arithmetic": (
        "add sub mul div neg pow matmul einsum mean sum max min var std norm logsumexp exp log "
        "sqrt rsqrt abs clamp where cumsum argmax argmin cosine_similarity masked_mean constant "
        "maximum minimum reciprocal sin cos equal greater less logical_not logical_and"
    ),
}
_NAMED: Final = {kind: family for family, kinds in _KINDS.items() for kind in kinds.split()}
_PATTERNS: Final = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"conv(_transpose)?\d?d?\b", "convolution"),
        (r".*_?pool\d?d?\Z", "pooling"),
        (r".*attention.*", "attention"),
        (r".*_norm\d?d?\Z|.*_normalize\Z", "norm"),
        (r".*dropout\d?d?\Z|.*noise\Z", "dropout"),
        (r".*positions?\Z|.*embedding.*", "embedding"),
        (r"(rnn|lstm|gru)(_cell)?\Z", "recurrent"),
        (r".*(relu|elu|sigmoid|tanh|shrink)\d?\Z", "activation"),
    )
)

#: An op of these families stays in the box of the layer before it, where it keeps the shape.
FOLLOWERS: Final = frozenset({"norm", "activation", "dropout"})

#: Ops of two tensors that are drawn as a sign in a circle.
SIGNS: Final = {"add": "+", "mul": "×", "sub": "−", "div": "÷"}


def family_of(kind: str) -> str:
    """The family of an op by its name; `custom` where none is known."""
    found = _NAMED.get(kind)
    if found is not None:
        return found
    return next((family for pattern, family in _PATTERNS if pattern.match(kind)), "custom")
