"""Numbers of a variance that the fans decide, from a normal distribution cut at two deviations.

torch has no such initializer. Keras and JAX have, and correct the deviation for the cut:
0.87962566103423978, as both write it, is that of a standard normal cut at -2 and 2.
"""

from __future__ import annotations

from typing import Final

LECUN_NORMAL: Final = '''\
def lecun_normal_(w: Tensor) -> Tensor:
    """Draws from a normal distribution cut at two deviations, of variance 1 / fan_in."""
    # The cut leaves 0.8796 of the deviation.
    std = math.sqrt(1.0 / w[0].numel()) / 0.87962566103423978
    return nn.init.trunc_normal_(w, std=std, a=-2.0 * std, b=2.0 * std)
'''

VARIANCE_SCALING: Final = '''\
def variance_scaling_(
    w: Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
) -> Tensor:
    """Draws numbers of variance scale / fan, as Keras does."""
    fan_in, fan_out = w[0].numel(), w[:, 0].numel()
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    std = math.sqrt(scale / fan)
    if distribution == "uniform":
        return nn.init.uniform_(w, -math.sqrt(3.0) * std, math.sqrt(3.0) * std)
    if distribution == "normal":
        return nn.init.normal_(w, std=std)
    # Cutting at two deviations leaves 0.8796 of the deviation.
    std = std / 0.87962566103423978
    return nn.init.trunc_normal_(w, std=std, a=-2.0 * std, b=2.0 * std)
'''
