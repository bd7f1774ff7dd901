"""Cost: the totals of the six specs, and torch's own count."""

from __future__ import annotations

import json
from typing import cast

import pytest
import torch
from test_shapes import op, zoo
from torch.utils.flop_counter import FlopCounterMode

from dlc.compiler.analysis.cost import cost
from dlc.compiler.analysis.shapes import with_input_types
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import DType, float_tensor
from dlc.runtime.loading import load_module, model_class

from tests.networks import Builder, program  # isort: skip

N = symbol("N")
_DTYPES = {DType.FLOAT32: torch.float32, DType.INT64: torch.int64, DType.BOOL: torch.bool}


@pytest.mark.parametrize(
    ("name", "parameters", "dims"),
    [
        ("lenet5", 61_718, {}),
        ("resnet18", 11_689_512, {}),
        ("bert_base", 109_514_298, {"T": 128}),
        ("multitask", 429_064, {}),
        ("skipgram", 20_000_000, {}),
    ],
)
def test_macs_are_what_torch_counts(name: str, parameters: int, dims: dict[str, int]) -> None:
    network = zoo(name)
    found = cost(network, dims)
    assert found.parameters == parameters
    assert found.dims == {"N": 1, **dims}
    concrete = with_input_types(network, found.dims)
    with torch.device("meta"):
        model = model_class(load_module(generate_network(network)))().eval()
    inputs = []
    for value in concrete.graph.inputs:
        type = concrete.graph.values[value]
        shape = cast("tuple[int, ...]", type.shape)
        inputs.append(torch.empty(shape, dtype=_DTYPES[type.dtype], device="meta"))
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    assert found.macs * 2 == counter.get_total_flops()


def test_macs_and_bytes_grow_with_the_batch_and_parameters_do_not() -> None:
    one, two = cost(zoo("resnet18")), cost(zoo("resnet18"), {"N": 2})
    assert two.parameters == one.parameters
    assert two.macs == 2 * one.macs
    assert one.bytes < two.bytes <= 2 * one.bytes


def test_an_open_size_is_the_top_of_its_range() -> None:
    assert cost(zoo("bert_base")).dims == {"N": 1, "T": 512}


@pytest.mark.parametrize(
    ("name", "dims", "number"),
    [
        ("bilstm", {}, "E0403"),
        ("bert_base", {"S": 3}, "E0202"),
        ("bert_base", {"T": 513}, "E0302"),
        ("bert_base", {"N": 0}, "E0302"),
    ],
)
def test_sizes_that_cannot_be_are_diagnostics(name: str, dims: dict[str, int], number: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        cost(zoo(name), dims)
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code.number == number
    assert diagnostic.help is not None or number == "E0302"


def test_a_tensor_that_two_layers_keep_counts_once() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 10))
    h = b.apply(op("linear", out_features=20), x)
    a = b.apply(op("linear", out_features=5), h)
    c = b.apply(op("linear", out_features=5), h)
    b.output("y", b.apply(op("add"), a, c))
    found = cost(program(b))
    assert [layer.bytes for layer in found.layers] == [40, 80, 0, 0]
    assert found.bytes == 120


def test_the_json_form_is_documented_and_plain() -> None:
    found = cost(zoo("lenet5")).to_json()
    assert list(found) == ["parameters", "buffers", "macs", "bytes", "dims", "layers"]
    assert json.loads(json.dumps(found)) == found
    assert found["macs"] == sum(layer["macs"] for layer in found["layers"])
