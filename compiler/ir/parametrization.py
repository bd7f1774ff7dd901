"""Weights that a layer computes from other tensors, by the names that PyTorch gives those.

`torch.nn.utils.parametrizations` puts what a `weight` is computed from below
`parametrizations.weight`; the layer then has no parameter `weight`, and the network's state
no tensor of that name. The effective weight is what an exported file holds.
"""

from __future__ import annotations

_PREFIX = "parametrizations."


def part_name(weight: str, part: str) -> str:
    """The local name of what a weight is computed from: `parametrizations.weight.original0`."""
    return f"{_PREFIX}{weight}.{part}"


def effective_name(name: str) -> str | None:
    """The weight that is computed from a parameter, `weight` for
    `parametrizations.weight.original1`; None for one that is used as it is."""
    return name.split(".", 2)[1] if name.startswith(_PREFIX) else None


def plain_name(name: str) -> str:
    """The name of the tensor that the layer works with."""
    return effective_name(name) or name


def is_magnitude(name: str) -> bool:
    """Whether a parameter holds the lengths of a weight's rows, its direction being another."""
    return name.startswith(_PREFIX) and name.endswith(".original0")


def magnitude_of(name: str) -> str:
    """The parameter that scales a weight: its lengths for its direction, else itself."""
    if name.startswith(_PREFIX) and name.endswith(".original1"):
        return f"{name[:-1]}0"
    return name


def effective_path(path: str, name: str) -> str:
    """The path of the tensor that a layer works with, of a parameter `name` at `path`."""
    return path.removesuffix(name) + plain_name(name)
