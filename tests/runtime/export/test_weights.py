"""Each step that may change a weight on its way into the file."""

from __future__ import annotations

import numpy as np
import pytest

from dlc.compiler.codegen.onnx_nodes import Recipe
from dlc.compiler.ir.protocols import Weight
from dlc.compiler.ir.types import DType
from dlc.runtime.export.weights import evaluate

W = np.arange(24, dtype=np.float32).reshape(4, 6)


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (Weight("w"), W),
        (Weight("w").transpose(1, 0), W.T),
        (Weight("w").reshape(2, 2, 6), W.reshape(2, 2, 6)),
        (Weight("w").blocks((0, 3, 1, 2)), W[[0, 3, 1, 2]]),
        (Weight("w").blocks((2, 0, 1), axis=1), W[:, [4, 5, 0, 1, 2, 3]]),
        (Weight("w").unsqueeze(0), W[None]),
        (Weight("w").scale(0.5), W * 0.5),
        (Weight("w").slice(1, 2, 5), W[:, 2:5]),
        (Weight("w").cast(DType.FLOAT16), W.astype(np.float16)),
        (Weight("w").transpose(1, 0).slice(0, 0, 2).unsqueeze(0), W.T[:2][None]),
    ],
    ids=lambda value: str(value.steps) if isinstance(value, Weight) else "",
)
def test_a_step_does_to_the_tensor_what_it_says(weight, expected):
    result = evaluate(Recipe("layer.w", weight.steps), {"layer.w": W})
    assert result.dtype == expected.dtype
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, expected)


def test_concat_joins_other_recipes():
    other = Recipe("v", (("scale", 2.0),))
    recipe = Recipe("w", (("concat", 0, (other,)), ("unsqueeze", 0)))
    result = evaluate(recipe, {"w": W, "v": W})
    np.testing.assert_array_equal(result, np.concatenate([W, 2 * W])[None])


def test_a_tensor_without_dims_stays_without_dims():
    assert evaluate(Recipe("w"), {"w": np.float32(3).reshape(())}).shape == ()
