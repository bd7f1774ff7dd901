"""The inputs on which a file is compared with PyTorch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from onnx_programs import Dense, Relu, graph, node, program

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import BlockCall, Inputs
from dlc.compiler.ir.types import DType, TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops.base import Op
from dlc.compiler.record import component
from dlc.runtime.export.probes import dim_values, input_uses, probes

N, T = symbol("N"), symbol("T")


@component
class Embedding(Op):
    name: ClassVar[str] = "embedding"
    num_embeddings: int

    def infer(self, inputs: Inputs) -> TensorType:
        return float_tensor(*inputs.x.shape, 4)

    def index_limits(self) -> dict[str, int]:
        return {"x": self.num_embeddings}


@component
class Flatten(Op):
    name: ClassVar[str] = "flatten"

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x


@component
class Encoder(Op):
    """Takes a mask and lengths, as attention and lstm do."""

    name: ClassVar[str] = "encoder"

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x


@component
class Shrink(Op):
    name: ClassVar[str] = "shrink"
    by: int

    def infer(self, inputs: Inputs) -> TensorType:
        return float_tensor(N, inputs.x.shape[1] - self.by)


def text_program():
    block = graph(
        "Block",
        {"x": int_tensor(N, T)},
        (
            node("flat", Flatten(), "x"),
            node("small", Embedding(num_embeddings=7), "flat"),
        ),
        {"y": "small"},
    )
    return program(
        {
            "tokens": int_tensor(N, T),
            "mask": bool_tensor(N, T),
            "lengths": int_tensor(N),
            "count": int_tensor(N),
        },
        (
            node("tok", Embedding(num_embeddings=30), "tokens"),
            node("body", BlockCall("Block", "Block"), "tokens", outputs=("h",)),
            node("enc", Encoder(), "h", "key_padding_mask=mask", "lengths=lengths"),
        ),
        {"out": "enc"},
        block,
    )


def drawn(network, raw=None, **options):
    raw = raw or {name: network.graph.values[name] for name in network.graph.inputs}
    return list(probes(network, raw, **options))


def test_the_uses_of_an_input_are_found_through_blocks_and_layers_that_pass_it_on():
    uses = input_uses(text_program())
    assert uses["tokens"].below == 7, "the smaller of two tables"
    assert uses["mask"].padding
    assert uses["lengths"].length_of == T
    assert "count" not in uses


def test_every_size_takes_two_values_and_draws_fit_what_they_are_for():
    found = drawn(text_program())
    assert [p.kind for p in found] == ["draw", "draw", "extremes", "padding"]
    for name in ("N", "T"):
        assert len({p.dims[name] for p in found}) == 2
    for probe in found:
        n, t = probe.dims["N"], probe.dims["T"]
        tokens, mask, lengths = (probe.feeds[k] for k in ("tokens", "mask", "lengths"))
        assert tokens.shape == mask.shape == (n, t)
        assert tokens.dtype == np.int64
        assert mask.dtype == np.bool_
        assert 0 <= tokens.min() <= tokens.max() < 7
        assert not mask[:, 0].any(), "one place is valid"
        assert lengths.min() >= 1
        assert lengths.max() == (1 if probe.kind == "padding" else t), "the whole length is used"
    padding = found[-1].feeds
    assert padding["mask"][:, 1:].all()
    assert (padding["lengths"] == 1).all()
    assert {int(v) for v in found[2].feeds["tokens"].reshape(-1)} == {0, 6}


def test_a_network_without_padding_has_no_padding_probe():
    network = program({"x": float_tensor(N, 4)}, (node("r", Relu(), "x"),), {"y": "r"})
    found = drawn(network)
    assert [p.kind for p in found] == ["draw", "draw", "extremes"]
    assert np.abs(found[-1].feeds["x"]).max() == 1e4
    assert found[0].feeds["x"].dtype == np.float32


def test_raw_bytes_are_drawn_over_their_whole_range():
    network = program({"x": float_tensor(N, 40)}, (node("d", Dense(out=2), "x"),), {"y": "d"})
    found = drawn(network, {"x": TensorType(DType.UINT8, (N, 40))})
    assert found[1].feeds["x"].dtype == np.uint8
    assert found[1].feeds["x"].max() > 200
    assert set(found[2].feeds["x"].reshape(-1).tolist()) == {0, 255}


def test_inputs_far_from_zero_are_drawn_where_the_data_is():
    network = program({"x": float_tensor(N, 4)}, (node("r", Relu(), "x"),), {"y": "r"})
    centre = (np.full((1, 4), 1e6), np.full((1, 4), 10.0))
    values = drawn(network, centres={"x": centre})[1].feeds["x"]
    assert np.all(np.abs(values - 1e6) < 100)


def test_sizes_grow_until_every_tensor_has_elements_and_stay_in_their_range():
    network = program({"x": float_tensor(N, T)}, (node("s", Shrink(by=30), "x"),), {"y": "s"})
    small, large = dim_values(network, {"x": float_tensor(N, T)}, {})
    assert 30 < small["T"] < large["T"]
    short = symbol("T", 2, 6)
    ranged = program({"x": float_tensor(N, short)}, (node("r", Relu(), "x"),), {"y": "r"})
    small, large = dim_values(ranged, {"x": float_tensor(N, short)}, {})
    assert (small["T"], large["T"]) == (5, 6)
    assert (small["N"], large["N"]) == (1, 3)
    small, large = dim_values(ranged, {"x": float_tensor(N, short)}, {"N": 4})
    assert (small["N"], large["N"]) == (4, 4)


def test_draws_are_the_same_every_time():
    first, second = drawn(text_program()), drawn(text_program())
    for a, b in zip(first, second, strict=True):
        for name in a.feeds:
            np.testing.assert_array_equal(a.feeds[name], b.feeds[name])
