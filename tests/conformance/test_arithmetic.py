"""What arithmetic and reductions promise: their gains, and what they do with the numbers at
which functions break, zero, infinities, no number at all, and ties."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from harness import Case, assert_close, model, outputs, run_onnxruntime, run_reference
from torch import Tensor

from dlc.compiler.components import registry
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor
from dlc.compiler.ops._elementwise import Elementwise
from dlc.compiler.ops.argmax import Argmax
from dlc.compiler.ops.argmin import Argmin
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.cdist import Cdist
from dlc.compiler.ops.clamp import Clamp
from dlc.compiler.ops.cosine_similarity import CosineSimilarity
from dlc.compiler.ops.cumsum import Cumsum
from dlc.compiler.ops.eq import Eq
from dlc.compiler.ops.gt import Gt
from dlc.compiler.ops.le import Le
from dlc.compiler.ops.logsumexp import Logsumexp
from dlc.compiler.ops.masked_mean import MaskedMean
from dlc.compiler.ops.max import Max
from dlc.compiler.ops.maximum import Maximum
from dlc.compiler.ops.mean import Mean
from dlc.compiler.ops.min import Min
from dlc.compiler.ops.minimum import Minimum
from dlc.compiler.ops.ne import Ne
from dlc.compiler.ops.norm import Norm
from dlc.compiler.ops.pairwise_distance import PairwiseDistance
from dlc.compiler.ops.prod import Prod
from dlc.compiler.ops.std import Std
from dlc.compiler.ops.sum import Sum
from dlc.compiler.ops.var import Var
from dlc.compiler.ops.where import Where

INFINITY, NAN = float("inf"), float("nan")
NUMBERS = torch.tensor(
    [-INFINITY, -1e4, -2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.5, 1e4, INFINITY]
)
FUNCTIONS = [
    op()
    for name in registry.names("op")
    if issubclass(op := registry.load("op", name), Elementwise)
]


def both(
    op: Op, types: dict[str, TensorType], inputs: dict[str, Tensor], *, reference: bool = True
) -> Tensor:
    """What the generated module gives, once the exported one is seen to give the same;
    `reference` False where onnx's own evaluator is wrong."""
    case = Case(op.name, Example(op, dict[str, Any](types)))
    module = case.module().eval()
    expected: Tensor = outputs(module, inputs)[0]
    proto = model(case, module, 20)
    assert_close(run_onnxruntime(proto, inputs)[0], expected.numpy(), "onnxruntime")
    if reference:
        assert_close(run_reference(proto, inputs)[0], expected.numpy(), "onnx.reference")
    return expected


@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.name)
def test_a_function_is_torchs_where_it_breaks(op: Op) -> None:
    x = NUMBERS.repeat(2, 1)
    both(op, {"x": float_tensor(2, x.shape[1])}, {"x": x})


@pytest.mark.parametrize(
    "op", [Clamp(min=-1.0, max=1.0), Eq(scalar=0.0), Ne(scalar=0.0), Gt(scalar=0.0), Le(scalar=1e4)]
)
def test_bounds_and_comparisons_are_torchs_there_too(op: Op) -> None:
    both(op, {"x": float_tensor(len(NUMBERS))}, {"x": NUMBERS})


def test_what_is_no_number_stays_none() -> None:
    x = torch.tensor([NAN, 1.0])
    for op in (Clamp(min=-1.0), Maximum(), Max(dim=0), Min(dim=0), Mean(dim=0)):
        two = isinstance(op, Maximum)
        inputs = {"x": x} | ({"other": torch.zeros(2)} if two else {})
        types = dict.fromkeys(inputs, float_tensor(2))
        assert both(op, types, inputs).isnan().any()


def test_a_sum_of_exponentials_of_nothing_is_nothing() -> None:
    x = torch.tensor([[-INFINITY, -INFINITY], [-INFINITY, 3.0], [1e4, 1e4]])
    found = both(Logsumexp(dim=1), {"x": float_tensor(3, 2)}, {"x": x}, reference=False)
    assert found[0] == -INFINITY
    torch.testing.assert_close(found[1:], torch.tensor([3.0, 1e4 + math.log(2)]))


@pytest.mark.parametrize("op", [Argmax(dim=1), Argmin(dim=1)])
def test_the_first_of_equal_numbers_is_named(op: Op) -> None:
    x = torch.tensor([[1.0, 1.0, 1.0], [0.0, 2.0, 2.0], [2.0, 0.0, 0.0]])
    found = both(op, {"x": float_tensor(3, 3)}, {"x": x})
    assert found.tolist() == ([0, 1, 0] if op.name == "argmax" else [0, 0, 1])


def test_padding_counts_for_nothing_whatever_stands_there() -> None:
    x = torch.tensor([[[1.0], [NAN], [3.0]], [[NAN], [INFINITY], [NAN]]])
    padding = torch.tensor([[False, True, False], [True, True, True]])
    found = both(
        MaskedMean(),
        {"x": float_tensor(2, 3, 1), "padding_mask": bool_tensor(2, 3)},
        {"x": x, "padding_mask": padding},
    )
    assert found.tolist() == [[2.0], [0.0]]


def test_what_is_not_chosen_leaves_no_trace() -> None:
    flags = torch.tensor([True, False])
    found = both(
        Where(),
        {"condition": bool_tensor(2), "x": float_tensor(2), "y": float_tensor(2)},
        {"condition": flags, "x": torch.tensor([1.0, NAN]), "y": torch.tensor([NAN, 2.0])},
    )
    assert found.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, "inf"])
def test_the_length_of_nothing_is_0(p: Any) -> None:
    assert not both(Norm(p=p, dim=1), {"x": float_tensor(2, 3)}, {"x": torch.zeros(2, 3)}).any()


ROWS = float_tensor(40_000, 8)
PAIRS = {"x1": ROWS, "x2": ROWS}
GAINS: list[tuple[Op, dict[str, TensorType]]] = [
    *((op, {"x": ROWS}) for op in FUNCTIONS if op.mean_square is not None),
    *((Clamp(min=a, max=b), {"x": ROWS}) for a, b in ((-0.5, 1.5), (None, 0.25), (-1.0, None))),
    *((op, {"x": ROWS}) for op in (Mean(dim=1), Sum(dim=1), Cumsum(dim=1))),
    (Prod(dim=1), {"x": float_tensor(200_000, 2)}),
    *((Norm(p=p, dim=1), {"x": ROWS}) for p in (1.0, 2.0)),
    *((kind(dim=1, correction=c), {"x": ROWS}) for kind in (Var, Std) for c in (0, 1, 3)),
    *((op, {"x": ROWS, "other": ROWS}) for op in (Maximum(), Minimum())),
    *((op, PAIRS) for op in (CosineSimilarity(), PairwiseDistance())),
    (Cdist(), {"x1": float_tensor(400, 8), "x2": float_tensor(500, 8)}),
    (Where(), {"condition": bool_tensor(40_000, 1), "x": ROWS, "y": ROWS}),
]


@pytest.mark.parametrize(("op", "types"), GAINS, ids=lambda v: v.name if isinstance(v, Op) else "")
def test_gain_is_the_ratio_of_mean_squares(op: Op, types: dict[str, TensorType]) -> None:
    case = Case(op.name, Example(op, dict[str, Any](types)))
    gain = op.gain(case.ports)
    assert gain is not None
    with torch.no_grad():
        (y,) = outputs(case.module(), case.draw({}, seed=3))
    assert y.square().mean().item() == pytest.approx(gain, rel=0.03 if op.name != "exp" else 0.1)
