"""Bytes moved and operations against those of PyTorch's own operations, and the roofline."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from checking import check_net
from checking import compiled as compiled_net
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from dlc.compiler.analysis.traffic import Balance, Traffic, traffic, update_bytes, whole
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.ir.dims import substitute
from dlc.compiler.ir.types import DType
from dlc.runtime.loading import load_module, model_class
from tests.zoo.running import compiled


class Moved(TorchDispatchMode):
    """The bytes that operations read and write; one that gives another view moves none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        made = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]
        known = {t.untyped_storage()._cdata for t in given}
        in_place = func.__name__.partition(".")[0].endswith("_")
        if in_place or not all(t.untyped_storage()._cdata in known for t in made):
            self.bytes += sum(t.nbytes for t in (*given, *made))
        return out


def moved(name: str, sets: tuple[str, ...], sizes: dict[str, int]) -> tuple[int, int, int, int]:
    """Bytes and operations of a forward and a backward pass, with no memory taken."""
    program = compiled(name, sets=sets).program
    with torch.device("meta"):
        model = model_class(load_module(generate_network(program)))()
        inputs = {}
        for key in program.graph.inputs:
            type = program.graph.values[key]
            dtype = {DType.BOOL: torch.bool, DType.INT64: torch.int64}.get(
                type.dtype, torch.float32
            )
            shape = [substitute(dim, sizes) for dim in type.shape]
            inputs[key] = torch.empty(shape, dtype=dtype)
    with Moved() as forward, FlopCounterMode(display=False) as ahead:
        outputs = model(**inputs)
    loss = sum(value.sum() for value in outputs.values())
    with Moved() as backward, FlopCounterMode(display=False) as back:
        loss.backward()
    return forward.bytes, ahead.get_total_flops(), backward.bytes, back.get_total_flops()


@pytest.mark.parametrize(
    ("name", "sets", "sizes", "least"),
    [
        ("lenet5", (), {"N": 64}, 0.9),
        ("resnet18", (), {"N": 2}, 0.95),
        ("vgg16", (), {"N": 1}, 0.95),
        ("convolutional_autoencoder", (), {"N": 8}, 0.9),
        # Without a fused kernel PyTorch writes and reads the scores of attention several times.
        ("transformer_block", ("p=0",), {"N": 8, "T": 64}, 0.65),
    ],
)
def test_what_layers_move_is_what_operations_do(
    name: str, sets: tuple[str, ...], sizes: dict[str, int], least: float
) -> None:
    free = {key: value for key, value in sizes.items() if key != "N"}
    layers = traffic(compiled(name, sets=sets).program, batch=sizes["N"], dims=free)
    total = whole(layers)
    forward, flops, backward, back_flops = moved(name, sets, sizes)
    assert least < total.bytes / forward < 1.05
    assert least < total.backward_bytes / backward < 1.05
    # PyTorch counts products alone.
    assert flops <= total.flops < 1.25 * flops
    assert back_flops <= 1.001 * total.backward_flops < 1.25 * back_flops


def one(body: str, batch: int, kind: str, *, autocast: bool = False, **given: str) -> Traffic:
    program = compiled_net(check_net(body, **given)).program
    return next(x for x in traffic(program, batch=batch, autocast=autocast) if x.kind == kind)


def test_a_linear_layer_by_hand() -> None:
    found = one("relu; output y = linear(16)", 4, "linear")
    weights = 4 * (8 * 16 + 16)
    assert found.flops == 2 * 4 * 8 * 16
    assert found.bytes == 4 * (4 * 8 + 4 * 16) + weights
    assert found.backward_flops == 2 * found.flops
    # The gradient comes in, what was kept is read, two gradients go out.
    assert found.backward_bytes == 4 * (4 * 16 + 2 * 4 * 8) + 2 * weights


def test_of_data_no_gradient_is_computed() -> None:
    first, second = (
        one(body, 4, "linear") for body in ("output y = linear(16)", "relu; output y = linear(16)")
    )
    assert first.backward_flops == second.backward_flops / 2
    assert first.backward_bytes == second.backward_bytes - 4 * 4 * 8


def test_half_the_bytes_are_twice_the_intensity() -> None:
    wide, narrow = (
        one(
            "linear(512); output y = linear(512)",
            512,
            "linear",
            autocast=autocast,
            inputs="x: float[N, 512]",
        )
        for autocast in (False, True)
    )
    # The input of the network is in 32 bits.
    assert 1.45 < narrow.intensity / wide.intensity <= 2.0


def test_weights_of_a_table_are_read_by_rows_and_of_a_recurrence_at_every_step() -> None:
    table = one("embedding(10000, 8); output y = linear(2)", 2, "embedding", inputs="x: int[N, 4]")
    assert table.bytes == 8 * 2 * 4 + 2 * 4 * (2 * 4 * 8)
    short, long = (
        one("lstm(64); output y = linear(2)", 1, "lstm", inputs=f"x: float[N, {steps}, 8]")
        for steps in (10, 20)
    )
    assert long.bytes == pytest.approx(2 * short.bytes, rel=0.01)


def test_a_batch_shares_the_weights() -> None:
    intensities = [one("output y = linear(1024)", n, "linear").intensity for n in (1, 32, 1024)]
    assert intensities == sorted(intensities)
    assert intensities[0] < 0.6


def test_the_slower_of_arithmetic_and_memory_is_waited_for() -> None:
    balance = Balance(flops=100.0, bandwidth=10.0)
    busy, waiting = (Traffic("a", "linear", flops, 10, 0, 0) for flops in (200, 20))
    assert balance.point == 10
    assert (balance.bound(busy), balance.bound(waiting)) == ("compute", "memory")
    assert balance.seconds(busy.flops, busy.bytes) == 2.0
    assert balance.seconds(waiting.flops, waiting.bytes) == 1.0
    assert balance.forward_seconds([busy, waiting]) == 3.0
    assert balance.step_seconds([busy, waiting], 50) == 8.0
    assert balance.bound(Traffic("v", "flatten", 0, 0, 0, 0)) == ""


def test_an_update_reads_and_writes_the_state() -> None:
    network = compiled("lenet5")
    numbers = 4 * network.program.parameter_count
    assert network.settings.optimizer is not None
    assert network.settings.optimizer.name == "adamw"
    assert update_bytes(network.program, network.settings) == numbers * (3 + 2 * 2)
