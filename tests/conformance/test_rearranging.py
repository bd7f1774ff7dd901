"""Ops that move numbers: what they refuse, how they round, and what they do to the size of a
signal, against PyTorch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from harness import Case, assert_close, concrete, model, outputs, run_onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlc.compiler.components.base import ComponentError
from dlc.compiler.ir.dims import Dim, bounds, substitute, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._extent import lowest
from dlc.compiler.ops._interpolation import nearest, taps
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.chunk import Chunk
from dlc.compiler.ops.crop import Crop
from dlc.compiler.ops.expand import Expand
from dlc.compiler.ops.flip import Flip
from dlc.compiler.ops.interpolate import Interpolate
from dlc.compiler.ops.pad import Pad
from dlc.compiler.ops.permute import Permute
from dlc.compiler.ops.pixel_shuffle import PixelShuffle
from dlc.compiler.ops.select import Select
from dlc.compiler.ops.slice import Slice
from dlc.compiler.ops.split import Split
from dlc.compiler.ops.tile import Tile

N, T = symbol("N"), symbol("T", 3)


def shapes(op: Op, x: TensorType) -> list[tuple[Dim, ...]] | None:
    """What we infer; None where we refuse."""
    try:
        op.validate()
        return [found.shape for found in op.result_types(Inputs({"x": (x,)}))]
    except ComponentError:
        return None


# ── what is refused ──────────────────────────────────────────────────────────


@settings(max_examples=300, deadline=None)
@given(
    size=st.integers(1, 8),
    start=st.integers(-10, 10),
    end=st.none() | st.integers(-10, 10),
    step=st.integers(1, 4),
)
def test_a_slice_gives_what_python_gives_or_is_refused_for_giving_less_than_asked(
    size: int, start: int, end: int | None, step: int
) -> None:
    found = shapes(Slice(dim=1, start=start, end=end, step=step), float_tensor(2, size))
    taken = len(range(size)[start:end:step])
    within = -size <= start < size and (end is None or -size <= end <= size)
    assert found == ([(2, taken)] if within and taken else None)


@settings(max_examples=300, deadline=None)
@given(
    low=st.integers(1, 8),
    more=st.integers(0, 5),
    start=st.integers(-6, 6),
    end=st.none() | st.integers(-6, 6),
    step=st.integers(1, 3),
    relative=st.booleans(),
)
def test_a_slice_of_an_open_size_is_right_for_every_size_or_refused(
    low: int, more: int, start: int, end: int | None, step: int, relative: bool
) -> None:
    length = symbol("T", low)
    stop: Dim | None = length + end if relative and end is not None else end
    found = shapes(Slice(dim=0, start=start, end=stop, step=step), float_tensor(length))
    size = low + more
    place = None if stop is None else substitute(stop, {"T": size})
    assert place is None or isinstance(place, int)
    if found is not None:
        assert substitute(found[0][0], {"T": size}) == len(range(size)[start:place:step])


def torch_pad(x: Tensor, pad: tuple[int, ...], mode: str) -> Tensor | None:
    try:
        return F.pad(x, pad, mode=mode)
    except (RuntimeError, ValueError, NotImplementedError):
        return None


@settings(max_examples=400, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    pad=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=4),
    mode=st.sampled_from(["constant", "reflect", "replicate", "circular"]),
)
def test_padding_gives_what_torch_gives_and_refuses_what_it_refuses(
    shape: list[int], pad: list[tuple[int, int]], mode: Any
) -> None:
    flat = tuple(added for pair in pad for added in pair)
    wanted = torch_pad(torch.zeros(shape), flat, mode)
    found = shapes(Pad(pad=flat, mode=mode), float_tensor(*shape))
    assert found == (None if wanted is None else [tuple(wanted.shape)])


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 12), number=st.integers(1, 8))
def test_pieces_are_those_of_torch(size: int, number: int) -> None:
    x = torch.zeros(2, size)
    pieces = [tuple(piece.shape) for piece in x.split(number, dim=1)]
    assert shapes(Split(split_size=number, dim=1), float_tensor(2, size)) == pieces
    chunks = [tuple(piece.shape) for piece in x.chunk(number, dim=1)]
    found = shapes(Chunk(chunks=number, dim=1), float_tensor(2, size))
    assert found == (chunks if len(chunks) == number else None)


SIZES = st.recursive(
    st.integers(-8, 8) | st.sampled_from([symbol("S", 2, 9), symbol("T", 1, 9)]),
    lambda inner: (
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1])
        | st.tuples(inner, st.integers(-3, 3)).map(lambda pair: pair[0] * pair[1])
        | st.tuples(inner, st.integers(1, 4)).map(lambda pair: pair[0] // pair[1])
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(SIZES)
def test_no_value_of_a_size_is_below_its_lowest(size: Dim) -> None:
    found = lowest(size)
    assert found >= bounds(size)[0]
    for s in range(2, 10):
        for t in range(1, 10):
            value = substitute(size, {"S": s, "T": t})
            assert isinstance(value, int)
            assert value >= found


def test_the_rest_of_a_half_is_never_negative() -> None:
    assert lowest(T - T // 2) == 2
    assert lowest(T - (T + 1) // 2) == 1
    assert lowest((T - 3) // 2) == 0


# ── how sizes are rounded ────────────────────────────────────────────────────


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_nearest_places_are_those_of_torch(shift: float) -> None:
    mode = "nearest-exact" if shift else "nearest"
    for side in range(1, 40):
        x = torch.arange(side, dtype=torch.float32).reshape(1, 1, side)
        for size in range(1, 40):
            wanted = F.interpolate(x, size=size, mode=mode)[0, 0]
            assert nearest(side, size, None, shift) == wanted.tolist(), (side, size)
        for factor in (0.3, 0.7, 1.3, 3.7, 41.0):
            if int(side * factor):
                wanted = F.interpolate(x, scale_factor=factor, mode=mode)[0, 0]
                assert nearest(side, len(wanted), factor, shift) == wanted.tolist()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("mode", "side", "size"),
    [("nearest", 14, 2), ("nearest", 20, 12), ("nearest-exact", 26, 11), ("nearest-exact", 6, 37)],
)
def test_the_exported_model_rounds_like_torch_where_onnxs_resize_does_not(
    mode: Any, side: int, size: int, known: bool
) -> None:
    op = Interpolate(size=(size,), mode=mode)
    case = Case(op.name, Example(op, {"x": float_tensor(N, 1, side if known else T)}))
    module = case.module().eval()
    x = torch.arange(side, dtype=torch.float32).reshape(1, 1, side)
    (found,) = run_onnxruntime(model(case, module, 20), {"x": x})
    assert torch.equal(module(x)["y"], torch.from_numpy(found))


@pytest.mark.parametrize("factor", [0.3, 0.7, 1.1, 2.3])
def test_the_exported_model_has_torchs_size_for_every_side(factor: float) -> None:
    op = Interpolate(scale_factor=factor, mode="linear")
    for side in range(4, 41, 4):
        case = Case(op.name, Example(op, {"x": float_tensor(N, 1, side)}))
        module = case.module().eval()
        x = torch.randn(1, 1, side)
        (found,) = run_onnxruntime(model(case, module, 20), {"x": x})
        assert_close(found, module(x)["y"].numpy(), f"{factor} times {side}")


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("mode", "filter_"), [("bilinear", "linear"), ("bicubic", "cubic")])
def test_weights_of_neighbours_are_those_of_torch(mode: str, filter_: str, antialias: bool) -> None:
    for side, size in ((7, 3), (3, 7), (5, 5), (9, 1), (1, 4)):
        x = torch.eye(side).reshape(1, side, 1, side)
        wanted = F.interpolate(x, size=(1, size), mode=mode, antialias=antialias)[0, :, 0].T
        found = torch.zeros(size, side)
        for i, place in enumerate(taps(filter_, side, size, None, False, antialias)):
            for j, weight in place.items():
                found[i, j] = weight
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


# ── how a signal grows ───────────────────────────────────────────────────────

IMAGES = float_tensor(8, 16, 24, 18)
GAINS: list[Op] = [
    Pad(pad=(2, 2, 2, 2)),
    Pad(pad=(0, 3), value=2.0),
    Pad(pad=(-3, 1)),
    Pad(pad=(2, 2, 2, 2), mode="reflect"),
    Pad(pad=(2, 2, 2, 2), mode="replicate"),
    Pad(pad=(2, 2, 2, 2), mode="circular"),
    Crop(size=(9,)),
    Interpolate(scale_factor=2.0),
    Interpolate(size=(7, 40), mode="nearest-exact"),
    Interpolate(scale_factor=2.0, mode="bilinear"),
    Interpolate(size=(30, 11), mode="bilinear", align_corners=True),
    Interpolate(size=(30, 11), mode="bicubic"),
    Interpolate(size=(7, 9), mode="bilinear", antialias=True),
    Interpolate(size=(7, 9), mode="bicubic", antialias=True),
    Permute(dims=(0, 2, 3, 1)),
    Expand(sizes=(3, -1, -1, -1, -1)),
    Select(dim=1, index=0),
    Slice(dim=2, start=3),
    Tile(dims=(2, 1)),
    Flip(dims=(1,)),
    PixelShuffle(upscale_factor=2),
]


@pytest.mark.parametrize("op", GAINS, ids=lambda op: op.name)
def test_gain_is_the_ratio_of_mean_squares(op: Op) -> None:
    case = Case(op.name, Example(op, {"x": IMAGES}))
    gain = op.gain(case.ports)
    assert gain is not None
    (y,) = outputs(case.module(), case.draw({}, seed=3))
    assert concrete(case.results[0], {}) == tuple(y.shape)
    assert y.square().mean().item() == pytest.approx(gain, rel=0.06)
