"""What attention promises beside agreeing with PyTorch: masks, order, shared heads."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from harness import Case, model, run_onnxruntime
from torch import Tensor, nn

from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.multihead_attention import MultiheadAttention
from dlc.compiler.ops.scaled_dot_product_attention import ScaledDotProductAttention

X = float_tensor(3, 5, 8)


def module(op: Op, **inputs: TensorType) -> nn.Module:
    return Case(op.name, Example(op, dict(inputs))).module().eval()


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def visible(*shape: int) -> Tensor:
    """A random mask in which every query may look at the first key."""
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.5
    drawn[..., 0] = True
    return drawn


def torchs(ours: nn.Module, heads: int) -> nn.MultiheadAttention:
    theirs = nn.MultiheadAttention(8, heads, batch_first=True).eval()
    theirs.load_state_dict({k.removeprefix("layer."): v for k, v in ours.state_dict().items()})
    return theirs


@pytest.mark.parametrize("by_head", [False, True])
@pytest.mark.parametrize("is_float", [False, True])
def test_a_mask_of_pairs_means_what_it_means_in_torchs_layer(by_head: bool, is_float: bool) -> None:
    shape = (6, 5, 5) if by_head else (5, 5)
    mask = draw(*shape) if is_float else ~visible(*shape)
    type_ = (float_tensor if is_float else bool_tensor)(*shape)
    ours = module(MultiheadAttention(num_heads=2), x=X, attn_mask=type_)
    x = draw(3, 5, 8)
    wanted, _ = torchs(ours, 2)(x, x, x, attn_mask=mask, need_weights=False)
    torch.testing.assert_close(ours(x, mask)["y"], wanted)


def test_a_mask_for_each_sample_is_one_for_all_its_heads() -> None:
    mask = ~visible(3, 5, 5)
    ours = module(MultiheadAttention(num_heads=2), x=X, attn_mask=bool_tensor(3, 5, 5))
    x = draw(3, 5, 8)
    wanted, _ = torchs(ours, 2)(x, x, x, attn_mask=mask.repeat_interleave(2, 0))
    torch.testing.assert_close(ours(x, mask)["y"], wanted)


def test_padding_order_and_a_mask_act_together() -> None:
    op = MultiheadAttention(num_heads=2, is_causal=True)
    padding = torch.arange(5) >= torch.tensor([[5], [3], [1]])
    mask = ~visible(5, 5)
    ours = module(op, x=X, key_padding_mask=bool_tensor(3, 5), attn_mask=bool_tensor(5, 5))
    x = draw(3, 5, 8)
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    wanted, _ = torchs(ours, 2)(x, x, x, key_padding_mask=padding, attn_mask=mask | later)
    torch.testing.assert_close(ours(x, padding, mask)["y"], wanted)


@pytest.mark.parametrize("kv_heads", [1, 2])
def test_shared_heads_are_heads_of_keys_and_values_that_repeat(kv_heads: int) -> None:
    ours = module(MultiheadAttention(num_heads=4, num_kv_heads=kv_heads, is_causal=True), x=X)
    state = ours.state_dict()
    rows = (8, 2 * kv_heads, 2 * kv_heads)
    groups = 4 // kv_heads

    def repeated(name: str) -> Tensor:
        q, k, v = state[f"layer.{name}"].split(rows)
        heads = [part.unflatten(0, (kv_heads, 2)).repeat_interleave(groups, 0) for part in (k, v)]
        return torch.cat((q, *(part.flatten(0, 1) for part in heads)))

    every = module(MultiheadAttention(num_heads=4, is_causal=True), x=X)
    every.load_state_dict(
        state | {f"layer.{n}": repeated(n) for n in ("in_proj_weight", "in_proj_bias")}
    )
    x = draw(3, 5, 8)
    torch.testing.assert_close(ours(x)["y"], every(x)["y"])


@pytest.mark.parametrize("kv_heads", [None, 2])
def test_the_maps_start_as_torchs_do(kv_heads: int | None) -> None:
    op = MultiheadAttention(num_heads=4, num_kv_heads=kv_heads)
    namespace: dict[str, Any] = {}
    exec(compile(Case("fresh", Example(op, {"x": X})).source, "<fresh>", "exec"), namespace)
    torch.manual_seed(0)
    started = namespace["Network"]().layer
    rows = 24 if kv_heads is None else 16
    bound = (6 / (rows + 8)) ** 0.5
    assert 0.8 * bound < started.in_proj_weight.abs().max() <= bound
    assert not started.in_proj_bias.any()
    assert not started.out_proj.bias.any()


@pytest.mark.parametrize("opset", [20, 23])
def test_a_file_gives_a_query_without_keys_the_bias_alone(opset: int) -> None:
    types = {"x": X, "key_padding_mask": bool_tensor(3, 5), "attn_mask": float_tensor(5, 5)}
    op = MultiheadAttention(num_heads=4, num_kv_heads=2, is_causal=True)
    case = Case("float_mask", Example(op, dict(types)))
    mask, padding = draw(5, 5), torch.arange(5) < torch.tensor([[0], [2], [5]])
    mask[1] = float("-inf")
    net = case.module().eval()
    inputs = {"x": draw(3, 5, 8), "key_padding_mask": padding, "attn_mask": mask}
    wanted = net(*inputs.values())["y"]
    (found,) = run_onnxruntime(model(case, net, opset), inputs)
    torch.testing.assert_close(torch.from_numpy(found), wanted)
    bias = net.state_dict()["layer.out_proj.bias"]
    for lonely in (wanted[2], wanted[1, :2], wanted[0, 1:2]):
        torch.testing.assert_close(lonely, bias.expand_as(lonely))


class TestScaledDotProductAttention:
    TYPES: ClassVar[dict[str, TensorType]] = {
        port: float_tensor(2, 2, 4, 8) for port in ("query", "key", "value")
    }

    def test_a_mask_and_the_order_act_together(self) -> None:
        op = ScaledDotProductAttention(is_causal=True)
        ours = module(op, **self.TYPES, attn_mask=bool_tensor(2, 1, 4, 4))
        q, mask = draw(2, 2, 4, 8), visible(2, 1, 4, 4)
        wanted = F.scaled_dot_product_attention(q, q, q, attn_mask=mask & mask.tril())
        torch.testing.assert_close(ours(q, q, q, mask)["y"], wanted)

    @pytest.mark.parametrize("training", [False, True])
    @pytest.mark.parametrize("is_float", [False, True])
    def test_a_query_that_may_look_nowhere_gets_0(self, training: bool, is_float: bool) -> None:
        type_ = (float_tensor if is_float else bool_tensor)(4, 4)
        ours = module(ScaledDotProductAttention(), **self.TYPES, attn_mask=type_).train(training)
        mask: Tensor = torch.ones(4, 4, dtype=torch.bool)
        mask[1] = False
        if is_float:
            mask = torch.zeros(4, 4).masked_fill(~mask, float("-inf"))
        q = draw(2, 2, 4, 8).requires_grad_(training)
        y = ours(q, q, q, mask)["y"]
        assert not y[:, :, 1].any()
        assert y.isfinite().all()
        assert y[:, :, 0].any()
        if training:
            y.sum().backward()
            assert q.grad is not None
            assert q.grad.isfinite().all()

    @pytest.mark.parametrize("opset", [20, 23])
    def test_a_file_gives_0_there_too(self, opset: int) -> None:
        case = Case(
            "float_mask",
            Example(ScaledDotProductAttention(), {**self.TYPES, "attn_mask": float_tensor(4, 4)}),
        )
        mask = draw(4, 4)
        mask[1], mask[2, :3] = float("-inf"), float("-inf")
        inputs = {"query": draw(2, 2, 4, 8), "key": draw(2, 2, 4, 8), "value": draw(2, 2, 4, 8)}
        inputs["attn_mask"] = mask
        net = case.module().eval()
        (found,) = run_onnxruntime(model(case, net, opset), inputs)
        assert not found[:, :, 1].any()
        torch.testing.assert_close(torch.from_numpy(found), net(*inputs.values())["y"])

    def test_dropout_acts_while_training_only(self) -> None:
        ours = module(ScaledDotProductAttention(dropout_p=0.5), **self.TYPES)
        q = draw(2, 2, 4, 8)
        wanted = F.scaled_dot_product_attention(q, q, q)
        torch.testing.assert_close(ours(q, q, q)["y"], wanted)
        torch.manual_seed(0)
        assert not torch.allclose(ours.train()(q, q, q)["y"], wanted)
