"""What ops refuse: the code, the argument or port to blame, and what to do about it."""

# A table reads best with a row a line.
# ruff: noqa: E501

from __future__ import annotations

from typing import Any, cast

import pytest

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError
from dlc.compiler.diagnostics.catalog import CODES
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops.base import Op

N, T, H, W = (symbol(name) for name in "NTHW")
IMAGE = float_tensor(N, 3, 32, 32)


def refusal(op: str, inputs: dict[str, Any], **arguments: Any) -> ComponentError:
    made = cast(type[Op], registry.load("op", op))(**arguments)
    ports = {k: v if isinstance(v, tuple) else (v,) for k, v in inputs.items()}
    try:
        made.validate()
        made.result_types(Inputs(ports))
    except ComponentError as problem:
        return problem
    pytest.fail(f"{made} takes {inputs}")


def x(*shape: Dim) -> dict[str, Any]:
    return {"x": float_tensor(*shape)}


def pair(a: TensorType, b: TensorType) -> dict[str, Any]:
    return {"x": a, "other": b}


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str, str, str]] = [
    # op, inputs, arguments, code, blame, a part of the message
    ("linear", x(N), {"out_features": 3}, "E0401", "x", "[N, ..., in_features]"),
    ("linear", x(N, 16 * H * W), {"out_features": 3}, "E0403", "x", "known last size"),
    ("linear", {"x": int_tensor(N, 4)}, {"out_features": 3}, "E0406", "x", "takes float"),
    ("conv2d", x(N, 784), {"out_channels": 6, "kernel_size": 5}, "E0401", "x", "[N, C, H, W]"),
    ("conv2d", x(N, 3, 9), {"out_channels": 6, "kernel_size": 5}, "E0401", "x", "got float[N, 3, 9]"),
    ("conv2d", x(N, 3, 4, 4), {"out_channels": 6, "kernel_size": 5}, "E0405", "kernel_size", "at least 5, got a side of 4"),
    ("conv2d", x(N, 3, 4, 4), {"out_channels": 6, "kernel_size": 7, "padding": 1}, "E0405", "kernel_size", "with 2 of padding"),
    ("conv2d", x(N, 3, H, W), {"out_channels": 6, "kernel_size": 5}, "E0407", "kernel_size", "may be less"),
    ("conv2d", x(N, 3, 9, 9), {"out_channels": 6, "kernel_size": 3, "groups": 2}, "E0404", "groups", "divide the channels"),
    ("conv2d", x(N, 4, 9, 9), {"out_channels": 6, "kernel_size": 3, "groups": 4}, "E0404", "groups", "divide `out_channels`"),
    ("conv2d", x(N, symbol("C"), 9, 9), {"out_channels": 6, "kernel_size": 3}, "E0403", "x", "number of channels"),
    ("conv2d", {"x": IMAGE}, {"out_channels": 6, "kernel_size": 3, "padding": "same", "stride": 2}, "E0311", "padding", "stride of 1"),
    ("conv2d", x(N, 3, 3, 3), {"out_channels": 6, "kernel_size": 3, "padding": 3, "padding_mode": "reflect"}, "E0405", "padding_mode", "at least 4"),
    ("conv2d", x(N, 3, H, 9), {"out_channels": 6, "kernel_size": 3, "padding": 1, "padding_mode": "reflect"}, "E0407", "padding_mode", "at least 2"),
    ("conv_transpose2d", x(N, 784), {"out_channels": 6, "kernel_size": 5}, "E0401", "x", "[N, C, H, W]"),
    ("conv_transpose2d", {"x": IMAGE}, {"out_channels": 6, "kernel_size": 2, "stride": 2, "output_padding": 2}, "E0302", "output_padding", "expected 0 to 1, got 2"),
    ("conv_transpose2d", x(N, 3, 1, 4), {"out_channels": 6, "kernel_size": 3, "padding": 2}, "E0302", "padding", "leaves nothing"),
    ("conv_transpose2d", x(N, 3, H, 4), {"out_channels": 6, "kernel_size": 3, "padding": 2}, "E0407", "padding", "a side of `H - 2`"),
    ("conv_transpose2d", x(N, 4, 9, 9), {"out_channels": 6, "kernel_size": 3, "groups": 4}, "E0404", "groups", "divide `out_channels`"),
    ("max_pool2d", {"x": IMAGE}, {"kernel_size": 3, "padding": 2}, "E0302", "padding", "0 to 1, got 2"),
    ("avg_pool2d", x(N, 16, 1, 1), {"kernel_size": 2}, "E0405", "kernel_size", "at least 2"),
    ("max_pool1d", {"x": IMAGE}, {"kernel_size": 2}, "E0401", "x", "[N, C, L]"),
    ("lp_pool2d", {"x": IMAGE}, {"norm_type": float("inf"), "kernel_size": 2}, "E0302", "norm_type", "finite"),
    ("lp_pool1d", x(N, 3, H), {"norm_type": 2.0, "kernel_size": 2}, "E0407", "kernel_size", "at least 2"),
    ("unfold", x(N, 3), {"kernel_size": 2}, "E0401", "x", "[N, C, H, W]"),
    ("unfold", x(N, 3, 4, 4), {"kernel_size": 3, "dilation": 2}, "E0405", "kernel_size", "at least 5"),
    ("fold", x(N, 12, 5), {"output_size": (4, 6), "kernel_size": 2, "stride": 2}, "E0402", "x", "2 x 3 windows into 4 x 6 places, got 5"),
    ("fold", x(N, 10, 6), {"output_size": (4, 6), "kernel_size": 2, "stride": 2}, "E0404", "kernel_size", "4 places"),
    ("bilinear", pair(float_tensor(N, 3), float_tensor(T, 3)), {"out_features": 2}, "E0407", "other", "N = T"),
    ("bilinear", pair(float_tensor(N, 2, 3), float_tensor(N, 4, 3)), {"out_features": 2}, "E0402", "other", "before the last"),
    ("bilinear", pair(float_tensor(N, 3), float_tensor(N, H)), {"out_features": 2}, "E0403", "other", "known last size"),
    ("adaptive_avg_pool2d", x(N, 3), {"output_size": 2}, "E0401", "x", "[N, C, H, W]"),
    ("global_avg_pool", x(N, 3), {}, "E0401", "x", "[N, C, L]"),
    ("batch_norm2d", x(N, 64), {}, "E0401", "x", "[N, C, H, W]"),
    ("batch_norm1d", x(N, T), {}, "E0403", "x", "number of channels"),
    ("batch_norm2d", {"x": IMAGE}, {"momentum": 0.2, "track_running_stats": False}, "E0311", "momentum", "no running statistics"),
    ("instance_norm2d", x(N, 64, 1, 1), {}, "E0302", "x", "more than one place"),
    ("instance_norm1d", {"x": IMAGE}, {}, "E0401", "x", "[N, C, L]"),
    ("group_norm", x(N, 64, H, W), {"num_groups": 10}, "E0404", "num_groups", "10 and float[N, 64, H, W]"),
    ("group_norm", x(N, 64), {"num_groups": 64}, "E0302", "num_groups", "more than one number"),
    ("rms_norm", x(N, T), {}, "E0403", "x", "known last size"),
    ("layer_norm", x(N, T), {}, "E0403", "x", "known last size"),
    ("layer_norm", x(N, 4), {"dims": 2}, "E0401", "x", "2 last sizes"),
    ("flatten", x(N), {}, "E0401", "x", "takes [N, ...]"),
    ("flatten", {"x": IMAGE}, {"start_dim": 4}, "E0302", "start_dim", "no dim 4"),
    ("flatten", {"x": IMAGE}, {"start_dim": 3, "end_dim": 1}, "E0310", "start_dim", "after `end_dim`"),
    ("reshape", {"x": IMAGE}, {"sizes": (N, 100)}, "E0402", "sizes", "number of elements"),
    ("reshape", {"x": IMAGE}, {"sizes": (N, 7, -1)}, "E0404", "sizes", "must divide"),
    ("reshape", {"x": IMAGE}, {"sizes": (T, -1)}, "E0407", "sizes", "cannot tell what -1 is"),
    ("reshape", x(N, T), {"sizes": (N, 12)}, "E0407", "sizes", "agree only where"),
    ("reshape", x(N, T), {"sizes": (N, 2, -1)}, "E0407", "sizes", "may not divide"),
    ("reshape", {"x": IMAGE}, {"sizes": (-1, -1)}, "E0311", "sizes", "once"),
    ("reshape", {"x": IMAGE}, {"sizes": (N, 0)}, "E0302", "sizes", "at least 1"),
    ("shape", x(N, 128), {"sizes": (N, 256)}, "E0408", "x", "dim 1 is 128, not 256"),
    ("shape", x(N, 128), {"sizes": (N, 128, 1)}, "E0408", "x", "expected 3 dims"),
    ("add", pair(float_tensor(N, 64), float_tensor(N, 32)), {}, "E0402", "other", "[N, 64] and [N, 32]"),
    ("add", pair(float_tensor(N, 64), float_tensor(N, T)), {}, "E0407", "other", "64 = T"),
    ("mul", pair(float_tensor(N, H), float_tensor(N, 4 * (H // 4))), {}, "E0407", "other", "agree only where"),
    ("add", pair(bool_tensor(N), bool_tensor(N)), {}, "E0406", "x", "takes numbers"),
    ("sub", x(N), {}, "E0410", "x", "takes two values, got one"),
    ("div", x(N), {"scalar": 0.0}, "E0302", "scalar", "by 0"),
    ("pow", {"x": int_tensor(N)}, {"scalar": -1.0}, "E0406", "x", "whole exponent"),
    ("matmul", pair(float_tensor(N, 4, 3), float_tensor(N, 4, 3)), {}, "E0402", "other", "as many columns"),
    ("matmul", pair(float_tensor(4), float_tensor(4, 3)), {}, "E0401", "x", "matrices"),
    ("concat", {"x": (float_tensor(N, 3),)}, {"dim": 1}, "E0410", "x", "two values or more"),
    ("concat", {"x": (float_tensor(N, 3, 4), float_tensor(N, 3, 5))}, {"dim": 1}, "E0402", "x", "[N, 3, 4] and [N, 3, 5]"),
    ("concat", {"x": (float_tensor(N, 3), float_tensor(N, 3, 5))}, {"dim": 1}, "E0401", "x", "equally many dims"),
    ("concat", {"x": (float_tensor(N, 3), int_tensor(N, 3))}, {"dim": 1}, "E0406", "x", "one element type"),
    ("concat", {"x": (float_tensor(N, 3), float_tensor(T, 3))}, {"dim": 1}, "E0407", "x", "N = T"),
    ("softmax", x(N, 3), {"dim": 2}, "E0302", "dim", "expected -2 to 1"),
    ("einsum", {"x": (float_tensor(N, 3), float_tensor(N, 3))}, {"equation": "nd,nd->k"}, "E0307", "equation", "`k` on the right only"),
    ("einsum", {"x": (float_tensor(N, 3),)}, {"equation": "nd,nd->n"}, "E0410", "x", "takes 2 values"),
    ("einsum", {"x": (float_tensor(N, 3), float_tensor(N, 4))}, {"equation": "nd,nd->n"}, "E0402", "x", "`d` of `einsum`"),
    ("einsum", {"x": (float_tensor(N, 3),)}, {"equation": "n...->n"}, "E0307", "equation", "letters, commas"),
    ("embedding", x(N, T), {"num_embeddings": 9, "embedding_dim": 4}, "E0406", "x", "takes indices"),
    ("embedding", {"x": int_tensor(N)}, {"num_embeddings": 9, "embedding_dim": 4, "padding_idx": 9}, "E0302", "padding_idx", "-9 to 8"),
    ("lstm", x(N, 8), {"hidden_size": 4}, "E0401", "x", "[N, T, C]"),
    ("lstm", x(N, T, 8), {"hidden_size": 4, "dropout": 0.5}, "E0311", "dropout", "between layers"),
    ("lstm", x(N, T, 8) | {"lengths": float_tensor(N)}, {"hidden_size": 4}, "E0406", "lengths", "takes int"),
    ("lstm", x(N, T, 8) | {"lengths": int_tensor(T)}, {"hidden_size": 4}, "E0407", "lengths", "each sequence"),
    ("lstm", x(N, T, 8) | {"h0": float_tensor(2, N, 4)}, {"hidden_size": 4}, "E0402", "h0", "float[1, N, 4]"),
    ("multihead_attention", x(N, T, 10), {"num_heads": 4}, "E0404", "num_heads", "divide the last size"),
    ("multihead_attention", x(N, T, 8) | {"key_padding_mask": float_tensor(N, T)}, {"num_heads": 4}, "E0406", "key_padding_mask", "takes bool"),
    ("multihead_attention", x(N, T, 8) | {"key": float_tensor(N, 5, 8)}, {"num_heads": 4, "is_causal": True}, "E0407", "is_causal", "one length"),
    ("normalize", {"x": IMAGE}, {"mean": (0.5, 0.5), "std": 1.0}, "E0402", "mean", "2 channels"),
    ("normalize", {"x": IMAGE}, {"mean": (0.5, 0.5), "std": (1.0,)}, "E0402", "std", "2 and 1"),
    ("positions", {"x": int_tensor(N)}, {}, "E0401", "x", "[N, T, ...]"),
    ("tanh", {"x": int_tensor(N)}, {}, "E0406", "x", "takes float"),
    ("hardtanh", x(N), {"min_val": 2.0}, "E0310", "min_val", "got 2 and 1"),
    ("hardtanh", x(N), {"max_val": -1.0}, "E0310", "max_val", "got -1 and -1"),
    ("rrelu", x(N), {"lower": 0.5}, "E0310", "lower", "greater than `upper`"),
    ("rrelu", x(N), {"upper": 0.1}, "E0310", "upper", "0.125 and 0.1"),
    ("prelu", x(N, 8, 4), {"num_parameters": 4}, "E0402", "num_parameters", "4 slopes"),
    ("prelu", x(N, T), {"num_parameters": 4}, "E0407", "num_parameters", "only where T = 4"),
    ("prelu", x(N), {"num_parameters": 4}, "E0401", "x", "[N, C, ...]"),
    ("glu", x(N, 7), {}, "E0404", "x", "2 does not divide 7"),
    ("glu", x(N, 2 * T + 1), {}, "E0404", "x", "does not divide 2*T + 1"),
    ("glu", x(N, T), {}, "E0407", "x", "may not divide T"),
    ("swiglu", x(N, 4), {"dim": 2}, "E0302", "dim", "no dim 2"),
    ("maxout", x(N, 8), {"num_pieces": 3}, "E0404", "num_pieces", "3 does not divide 8"),
    ("maxout", x(N), {"num_pieces": 2}, "E0302", "dim", "no dim 1"),
    ("dropout2d", x(N, 8, 4), {}, "E0401", "x", "[N, C, H, W]"),
    ("feature_alpha_dropout", x(N), {}, "E0401", "x", "[N, C, ...]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "inputs", "arguments", "code", "blame", "part"),
    REFUSED,
    ids=[f"{case[0]}-{case[3]}-{i}" for i, case in enumerate(REFUSED)],
)
def test_a_refusal_names_its_code_its_place_and_what_was_found(
    op: str, inputs: dict[str, Any], arguments: dict[str, Any], code: str, blame: str, part: str
) -> None:
    problem = refusal(op, inputs, **arguments)
    assert problem.code == code
    assert problem.code in CODES
    assert problem.blame == blame
    assert part in problem.message
    for text in filter(None, (problem.message, problem.help)):
        assert not text.endswith(".")
        assert text[0] == text[0].lower()


@pytest.mark.parametrize(
    ("op", "inputs", "arguments", "part"),
    [
        ("linear", x(N, 16 * H * W), {"out_features": 3}, "global_avg_pool"),
        ("conv2d", x(N, 3, 4, 4), {"out_channels": 6, "kernel_size": 5}, "add `padding`"),
        ("conv2d", x(N, 3, H, 9), {"out_channels": 6, "kernel_size": 5}, "`dim H = 5..1024`"),
        ("conv2d", x(N, 3, 4 * (H // 4), 9), {"out_channels": 6, "kernel_size": 5}, "`dim H = 8..1024`"),
        ("conv2d", x(N, 3, 9), {"out_channels": 6, "kernel_size": 5}, "use `conv1d`"),
        ("conv_transpose2d", x(N, 3, H, 9), {"out_channels": 6, "kernel_size": 1, "padding": 1}, "`dim H = 3..1024`"),
        ("conv_transpose2d", x(N, 3, 9), {"out_channels": 6, "kernel_size": 5}, "use `conv_transpose1d`"),
        ("batch_norm2d", x(N, 64), {}, "reshape"),
        ("mul", pair(float_tensor(N, H), float_tensor(N, 4 * (H // 4))), {}, "dim H = 4..256 step 4"),
        ("add", pair(float_tensor(N, 64), float_tensor(N, T)), {}, "shape(...)"),
        ("embedding", x(N, T), {"num_embeddings": 9, "embedding_dim": 4}, "vocabulary"),
        ("lstm", x(N, 8), {"hidden_size": 4}, "embedding"),
        ("glu", x(N, T), {}, "dim T = 2..128 step 2"),
        ("glu", x(N, 7), {}, "twice the size"),
        ("dropout2d", x(N, 8, 4), {}, "use `dropout1d`"),
        ("dropout2d", x(N, 8), {}, "use `dropout`"),
    ],
)  # fmt: skip
def test_help_says_what_to_do(
    op: str, inputs: dict[str, Any], arguments: dict[str, Any], part: str
) -> None:
    assert part in (refusal(op, inputs, **arguments).help or "")


@pytest.mark.parametrize(
    ("a", "b", "shape"),
    [
        (float_tensor(N, 3, T), float_tensor(N, 3, T), (N, 3, T)),
        (float_tensor(N, T, 4), float_tensor(4), (N, T, 4)),
        (float_tensor(4), float_tensor(N, T, 4), (N, T, 4)),
        (float_tensor(N, 1, 4), float_tensor(N, T, 1), (N, T, 4)),
        (float_tensor((H + 1) // 2), float_tensor((H - 1) // 2 + 1), ((H + 1) // 2,)),
    ],
)
def test_a_size_stretches_where_it_is_one_or_missing(
    a: TensorType, b: TensorType, shape: tuple[Dim, ...]
) -> None:
    add = cast(type[Op], registry.load("op", "add"))()
    assert add.result_types(Inputs({"x": (a,), "other": (b,)}))[0].shape == shape
