"""What the recurrent layers promise beside agreeing with PyTorch."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from harness import Case, model, run_onnxruntime
from torch import Tensor, nn

from dlc.compiler.components import registry
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.compiler.ops.base import Example, Op

every_layer = pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])


def module(name: str, inputs: dict[str, TensorType], **arguments: Any) -> nn.Module:
    arguments["hidden_size"] = 4
    op = cast(type[Op], registry.load("op", name))(**arguments)
    return Case(name, Example(op, dict(inputs))).module().eval()


@every_layer
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sequence_gives_the_same_alone_and_in_a_padded_batch(
    name: str, bidirectional: bool
) -> None:
    lengths = torch.tensor([2, 6, 1, 4])
    x = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    options = {"num_layers": 2, "bidirectional": bidirectional}
    batch = module(name, {"x": float_tensor(4, 6, 3), "lengths": int_tensor(4)}, **options)
    alone = module(name, {"x": float_tensor(1, 6, 3)}, **options)
    alone.load_state_dict(batch.state_dict())
    y, *states = batch(x, lengths).values()
    for i, length in enumerate(lengths.tolist()):
        wanted, *ends = alone(x[i : i + 1, :length]).values()
        torch.testing.assert_close(y[i, :length], wanted[0])
        assert not y[i, length:].any()
        for state, end in zip(states, ends, strict=True):
            torch.testing.assert_close(state[:, i], end[:, 0])


@every_layer
def test_without_sequences_the_result_is_the_end_of_each_direction(name: str) -> None:
    lengths = torch.tensor([3, 5])
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    inputs = {"x": float_tensor(2, 5, 3), "lengths": int_tensor(2)}
    every = module(name, inputs, bidirectional=True)
    last = module(name, inputs, bidirectional=True, return_sequences=False)
    last.load_state_dict(every.state_dict())
    y = every(x, lengths)["y"]
    wanted = torch.stack([torch.cat((y[i, n - 1, :4], y[i, 0, 4:])) for i, n in enumerate(lengths)])
    torch.testing.assert_close(last(x, lengths)["y"], wanted)


@every_layer
def test_lengths_may_be_short_integers(name: str) -> None:
    inputs = {"x": float_tensor(2, 5, 3), "lengths": int_tensor(2)}
    layer = module(name, inputs)
    x, lengths = torch.randn(2, 5, 3), torch.tensor([3, 5])
    torch.testing.assert_close(layer(x, lengths.int())["y"], layer(x, lengths)["y"])


@every_layer
def test_a_sequence_goes_on_from_the_states_of_its_first_half(name: str) -> None:
    x = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    states = 1 if name != "lstm" else 2
    first = {port: float_tensor(2, 2, 4) for port in ("h0", "c0")[:states]}
    whole = module(name, {"x": float_tensor(2, 6, 3)}, num_layers=2)
    half = module(name, {"x": float_tensor(2, 3, 3), **first}, num_layers=2)
    half.load_state_dict(whole.state_dict())
    wanted = whole(x)["y"]
    y, *ends = whole(x[:, :3]).values()
    torch.testing.assert_close(y, wanted[:, :3])
    torch.testing.assert_close(half(x[:, 3:], *ends)["y"], wanted[:, 3:])


@every_layer
@pytest.mark.parametrize("opset", [20, 23])
def test_a_cell_goes_the_steps_of_its_layer(name: str, opset: int) -> None:
    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    whole = module(name, {"x": float_tensor(2, 4, 3)})
    state = {k.replace("_l0", ""): v for k, v in whole.state_dict().items()}
    first = Case("first", Example(cell(name), {"x": float_tensor(2, 3)}))
    ports = ("h0", "c0") if name == "lstm" else ("h0",)
    given = {port: float_tensor(2, 4) for port in ports}
    later = Case("later", Example(cell(name), {"x": float_tensor(2, 3), **given}))
    nets = [case.module().eval() for case in (first, later)]
    for net in nets:
        net.load_state_dict(state)
    inputs: dict[str, Tensor] = {"x": x[:, 0]}
    for step in range(4):
        case, net = (first, nets[0]) if step == 0 else (later, nets[1])
        ends = [end.detach() for end in net(*inputs.values()).values()]
        torch.testing.assert_close(ends[0], whole(x)["y"][:, step])
        found = run_onnxruntime(model(case, net, opset), inputs)
        for end, file in zip(ends, found, strict=True):
            torch.testing.assert_close(torch.from_numpy(file), end)
        if step < 3:
            inputs = {"x": x[:, step + 1], **dict(zip(ports, ends, strict=True))}


def cell(name: str) -> Op:
    arguments: dict[str, Any] = {"hidden_size": 4}
    return cast(type[Op], registry.load("op", f"{name}_cell"))(**arguments)
