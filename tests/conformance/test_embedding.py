"""What lookups promise beside agreeing with PyTorch."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from harness import Case, model, run_onnxruntime

from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.compiler.ops.base import Example
from dlc.compiler.ops.embedding import Embedding
from dlc.compiler.ops.embedding_bag import EmbeddingBag
from dlc.compiler.ops.one_hot import OneHot

Mode = Literal["mean", "sum", "max"]
BAGS = torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0], [3, 0, 3, 1]])


@pytest.mark.parametrize("opset", [20, 23])
@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_padding_counts_for_nothing_and_a_bag_of_it_gives_0(mode: Mode, opset: int) -> None:
    op = EmbeddingBag(num_embeddings=5, embedding_dim=3, mode=mode, padding_idx=0)
    case = Case("bags", Example(op, {"x": int_tensor(3, 4)}))
    net = case.module().eval()
    table = net.state_dict()["layer.weight"]
    y = net(BAGS)["y"]
    wanted = []
    for bag in BAGS:
        rows = table[bag[bag != 0]]
        reduced = {"mean": rows.mean(0), "sum": rows.sum(0)}
        empty = torch.zeros(3)
        wanted.append(empty if not len(rows) else reduced[mode] if mode != "max" else rows.amax(0))
    torch.testing.assert_close(y, torch.stack(wanted))
    (found,) = run_onnxruntime(model(case, net, opset), {"x": BAGS})
    torch.testing.assert_close(torch.from_numpy(found), y)


def test_weights_of_padding_count_for_nothing() -> None:
    op = EmbeddingBag(num_embeddings=5, embedding_dim=3, mode="sum", padding_idx=0)
    case = Case(
        "bags", Example(op, {"x": int_tensor(3, 4), "per_sample_weights": float_tensor(3, 4)})
    )
    net = case.module().eval()
    weights = torch.arange(12.0).reshape(3, 4)
    y = net(BAGS, weights)["y"]
    table = net.state_dict()["layer.weight"].clone()
    table[0] = 0
    torch.testing.assert_close(y, (table[BAGS] * weights[..., None]).sum(1))
    proto = model(case, net, 20)
    (found,) = run_onnxruntime(proto, {"x": BAGS, "per_sample_weights": weights})
    torch.testing.assert_close(torch.from_numpy(found), y)


def test_long_rows_are_shortened_when_they_are_looked_up() -> None:
    op = Embedding(num_embeddings=9, embedding_dim=4, max_norm=0.5)
    net = Case("table", Example(op, {"x": int_tensor(2, 3)})).module()
    y = net(torch.tensor([[0, 1, 2], [3, 4, 5]]))["y"]
    assert y.norm(dim=-1).max() <= 0.5 + 1e-6


def test_one_hot_gives_floats() -> None:
    net = Case("hot", Example(OneHot(num_classes=3), {"x": int_tensor(2)})).module()
    y = net(torch.tensor([2, 0]))["y"]
    assert y.dtype == torch.float32
    assert y.tolist() == [[0, 0, 1], [1, 0, 0]]
