"""The effective rank of weight matrices and of the product of those that follow each other.

Source: Roy and Vetterli, "The effective rank: a measure of effective dimensionality" (2007);
for products of layers that lose rank as they get deeper, Saxe, McClelland and Ganguli, "Exact
solutions to the nonlinear dynamics of learning in deep linear neural networks" (2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

#: Decomposing larger matrices takes longer than the steps between two samples.
MOST = 512


def effective_ranks(
    weights: Mapping[str, torch.Tensor], chains: Sequence[Sequence[str]]
) -> dict[str, float]:
    """By name, the exponential of the entropy of the singular values' distribution: between 1
    and the smaller side. `weights` are matrices `[out, in]`; convolution kernels are taken as
    `[out, in·positions]`, larger matrices left out. Of each of `chains`, names in the order in
    which the layers are applied, the product's, as `first…last`."""
    matrices = {
        name: weight.detach().float().flatten(1)
        for name, weight in weights.items()
        if weight.dim() >= 2
    }
    wanted = {name: m for name, m in matrices.items() if min(m.shape) <= MOST}
    for chain in chains:
        if len(chain) > 1 and all(name in wanted and weights[name].dim() == 2 for name in chain):
            product = wanted[chain[0]]
            for name in chain[1:]:
                product = wanted[name] @ product
                # A product of many overflows; its rank does not depend on its scale.
                product = product / product.abs().max().clamp_min(1e-30)
            wanted[f"{chain[0]}…{chain[-1]}"] = product
    values = {
        name: _effective_rank(matrix)
        for name, matrix in wanted.items()
        # What has no singular values is told by the loss before long.
        if torch.isfinite(matrix).all()
    }
    if not values:
        return {}
    ranks = torch.stack([*values.values()]).tolist()
    return dict(zip(values, ranks, strict=True))


def _effective_rank(matrix: torch.Tensor) -> torch.Tensor:
    values: torch.Tensor = torch.linalg.svdvals(matrix)
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    entropy: torch.Tensor = torch.special.entr(shares).sum()
    return entropy.exp()
