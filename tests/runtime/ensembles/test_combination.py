"""What several networks say as one: the definitions, and the same from ONNX as from torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from dlc.compiler import Source, check
from dlc.compiler.codegen.onnx_graph import Members, lower
from dlc.compiler.components.combination import Combination
from dlc.runtime.ensembles.network import combined
from dlc.runtime.export.onnx_builder import build_model

MEAN, VOTE = Combination("classes", 1), Combination("classes", 1, vote=True)
YES, YES_VOTE = Combination("yes_or_no"), Combination("yes_or_no", vote=True)


def drawn(count: int, *shape: int, scale: float = 3.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [scale * torch.randn(shape, generator=generator) for _ in range(count)]


def test_the_softmax_of_the_mean_is_the_mean_of_the_softmax() -> None:
    answers = drawn(5, 40, 7)
    expected = torch.stack([x.softmax(1) for x in answers]).mean(0)
    torch.testing.assert_close(combined(answers, MEAN).softmax(1), expected)
    # And its cross entropy is that of the mean: nothing is added that the softmax takes away.
    torch.testing.assert_close(combined(answers, MEAN).exp(), expected)


def test_classes_may_lie_in_any_dim() -> None:
    answers = drawn(3, 4, 6, 5, 5)
    expected = torch.stack([x.softmax(1) for x in answers]).mean(0)
    torch.testing.assert_close(combined(answers, MEAN).exp(), expected)
    last = Combination("classes", 3)
    expected = torch.stack([x.softmax(3) for x in answers]).mean(0)
    torch.testing.assert_close(combined(answers, last).exp(), expected)


def test_the_sigmoid_of_the_mean_is_the_mean_of_the_sigmoid() -> None:
    answers = drawn(4, 30, 2)
    expected = torch.stack([x.sigmoid() for x in answers]).mean(0)
    torch.testing.assert_close(combined(answers, YES).sigmoid(), expected)


def test_numbers_are_averaged_as_they_are() -> None:
    answers = drawn(3, 8, 1)
    torch.testing.assert_close(
        combined(answers, Combination("numbers")), torch.stack(answers).mean(0)
    )


def test_a_vote_is_a_share_of_voters_of_whom_the_mean_is_one() -> None:
    answers = drawn(5, 50, 4)
    votes = torch.stack([torch.eye(4)[x.argmax(1)] for x in answers]).sum(0)
    mean = torch.stack([x.softmax(1) for x in answers]).mean(0)
    found = combined(answers, VOTE).softmax(1)
    torch.testing.assert_close(found, (votes + mean) / 6)
    most = votes.max(1, keepdim=True).values
    assert (votes.gather(1, found.argmax(1, keepdim=True)) == most).all()


def test_a_tie_goes_to_the_greater_mean() -> None:
    sure, unsure = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 0.1]])
    assert combined([sure, unsure], VOTE).argmax(1).item() == 0
    assert combined([-sure, -unsure], VOTE).argmax(1).item() == 1
    yes, no = torch.tensor([[4.0]]), torch.tensor([[-0.1]])
    assert combined([yes, no], YES_VOTE).item() > 0
    assert combined([-yes, -no], YES_VOTE).item() < 0


def test_votes_on_yes_or_no_are_shares_too() -> None:
    answers = drawn(3, 60, 2)
    votes = torch.stack([(x > 0).float() for x in answers]).sum(0)
    mean = torch.stack([x.sigmoid() for x in answers]).mean(0)
    torch.testing.assert_close(combined(answers, YES_VOTE).sigmoid(), (votes + mean) / 4)


SPEC = """\
dlc: 1
inputs:
  x: float[N, 50]
layers:
  - linear: {out_features: 4, bias: false}
    output: y
"""


def in_onnx(answers: Sequence[Tensor], combination: Combination) -> Tensor:
    """The combination by onnxruntime. Members are matrices, which answer the identity with
    themselves: 50 rows of 4 numbers."""
    result = check(Source("net.yaml", SPEC))
    assert result.compilation is not None
    program = result.compilation.program
    members = Members(programs=(program,) * len(answers), combinations={"y": combination})
    state = {f"members.{k}.y.weight": x.T.numpy() for k, x in enumerate(answers)}
    model = build_model(lower(program, members=members), state, {})
    assert {w.name for w in model.graph.initializer} >= set(state)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(["y"], {"x": np.eye(50, dtype=np.float32)})
    return torch.from_numpy(found)


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize(
    "combination", [MEAN, VOTE, YES, YES_VOTE, Combination("numbers")], ids=str
)
def test_onnx_combines_as_torch_does(combination: Combination, count: int, scale: float) -> None:
    answers = drawn(count, 50, 4, scale=scale)
    expected = combined(answers, combination)
    assert torch.isfinite(expected).all()
    torch.testing.assert_close(in_onnx(answers, combination), expected, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("combination", [MEAN, VOTE], ids=str)
def test_a_class_that_no_member_allows_stays_impossible(combination: Combination) -> None:
    answers = drawn(3, 50, 4)
    for x in answers:
        x[:, 2] = -torch.inf
    found = combined(answers, combination)
    assert (found[:, 2] == -torch.inf).all()
    assert torch.isfinite(found[:, :2]).all()
