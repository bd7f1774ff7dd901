"""What starts from data starts where the data says, once, and the same way every time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.initializers.class_prior import ClassPrior
from dlc.compiler.components.initializers.target_mean import TargetMean
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.mse_loss import MseLoss
from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.compiler.components.settings import Head
from dlc.runtime.data.dataset import prepare
from dlc.runtime.failures import BAD_DATA, Failure
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.assembly import build_model
from dlc.runtime.training.data_init import head_bias, initialize_from_data
from dlc.runtime.training.plan import Plan, plan_of
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.samples import Samples

ROWS = 400


class Listening(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def head(loss: Loss, axis: int | None = None, units: int = 1, *, mean: bool = False) -> Head:
    start = TargetMean() if mean else ClassPrior()
    return Head(bias="y.bias", initializer=start, loss=loss, axis=axis, units=units)


def bias(found: Head, target: Any) -> torch.Tensor:
    return torch.from_numpy(head_bias(found, np.asarray(target))[0])


# ── the numbers ──────────────────────────────────────────────────────────────

MSE = MseLoss(input="y", target="t")
CE = CrossEntropy(input="y", target="t")
BCE = BinaryCrossEntropyWithLogits(input="y", target="t")


def test_a_mean_is_that_of_the_unit() -> None:
    target = np.array([[1.0, 10.0], [2.0, 30.0], [6.0, 50.0]], np.float32)
    assert bias(head(MSE, 1, 2, mean=True), target).tolist() == [3.0, 30.0]
    assert bias(head(MSE, mean=True), target[:, 0]).tolist() == [3.0]
    assert bias(head(MSE, mean=True), np.array([1, 2, 6])).tolist() == [3.0]


def test_a_mean_in_the_channels_runs_over_the_rest() -> None:
    target = np.arange(24.0).reshape(2, 3, 4)
    assert bias(head(MSE, 1, 3, mean=True), target).tolist() == [7.5, 11.5, 15.5]


def test_missing_values_are_left_out() -> None:
    nan = math.nan
    target = np.array([[1.0, nan], [nan, nan], [3.0, nan]])
    assert bias(head(MSE, 1, 2, mean=True), target).tolist() == [2.0, 0.0]
    yes = np.array([[1.0, nan], [nan, 1.0], [0.0, 0.0], [0.0, 1.0]])
    assert bias(head(BCE, 1, 2), yes).tolist() == pytest.approx([math.log(1 / 2), math.log(2)])


def test_a_class_prior_is_the_logarithm_of_the_shares() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    expected = [math.log(0.6), math.log(0.3), math.log(0.1)]
    assert bias(head(CE, 1, 3), labels).tolist() == pytest.approx(expected)
    nll = NllLoss(input="y", target="t")
    assert bias(head(nll, 1, 3), labels.reshape(5, 2)).tolist() == pytest.approx(expected)


def test_ignored_labels_are_left_out() -> None:
    labels = np.array([0, 0, 1, -100, -100, -100])
    expected = [math.log(2 / 3), math.log(1 / 3)]
    assert bias(head(CE, 1, 2), labels).tolist() == pytest.approx(expected)
    ignoring = CrossEntropy(input="y", target="t", ignore_index=1)
    assert bias(head(ignoring, 1, 2), [0, 0, 1, 1]).tolist() == pytest.approx(
        [math.log(2 / 3), math.log(1 / 3)]
    ), "a class that does not occur counts as one sample of three"


def test_the_positive_rate_as_a_logit() -> None:
    yes = np.array([True] + [False] * 9)
    assert bias(head(BCE), yes).tolist() == pytest.approx([math.log(1 / 9)])
    assert bias(head(BCE), yes.astype(np.int64)).tolist() == pytest.approx([math.log(1 / 9)])
    never = np.zeros((5, 2))
    assert bias(head(BCE, 1, 2), never).tolist() == pytest.approx([-math.log(5)] * 2)


def _slope(loss: Callable[[torch.Tensor], torch.Tensor], constant: torch.Tensor) -> float:
    """The largest slope of a loss at a constant answer: it is convex, so that 0 is its least."""
    constant.requires_grad_()
    loss(constant).backward()  # type: ignore[no-untyped-call]
    assert constant.grad is not None
    return float(constant.grad.abs().max())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": (1.0, 5.0, 0.5)},
        {"label_smoothing": 0.2},
        {"weight": (1.0, 5.0, 0.5), "label_smoothing": 0.2},
    ],
    ids=str,
)
def test_no_constant_answer_has_less_loss_than_the_prior(options: dict[str, Any]) -> None:
    labels = torch.tensor([0] * 50 + [1] * 9 + [2] * 21)
    given = dict(options)
    if "weight" in given:
        given["weight"] = torch.tensor(given["weight"], dtype=torch.float64)

    def loss(constant: torch.Tensor, target: torch.Tensor = labels) -> torch.Tensor:
        return F.cross_entropy(constant.expand(len(target), 3), target, **given)

    found = head(CrossEntropy(input="y", target="t", **options), 1, 3)
    assert _slope(loss, bias(found, labels.numpy())) < 1e-12

    shares = torch.softmax(torch.randn(40, 3, dtype=torch.float64), 1)
    assert _slope(lambda c: loss(c, shares), bias(found, shares.numpy())) < 1e-12


@pytest.mark.parametrize("pos_weight", [None, (3.0,), (3.0, 0.5)], ids=str)
def test_no_constant_logit_has_less_loss_than_the_prior(
    pos_weight: tuple[float, ...] | None,
) -> None:
    target = (torch.rand(200, 2, dtype=torch.float64) < torch.tensor([0.1, 0.7])).double()
    weight = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float64)

    def loss(constant: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(
            constant.expand(200, 2), target, pos_weight=weight
        )

    found = BinaryCrossEntropyWithLogits(input="y", target="t", pos_weight=pos_weight)
    assert _slope(loss, bias(head(found, 1, 2), target.numpy())) < 1e-12


@pytest.mark.parametrize(
    ("found", "target"),
    [
        (head(CE, 1, 3), [-100, -100]),
        (head(CE, 1, 2), [[math.nan, math.nan]]),
        (head(BCE), [math.nan, math.nan]),
        (head(MSE, mean=True), [math.nan]),
    ],
)
def test_a_target_without_a_value_is_refused(found: Head, target: Any) -> None:
    with pytest.raises(Failure, match="no value of `t`") as caught:
        head_bias(found, np.asarray(target))
    assert caught.value.diagnostic.code.number == "E0606"
    assert caught.value.exit_code == BAD_DATA


# ── in a run ─────────────────────────────────────────────────────────────────

SPEC = """\
dlc: 1
name: Net
inputs:
  x: float[N, 6]
init: {linear: lsuv(tol=0.01), bias: zeros}
layers:
  - linear: 32
    name: first
  - batch_norm1d
  - dropout: 0.5
  - relu
  - linear: 32
    name: second
  - tanh
  - linear: {out_features: 24, init: lsuv(tol=0.001)}
    name: third
  - relu:
    name: features
  - linear: {out_features: 3, init: zeros, bias_init: class_prior}
    from: features
    output: logits
  - linear: {out_features: 1, bias_init: target_mean}
    from: features
    name: head
  - flatten: 0
    output: price
targets:
  kind: int[N]
  cost: float[N]
data:
  source: data.csv
  columns: {x: "x_*", kind: kind, cost: cost}
  split: {train: 0.7, validation: 0.3, seed: 5}
  batch_size: 48
loss: cross_entropy(logits, kind) + 1e-6 * mse_loss(price, cost)
optimizer: sgd(lr=1e-3)
train: {epochs: 2, seed: 11}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(1)
    x = draw.normal(3.0, 40.0, size=(ROWS, 6))
    kind = draw.choice(["ant", "bee", "cow"], ROWS, p=[0.8, 0.15, 0.05])
    cost = draw.normal(250_000.0, 20_000.0, ROWS)
    lines = [
        ",".join(f"{v:.4f}" for v in row) + f",{k},{c:.2f}"
        for row, k, c in zip(x, kind, cost, strict=True)
    ]
    header = ",".join(f"x_{i}" for i in range(6)) + ",kind,cost"
    (tmp_path / "data.csv").write_text("\n".join([header, *lines]) + "\n")
    return tmp_path


def planned(folder: Path, text: str = SPEC) -> Plan:
    result = check(Source("net.yaml", text), path=folder / "net.yaml")
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return plan_of(result.compilation, generate(result.compilation))


def begun(
    folder: Path, text: str = SPEC, loaded: frozenset[str] = frozenset()
) -> tuple[torch.nn.Module, Plan, Samples, Any, list[str]]:
    """The network as it is before its first step."""
    plan = planned(folder, text)
    data = prepare(
        plan.data,
        inputs=plan.inputs,
        targets=plan.targets,
        root=plan.root,
        preprocess=plan.settings.preprocess,
    )
    model = build_model(load_module(plan.source), plan.settings.train.seed)
    samples = Samples(
        data.arrays, inputs=[*plan.inputs], targets=[*plan.targets], device=torch.device("cpu")
    )
    said: list[str] = []
    initialize_from_data(
        model,
        plan,
        samples=samples,
        targets=data.arrays,
        rows=data.division.train,
        batch_size=48,
        say=said.append,
        loaded=loaded,
    )
    return model, plan, samples, data, said


def outputs_of(model: torch.nn.Module, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """What each layer gives in evaluation, but for batch norms over the batch."""
    seen: dict[str, Any] = {}
    model.eval()
    model.batch_norm1d.train()  # type: ignore[union-attr]
    handles = [
        module.register_forward_hook(
            lambda _m, _i, output, name=name: seen.__setitem__(name, output)
        )
        for name, module in model.named_children()
    ]
    with torch.no_grad():
        model(**inputs)
    for handle in handles:
        handle.remove()
    return seen


def test_layers_begin_at_variance_one_and_heads_at_their_targets(folder: Path) -> None:
    model, _, samples, data, said = begun(folder)
    train = data.division.train
    inputs, _ = samples.in_order(train)(0, len(train))
    seen = outputs_of(model, inputs)
    for name in ("first", "second", "third"):
        assert float(seen[name].var()) == pytest.approx(1.0, abs=0.15)
    kinds = np.bincount(data.arrays["kind"][train], minlength=3) / len(train)
    logits = model.get_parameter("logits.bias").exp().tolist()
    assert logits == pytest.approx(kinds.tolist(), rel=1e-5)
    mean = float(data.arrays["cost"][train].mean(dtype=np.float64))
    assert model.get_parameter("head.bias").item() == pytest.approx(mean, rel=1e-6)
    assert said[0] == "lsuv: 4 of 4 layers give variance 1 for 240 samples"
    assert said[1] == "`logits.bias` starts at the shares of 3 classes among 280 labels of `kind`"
    assert said[2].startswith("`head.bias` starts at the mean of `cost`, 2")


def test_the_variance_is_one_for_the_batch_that_was_used(folder: Path) -> None:
    from dlc.runtime.seeding import permutation

    model, _, samples, data, _ = begun(folder)
    train = data.division.train
    rows = train[permutation(len(train), 11, "lsuv")[:240]]
    take = samples.in_order(rows)
    parts = [outputs_of(model, take(i, i + 48)[0]) for i in range(0, 240, 48)]
    for name, tol in (("first", 0.01), ("second", 0.01), ("third", 0.001)):
        variance = float(torch.cat([part[name] for part in parts]).var(correction=0))
        assert variance == pytest.approx(1.0, abs=tol)


def test_weights_of_two_parts_are_scaled_by_their_lengths(folder: Path) -> None:
    text = SPEC.replace(
        "linear: 32\n    name: second",
        "linear: {out_features: 32, weight_norm: true}\n    name: second",
    )
    model, _, samples, data, said = begun(folder, text)
    assert said[0] == "lsuv: 4 of 4 layers give variance 1 for 240 samples"
    train = data.division.train
    seen = outputs_of(model, samples.in_order(train)(0, len(train))[0])
    assert float(seen["second"].var()) == pytest.approx(1.0, abs=0.15)


def test_mode_buffers_and_random_state_are_left_as_they_were(folder: Path) -> None:
    plan = planned(folder)
    fresh = build_model(load_module(plan.source), 11)
    state = torch.get_rng_state()
    model, *_ = begun(folder)
    assert torch.equal(state, torch.get_rng_state())
    assert all(module.training for module in model.modules())
    for name, buffer in fresh.named_buffers():
        assert torch.equal(buffer, model.get_buffer(name)), name


def test_what_was_loaded_is_left_alone(folder: Path) -> None:
    plan = planned(folder)
    fresh = build_model(load_module(plan.source), 11)
    names = frozenset({"first.weight", "logits.bias"})
    model, *_, said = begun(folder, loaded=names)
    for name, parameter in fresh.named_parameters():
        same = torch.equal(parameter, model.get_parameter(name))
        assert same == (name in names or not _from_data(name)), name
    assert said[0].startswith("lsuv: 3 of 3 layers")


def _from_data(name: str) -> bool:
    return name in {
        *("first.weight", "second.weight", "third.weight", "head.weight"),
        *("logits.bias", "head.bias"),
    }


def test_a_layer_that_cannot_reach_it_is_told(folder: Path) -> None:
    text = SPEC.replace("linear: 32\n    name: second", "linear: {out_features: 32, bias_init: "
                        "normal(std=2.0)}\n    name: second")  # fmt: skip
    _, _, _, _, said = begun(folder, text)
    assert said[0].startswith("lsuv: `second` stays at a variance of ")
    assert said[0].endswith("its bias, or a norm of its weight, decides")
    assert said[1] == "lsuv: 3 of 4 layers give variance 1 for 240 samples"
    text = SPEC.replace("linear: 32\n    name: first", "linear: {out_features: 32, init: "
                        "lsuv(max_iterations=1)}\n    name: first")  # fmt: skip
    (folder / "data.csv").write_text(
        "x_0,x_1,x_2,x_3,x_4,x_5,kind,cost\n" + "0,0,0,0,0,0,ant,1.0\n" * ROWS
    )
    _, _, _, _, said = begun(folder, text)
    assert said[0] == "lsuv: `first` stays at a variance of 0: it gives the same for every sample"


def test_a_run_begins_so_and_says_so(folder: Path) -> None:
    model, *_ = begun(folder)
    listening = Listening()
    text = SPEC.replace("sgd(lr=1e-3)", "sgd(lr=1e-30)")
    session.start(
        planned(folder, text),
        folder / "run",
        spec=("net.yaml", text),
        load=load_module,
        progress=listening,
        device="cpu",
    )
    assert listening.said[0] == "lsuv: 4 of 4 layers give variance 1 for 240 samples"
    assert any(line.startswith("`logits.bias` starts at") for line in listening.said)
    from dlc.runtime.training.checkpoint import load_weights

    trained = load_weights(folder / "run")
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(
            trained[name], parameter.detach().numpy(), atol=1e-30, err_msg=name
        )


def test_a_run_that_is_gone_on_with_is_not_begun_again(folder: Path) -> None:
    plan = planned(folder)
    text = plan.resolved

    def run(name: str, plan: Plan) -> session.Outcome:
        return session.start(
            plan,
            folder / name,
            spec=("net.yaml", text),
            load=load_module,
            progress=Silent(),
            device="cpu",
        )

    whole = run("whole", plan)
    # The same run, whose last checkpoint is lost: half of it is done again.
    run("half", plan)
    import shutil

    checkpoints = sorted((folder / "half" / "checkpoints").iterdir())
    shutil.rmtree(checkpoints[-1])
    (folder / "half" / "summary.json").unlink()
    listening = Listening()
    again = session.resume(
        folder / "half",
        lambda _run: plan,
        load=load_module,
        progress=listening,
        device="cpu",
    )
    assert again.summary["weights"] == whole.summary["weights"]
    assert not [line for line in listening.said if "starts at" in line or "lsuv" in line]
    # Without any checkpoint it begins again, as it began.
    for checkpoint in (folder / "half" / "checkpoints").iterdir():
        shutil.rmtree(checkpoint)
    third = session.resume(
        folder / "half", lambda _run: plan, load=load_module, progress=listening, device="cpu"
    )
    assert third.summary["weights"] == whole.summary["weights"]
    assert [line for line in listening.said if "starts at" in line]
    assert json.loads((folder / "half" / "summary.json").read_text())["steps"] == 12
