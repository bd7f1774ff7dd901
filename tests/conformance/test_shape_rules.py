"""The shape rules of windows that slide: what they give and what they refuse is what PyTorch
gives and refuses, for sizes that are known and for sizes that are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError
from dlc.compiler.ir.dims import Dim, substitute, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops.base import Op

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

_MODULES = {
    "conv": "Conv",
    "conv_transpose": "ConvTranspose",
    "max_pool": "MaxPool",
    "avg_pool": "AvgPool",
    "lp_pool": "LPPool",
}
_AXES = ("D", "H", "W")


def per_dim(draw: st.DrawFn, rank: int, low: int, high: int) -> int | tuple[int, ...]:
    number = st.integers(low, high)
    if rank == 1:
        return draw(number)
    either: st.SearchStrategy[int | tuple[int, ...]]
    either = st.one_of(number, st.tuples(*[number] * rank))
    return draw(either)


@st.composite
def layers(draw: st.DrawFn, rank: int) -> tuple[str, dict[str, Any]]:
    """An op and its arguments; some of them fit nothing."""
    family = draw(st.sampled_from(sorted(_MODULES)))
    arguments: dict[str, Any] = {"kernel_size": per_dim(draw, rank, 1, 4)}
    if draw(st.booleans()):
        arguments["stride"] = per_dim(draw, rank, 1, 3)
    if family == "lp_pool":
        arguments["norm_type"] = 2.0
    elif draw(st.booleans()):
        arguments["padding"] = per_dim(draw, rank, 0, 2)
    if family not in ("avg_pool", "lp_pool") and draw(st.booleans()):
        arguments["dilation"] = per_dim(draw, rank, 1, 3)
    if family.startswith("conv"):
        arguments["out_channels"] = draw(st.integers(1, 4))
        arguments["groups"] = draw(st.sampled_from([1, 1, 1, 2]))
    if family == "conv_transpose":
        if draw(st.booleans()):
            arguments["output_padding"] = per_dim(draw, rank, 0, 2)
    elif family == "conv":
        arguments["padding_mode"] = draw(
            st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"])
        )
        if draw(st.integers(0, 3)) == 0:
            arguments["padding"] = draw(st.sampled_from(["same", "valid"]))
    else:
        arguments["ceil_mode"] = draw(st.booleans())
    return f"{family}{rank}d", arguments


def ours(name: str, arguments: dict[str, Any], x: TensorType) -> TensorType | None:
    """What we infer; None where we refuse."""
    op = cast(type[Op], registry.load("op", name))(**arguments)
    try:
        op.validate()
        return op.result_types(Inputs({"x": (x,)}))[0]
    except ComponentError:
        return None


def torchs(name: str, arguments: dict[str, Any], x: Tensor) -> Tensor | None:
    """What PyTorch gives; None where it refuses. Whether it refuses a transposed convolution
    that leaves no place depends on the kernel that runs; we always do."""
    family = name[:-2]
    constructor = cast(Callable[..., nn.Module], getattr(nn, f"{_MODULES[family]}{name[-2:]}"))
    given = dict(arguments)
    if family.startswith("conv"):
        given["in_channels"] = x.shape[1]
    try:
        with torch.no_grad():
            y = cast(Tensor, constructor(**given)(x))
            return y if y.numel() else None
    except (RuntimeError, ValueError):
        return None


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_known_sizes_give_what_torch_gives_and_refuse_what_it_refuses(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3))
    x = torch.zeros(
        1, data.draw(st.integers(1, 4)), *data.draw(st.tuples(*[st.integers(1, 9)] * rank))
    )
    for name, arguments in data.draw(st.lists(layers(rank), min_size=1, max_size=3)):
        found = ours(name, arguments, float_tensor(*x.shape))
        y = torchs(name, arguments, x)
        assert (found is None) == (y is None), f"{name}({arguments}) on {list(x.shape)}"
        if y is None:
            break
        assert found == float_tensor(*y.shape), f"{name}({arguments}) on {list(x.shape)}"
        x = y


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_symbolic_sizes_with_numbers_put_in_give_what_torch_gives(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3))
    least = data.draw(st.tuples(*[st.integers(3, 9)] * rank))
    sides: list[Dim] = [symbol(axis, low) for axis, low in zip(_AXES, least, strict=False)]
    channels = data.draw(st.integers(1, 4))
    inferred = float_tensor(symbol("N"), channels, *sides)
    more = data.draw(st.tuples(*[st.integers(0, 6)] * rank))
    actual = torch.zeros(2, channels, *(a + b for a, b in zip(least, more, strict=True)))
    values: dict[str, Dim] = {"N": 2}
    values |= dict(zip(_AXES, actual.shape[2:], strict=False))
    for name, arguments in data.draw(st.lists(layers(rank), min_size=1, max_size=4)):
        found = ours(name, arguments, inferred)
        if found is None:
            # Some size in the declared range does not fit; it need not be this one.
            break
        y = torchs(name, arguments, actual)
        assert y is not None, f"{name}({arguments}) on {list(actual.shape)}"
        put_in = tuple(substitute(size, values) for size in found.shape)
        assert put_in == tuple(y.shape), f"{name}({arguments}) on {list(actual.shape)}"
        inferred, actual = found, y


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_refused_range_holds_a_size_that_torch_refuses(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 2))
    name, arguments = data.draw(layers(rank))
    low = data.draw(st.integers(1, 6))
    sides = [symbol(axis, low) for axis in _AXES[:rank]]
    if ours(name, arguments, float_tensor(symbol("N"), 2, *sides)) is None:
        # The least size is the hardest.
        assert torchs(name, arguments, torch.zeros(1, 2, *[low] * rank)) is None
