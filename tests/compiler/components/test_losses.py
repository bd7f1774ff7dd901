"""Losses compute what torch computes, and refuse what torch would take by mistake."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.nn import functional

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.huber_loss import HuberLoss
from dlc.compiler.components.losses.l1_loss import L1Loss
from dlc.compiler.components.losses.mse_loss import MseLoss
from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.compiler.components.losses.smooth_l1_loss import SmoothL1Loss
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor, int_tensor

N, T = symbol("N"), symbol("T")
Run = Callable[[str], ModuleType]


def _evaluated(
    run: Run, loss: Loss, x: torch.Tensor, t: torch.Tensor, types: dict[str, TensorType]
) -> torch.Tensor:
    loss.check(types)
    text = loss.torch(lambda name: name, types)
    module = run(
        f"from torch.nn import functional as F\n\n\ndef loss(output, target):\n    return {text}\n"
    )
    value: torch.Tensor = module.loss(x.requires_grad_(), t)
    assert torch.autograd.grad(value, x)[0].shape == x.shape
    return value


def _refused(loss: Loss, x: TensorType, t: TensorType) -> ComponentError:
    with pytest.raises(ComponentError) as caught:
        loss.check({"output": x, "target": t})
    return caught.value


CROSS_ENTROPY = CrossEntropy(input="output", target="target")
PAIRWISE: list[tuple[Loss, Callable[..., torch.Tensor]]] = [
    (MseLoss(input="output", target="target"), functional.mse_loss),
    (L1Loss(input="output", target="target"), functional.l1_loss),
    (SmoothL1Loss(input="output", target="target"), functional.smooth_l1_loss),
    (
        SmoothL1Loss(input="output", target="target", beta=0.25),
        lambda x, t: functional.smooth_l1_loss(x, t, beta=0.25),
    ),
    (
        HuberLoss(input="output", target="target", delta=0.5),
        lambda x, t: functional.huber_loss(x, t, delta=0.5),
    ),
]
BINARY = BinaryCrossEntropyWithLogits(input="output", target="target")


@pytest.mark.parametrize(("loss", "expected"), PAIRWISE, ids=lambda v: getattr(v, "name", "torch"))
def test_pairwise_losses_equal_torchs(
    loss: Loss, expected: Callable[..., torch.Tensor], run_source: Run
) -> None:
    x, t = torch.randn(7, 3), torch.randn(7, 3)
    types = {"output": float_tensor(N, 3), "target": float_tensor(N, 3)}
    assert _evaluated(run_source, loss, x, t, types) == expected(x, t)


def test_whole_numbers_are_taken_as_float(run_source: Run) -> None:
    x, t = torch.randn(7, 3), torch.randint(0, 5, (7, 3))
    types = {"output": float_tensor(N, 3), "target": int_tensor(N, 3)}
    loss = PAIRWISE[0][0]
    assert _evaluated(run_source, loss, x, t, types) == functional.mse_loss(x, t.float())


@pytest.mark.parametrize("loss", [*(loss for loss, _ in PAIRWISE), BINARY], ids=lambda v: v.name)
@pytest.mark.parametrize(
    ("x", "t", "spread"),
    [
        (float_tensor(N, 1), float_tensor(N), "[N, N]"),
        (float_tensor(N), float_tensor(N, 1), "[N, N]"),
        (float_tensor(N, 3), float_tensor(N, 1), "[N, 3]"),
    ],
    ids=str,
)
def test_shapes_never_broadcast(loss: Loss, x: TensorType, t: TensorType, spread: str) -> None:
    problem = _refused(loss, x, t)
    assert problem.code == "E0402"
    assert spread in problem.message
    assert problem.blame == "target"
    assert problem.help is not None
    assert f"target: float{x.shape_text}" in problem.help


def test_sizes_that_may_differ_are_undecided() -> None:
    assert _refused(PAIRWISE[0][0], float_tensor(N, T), float_tensor(N, 5)).code == "E0407"
    assert _refused(CROSS_ENTROPY, float_tensor(N, T, 5), int_tensor(N, 7)).code == "E0407"


@pytest.mark.parametrize("target", ["float", "int", "bool"])
def test_binary_cross_entropy_takes_flags_and_numbers(target: str, run_source: Run) -> None:
    x, t = torch.randn(9, 1), torch.randint(0, 2, (9, 1))
    of = {"float": float_tensor, "int": int_tensor, "bool": bool_tensor}[target]
    given = t.float() if target == "float" else t.bool() if target == "bool" else t
    types = {"output": float_tensor(N, 1), "target": of(N, 1)}
    expected = functional.binary_cross_entropy_with_logits(x, t.float())
    assert _evaluated(run_source, BINARY, x, given, types) == expected


def test_binary_cross_entropy_weighs_the_positives(run_source: Run) -> None:
    loss = BinaryCrossEntropyWithLogits(input="output", target="target", pos_weight=(2.0, 3.0))
    x, t = torch.randn(9, 2), torch.rand(9, 2)
    types = {"output": float_tensor(N, 2), "target": float_tensor(N, 2)}
    expected = functional.binary_cross_entropy_with_logits(
        x, t, pos_weight=torch.tensor([2.0, 3.0])
    )
    assert _evaluated(run_source, loss, x, t, types) == expected
    wrong = _refused(loss, float_tensor(N, 3), float_tensor(N, 3))
    assert (wrong.code, wrong.blame) == ("E0402", "pos_weight")


@pytest.mark.parametrize(
    "loss",
    [
        CROSS_ENTROPY,
        CrossEntropy(input="output", target="target", label_smoothing=0.1),
        CrossEntropy(input="output", target="target", ignore_index=2),
        CrossEntropy(input="output", target="target", weight=(1.0, 2.0, 3.0, 4.0)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("layout", ["flat", "second", "last"])
def test_cross_entropy_finds_the_classes(loss: CrossEntropy, layout: str, run_source: Run) -> None:
    keywords: dict[str, Any] = {
        "ignore_index": loss.ignore_index,
        "label_smoothing": loss.label_smoothing,
        "weight": None if loss.weight is None else torch.tensor(loss.weight),
    }
    if layout == "flat":
        x, t = torch.randn(6, 4), torch.randint(0, 4, (6,))
        types = {"output": float_tensor(N, 4), "target": int_tensor(N)}
        expected = functional.cross_entropy(x, t, **keywords)
    elif layout == "second":
        x, t = torch.randn(6, 4, 5, 3), torch.randint(0, 4, (6, 5, 3))
        types = {"output": float_tensor(N, 4, 5, 3), "target": int_tensor(N, 5, 3)}
        expected = functional.cross_entropy(x, t, **keywords)
    else:
        x, t = torch.randn(6, 5, 4), torch.randint(0, 4, (6, 5))
        types = {"output": float_tensor(N, T, 4), "target": int_tensor(N, T)}
        expected = functional.cross_entropy(x.transpose(1, 2), t, **keywords)
    torch.testing.assert_close(_evaluated(run_source, loss, x, t, types), expected)


def test_cross_entropy_takes_probabilities(run_source: Run) -> None:
    x, t = torch.randn(6, 4), torch.rand(6, 4).softmax(1)
    types = {"output": float_tensor(N, 4), "target": float_tensor(N, 4)}
    assert _evaluated(run_source, CROSS_ENTROPY, x, t, types) == functional.cross_entropy(x, t)


def test_nll_loss_equals_torchs(run_source: Run) -> None:
    x, t = torch.randn(6, 5, 4).log_softmax(-1), torch.randint(0, 4, (6, 5))
    types = {"output": float_tensor(N, T, 4), "target": int_tensor(N, T)}
    loss = NllLoss(input="output", target="target")
    expected = functional.nll_loss(x.transpose(1, 2), t)
    torch.testing.assert_close(_evaluated(run_source, loss, x.detach(), t, types), expected)


@pytest.mark.parametrize(
    ("x", "t", "code", "blame", "words"),
    [
        (float_tensor(N), int_tensor(N), "E0401", "input", "needs a score for each class"),
        (int_tensor(N, 10), int_tensor(N), "E0406", "input", "compares float scores"),
        (float_tensor(N, 10), bool_tensor(N), "E0406", "target", "needs class numbers"),
        (float_tensor(N, 10), int_tensor(N, 1), "E0402", "target", "a last dim of 1 too many"),
        (float_tensor(N, 10), int_tensor(N, 10), "E0402", "target", "a number for each class"),
        (float_tensor(N, 10), int_tensor(N, T, 5), "E0401", "target", "have 1 dim"),
        (float_tensor(N, 10, 8), int_tensor(N, 4), "E0402", "target", "int[N, 10] or int[N, 8]"),
        (float_tensor(N, 1), int_tensor(N), "E0402", "input", "has a single class"),
        (float_tensor(N, 10), float_tensor(N, 9), "E0402", "target", "needs equal shapes"),
    ],
    ids=str,
)
def test_cross_entropy_refuses(
    x: TensorType, t: TensorType, code: str, blame: str, words: str
) -> None:
    problem = _refused(CROSS_ENTROPY, x, t)
    assert (problem.code, problem.blame) == (code, blame)
    assert words in problem.message
    assert problem.help


def test_a_weight_for_each_class() -> None:
    loss = CrossEntropy(input="output", target="target", weight=(1.0, 2.0))
    problem = _refused(loss, float_tensor(N, 10), int_tensor(N))
    assert (problem.code, problem.blame) == ("E0402", "weight")
    assert "2 weights for 10 classes" in problem.message


def test_losses_tell_the_activation_they_apply() -> None:
    assert (CROSS_ENTROPY.applies, BINARY.applies, PAIRWISE[0][0].applies) == (
        "softmax",
        "sigmoid",
        "",
    )


def test_balanced_weights_want_a_number_of_classes() -> None:
    loss = CrossEntropy(input="output", target="target", weight="balanced")
    loss.check({"output": float_tensor(N, 3), "target": int_tensor(N)})
    problem = _refused(loss, float_tensor(N, T), int_tensor(N))
    assert (problem.code, problem.blame) == ("E0402", "weight")
    assert problem.message == "`balanced` wants a number of classes, and `output` has T"
