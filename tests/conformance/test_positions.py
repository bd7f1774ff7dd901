"""What the ops that tell places compute, by the formulas of their papers."""

from __future__ import annotations

import math

import pytest
import torch
from harness import Case
from torch import Tensor, nn

from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.rotary_embedding import RotaryEmbedding
from dlc.compiler.ops.sinusoidal_positions import SinusoidalPositions


def run(op: Op, x: Tensor) -> Tensor:
    module: nn.Module = Case(op.name, Example(op, {"x": float_tensor(*x.shape)})).module()
    y: Tensor = module(x)["y"]
    return y


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_sines_and_cosines_are_those_of_the_paper() -> None:
    width, steps = 8, 50
    wanted = torch.zeros(steps, width)
    for t in range(steps):
        for i in range(width // 2):
            angle = t / 10000 ** (2 * i / width)
            wanted[t, 2 * i], wanted[t, 2 * i + 1] = math.sin(angle), math.cos(angle)
    found = run(SinusoidalPositions(), torch.zeros(2, steps, width))
    torch.testing.assert_close(found, wanted.expand(2, -1, -1), atol=1e-5, rtol=0)


def turned(x: Tensor, pairs: list[tuple[int, int]], base: float) -> Tensor:
    y = x.clone()
    for t in range(x.shape[-2]):
        for i, (left, right) in enumerate(pairs):
            angle = t / base ** (2 * i / (2 * len(pairs)))
            a, b = x[..., t, left], x[..., t, right]
            y[..., t, left] = a * math.cos(angle) - b * math.sin(angle)
            y[..., t, right] = a * math.sin(angle) + b * math.cos(angle)
    return y


HALVES = [(0, 4), (1, 5), (2, 6), (3, 7)]
NEIGHBOURS = [(0, 1), (2, 3), (4, 5), (6, 7)]


@pytest.mark.parametrize(
    ("op", "pairs"),
    [
        (RotaryEmbedding(base=100.0), HALVES),
        (RotaryEmbedding(base=100.0, interleaved=True), NEIGHBOURS),
        (RotaryEmbedding(base=100.0, rotary_dim=4), [(0, 2), (1, 3)]),
        (RotaryEmbedding(base=100.0, rotary_dim=4, interleaved=True), [(0, 1), (2, 3)]),
    ],
)
def test_pairs_are_turned_by_the_angle_of_their_place(
    op: RotaryEmbedding, pairs: list[tuple[int, int]]
) -> None:
    x = draw(2, 3, 6, 8)
    torch.testing.assert_close(run(op, x), turned(x, pairs, 100.0))


@pytest.mark.parametrize("interleaved", [False, True])
def test_a_product_depends_on_the_distance_alone(interleaved: bool) -> None:
    op = RotaryEmbedding(interleaved=interleaved)
    q, k = (run(op, draw(1, 1, 8).expand(1, 20, 8)) for _ in range(2))
    products = (q @ k.transpose(1, 2))[0]
    for distance in range(-5, 6):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))


def test_half_precision_counts_the_places_of_a_long_sequence() -> None:
    x = torch.zeros(1, 5000, 4)
    long = run(SinusoidalPositions(), x)
    half = run(SinusoidalPositions(), x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), long, atol=1e-2, rtol=0)
