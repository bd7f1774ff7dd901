"""Words of pictures: arguments, shapes, numbers, widths, families."""

from __future__ import annotations

import pytest

from dlc.compiler.components import registry
from dlc.compiler.drawing.families import FAMILIES, family_of
from dlc.compiler.drawing.labels import amount, argument_notes, shape_text, short
from dlc.compiler.drawing.metrics import text_width, wrap
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops.conv1d import Conv1d
from dlc.compiler.ops.conv2d import Conv2d
from dlc.compiler.ops.linear import Linear

N, T = symbol("N"), symbol("T")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (9408, "9.41 k"),
        (9995, "10.0 k"),
        (99_950, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (11_689_512, "11.7 M"),
        (124_439_808, "124 M"),
        (1_814_073_344, "1.81 G"),
        (5 * 10**18, "5000 P"),
    ],
)
def test_numbers_have_three_digits_and_a_unit(number: int, text: str) -> None:
    assert short(number) == text


def test_costs_keep_the_sizes_that_are_open() -> None:
    assert amount(3 * T * T + 1500 * T + 2) == "3·T² + 1.50 k·T + 2"
    assert amount(T - 1) == "T − 1"


def test_shapes_read_like_those_of_a_paper() -> None:
    assert shape_text(float_tensor(N, 3, 224, 224)) == "N×3×224×224"
    assert shape_text(int_tensor(N, 2 * T + 1)) == "int N×(2·T+1)"
    assert shape_text(bool_tensor(N, T // 2)) == "bool N×(T//2)"
    assert shape_text(float_tensor()) == "scalar"


def test_arguments_are_those_that_say_what_a_layer_is() -> None:
    conv = Conv2d(out_channels=64, kernel_size=3, stride=2, bias=False)
    assert list(argument_notes(conv)) == ["64", "3×3", "stride 2", "no bias"]
    assert list(argument_notes(Conv2d(out_channels=8, kernel_size=(3, 5)))) == ["8", "3×5"]
    assert list(argument_notes(Conv1d(out_channels=8, kernel_size=5))) == ["8", "kernel 5"]
    assert list(argument_notes(Linear(out_features=10))) == ["10"]


def test_lines_are_never_wider_than_asked() -> None:
    text = "stride 2, padding 3, a_word_that_is_longer_than_any_line_may_ever_be, no bias"
    for width in (30.0, 80.0, 200.0):
        lines = wrap(text, 11, width)
        assert all(text_width(line, 11) <= width for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_what_no_table_lists_is_taken_as_wide() -> None:
    assert text_width("層", 10) == 10.5
    assert text_width("e\u0301", 10) == text_width("e", 10)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("conv_transpose2d", "convolution"),
        ("linear", "linear"),
        ("batch_norm2d", "norm"),
        ("local_response_norm", "norm"),
        ("gelu", "activation"),
        ("adaptive_avg_pool2d", "pooling"),
        ("multihead_attention", "attention"),
        ("scaled_dot_product_attention", "attention"),
        ("lstm", "recurrent"),
        ("embedding", "embedding"),
        ("alpha_dropout", "dropout"),
        ("concat", "shape"),
        ("matmul", "arithmetic"),
        ("somebody_elses_op", "custom"),
    ],
)
def test_ops_have_families(kind: str, family: str) -> None:
    assert family_of(kind) == family


def test_every_op_has_a_known_family() -> None:
    assert {family_of(name) for name in registry.names("op")} <= set(FAMILIES)
