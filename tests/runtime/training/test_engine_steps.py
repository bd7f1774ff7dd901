"""Every way of computing a step trains the same network, and goes on exactly after a stop."""

from __future__ import annotations

import copy
import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import toy
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import specs
from dlc.runtime.failures import Failure
from dlc.runtime.loading import load_module
from dlc.runtime.training import assembly
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.engine import fitting
from dlc.runtime.training.engine.blocks import blocks_of
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.graphed_step import GraphedStep, Pass
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.session import prepare_for
from dlc.runtime.training.step import Step
from dlc.runtime.training.stepping import step_of
from dlc.runtime.training.trainer import Trainer
from dlc.runtime.training.weights import load_tensors

CPU = torch.device("cpu")

IMAGES = """dlc: 1
name: Toy
blocks:
  Unit:
    params: {width: int}
    inputs:
      x: float[N, C, H, W]
    layers:
      - conv2d: {out_channels: width, kernel_size: 3, padding: 1, bias: false}
      - batch_norm2d
      - relu
      - dropout: 0.2
inputs:
  x: float[N, 4]
layers:
  - unflatten: {dim: 1, sizes: [1, 2, 2]}
  - repeat: 2
    layers:
      - Unit: 6
  - Unit: 4
  - flatten
  - linear: 3
    output: logits
targets:
  label: int[N]
data:
  source: toy.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
  batch_size: 32
preprocess:
  x: standardize
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adamw(lr=5e-3)
schedule: cosine
"""


def plan(root: Path, **train: Any) -> Plan:
    """A network of convolutions with batch norm and dropout, in blocks of which two are alike."""
    given = {"epochs": 2, "seed": 3, "checkpoint": "{every: steps(7), keep: 9}", **train}
    text = ", ".join(f"{name}: {value}" for name, value in given.items())
    return specs.plan(root, f"train: {{{text}}}\n", IMAGES)


class Stopper(Hook):
    """A signal after some steps."""

    name: ClassVar[str] = "stopper"

    def __init__(self, at: int) -> None:
        self.at = at

    def began(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def after_step(self, step: int) -> None:
        if step == self.at:
            self.trainer.stop.signal = signal.SIGTERM


def whole_and_halves(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], dict[str, Any]]:
    whole = toy.start(tmp_path / "whole", plan).summary
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: (Stopper(at=9),))
    assert toy.start(tmp_path / "halves", plan).signal == "SIGTERM"
    monkeypatch.setattr(assembly, "hooks_of", lambda plan: ())
    return dict(whole), dict(toy.resume(tmp_path / "halves", plan).summary)


@pytest.mark.parametrize(
    "train",
    [
        {"precision": "float32", "channels_last": "true"},
        {"precision": "bf16", "channels_last": "true", "accumulate": 2},
        {"precision": "fp16", "channels_last": "true", "clip_grad_norm": 1.0},
        {"precision": "float32", "checkpointing": "true", "memory": 40_000},
    ],
    ids=lambda train: train["precision"],
)
def test_a_run_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: dict[str, Any]
) -> None:
    whole, halves = whole_and_halves(tmp_path, plan(tmp_path, **train), monkeypatch)
    assert whole["computed"]["in"].startswith(train["precision"])
    assert halves["weights"] == whole["weights"]
    assert halves["metrics"] == whole["metrics"]


# torch.compile looks at the gradients of inner results, of which torch warns.
@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.full
@pytest.mark.parametrize("how", ["blocks", "step"])
def test_a_compiled_run_goes_on_exactly_and_trains_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    whole, halves = whole_and_halves(tmp_path, plan(tmp_path, compile=how), monkeypatch)
    assert halves["weights"] == whole["weights"]
    plain = toy.start(tmp_path / "plain", plan(tmp_path, compile="false")).summary
    assert plain["weights"] != whole["weights"]
    assert abs(plain["metrics"]["val_loss"] - whole["metrics"]["val_loss"]) < 0.2


# ── one step ─────────────────────────────────────────────────────────────────


def made(plan: Plan, **choices: Any) -> tuple[Step, nn.Module, Callable[..., Any]]:
    module = load_module(plan.source)
    model = assembly.build_model(module, 0).train()
    made = step_of(
        plan,
        model,
        Choices(**choices),
        network=module,
        device=CPU,
        total_steps=9,
        steps_per_epoch=9,
    )
    torch.manual_seed(0)
    x, label = torch.randn(32, 4), torch.randint(3, (32,))
    return made, model, lambda start, stop: ({"x": x[start:stop]}, {"label": label[start:stop]})


def still(model: nn.Module) -> None:
    """Takes out what differs from call to call."""
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def steps(plan: Plan, count: int = 3, **choices: Any) -> tuple[dict[str, torch.Tensor], Step]:
    step, model, take = made(plan, **choices)
    still(model)
    for _ in range(count):
        step(take, 0, 32, 32)
    return weights(model), step


def close(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> bool:
    return all(
        torch.allclose(found[name].float(), expected[name].float(), rtol=1e-3, atol=1e-4)
        for name in expected
    )


def test_checkpointed_blocks_compute_the_same_and_count_statistics_once(tmp_path: Path) -> None:
    toy_plan = plan(tmp_path)
    plain, _ = steps(toy_plan)
    found, _ = steps(toy_plan, checkpointing=True)
    assert found.keys() == plain.keys()
    for name in plain:
        assert torch.equal(found[name], plain[name]), name


def test_checkpointed_blocks_draw_the_same_dropout(tmp_path: Path) -> None:
    states = []
    for checkpointing in (False, True):
        step, model, take = made(plan(tmp_path), checkpointing=checkpointing)
        step(take, 0, 32, 32)
        states.append(weights(model))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_checkpoints_keep_less(tmp_path: Path) -> None:
    kept = []
    for checkpointing in (False, True):
        step, _, take = made(plan(tmp_path), checkpointing=checkpointing)
        sizes: list[int] = []

        def pack(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            step._forward(*take(0, 32), whole=True)
        kept.append(sum(sizes))
    assert kept[1] < 0.5 * kept[0]


def test_a_copy_of_a_prepared_network_is_a_network_of_its_own(tmp_path: Path) -> None:
    _, model, take = made(plan(tmp_path), checkpointing=True)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    answer = twin(**take(0, 4)[0])["logits"]
    assert answer.abs().sum() > 0


def test_images_lie_with_their_channels_last(tmp_path: Path) -> None:
    found, step = steps(plan(tmp_path), channels_last=True)
    convolutions = [m for m in step.model.modules() if isinstance(m, nn.Conv2d)]
    for layer in convolutions:
        assert layer.weight.is_contiguous(memory_format=torch.channels_last)
        state = step.optimizer.state[layer.weight]
        assert state["exp_avg"].stride() == layer.weight.stride()
    plain, _ = steps(plan(tmp_path))
    assert close(found, plain)


def test_half_precision_keeps_weights_and_losses_in_float32(tmp_path: Path) -> None:
    for precision in ("bf16", "fp16"):
        step, model, take = made(plan(tmp_path), precision=precision)
        done = step(take, 0, 32, 32)
        assert done.loss.dtype is torch.float32
        assert done.outputs["logits"].dtype is torch.float32
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        # That its arithmetic is in half precision shows in what numbers it gives.
        logits = done.outputs["logits"]
        half = torch.bfloat16 if precision == "bf16" else torch.float16
        assert torch.equal(logits, logits.to(half).float())


def test_steps_that_fp16_cannot_take_are_left_out_and_counted(tmp_path: Path) -> None:
    step, model, take = made(plan(tmp_path), precision="fp16")
    assert step.scaler is not None
    step(take, 0, 32, 32)
    before, scale = weights(model), step.scaler.get_scale()
    step.scaler.load_state_dict({**step.scaler.state_dict(), "scale": 2.0**60})
    step(take, 0, 32, 32)
    changed = {n for n, t in weights(model).items() if not torch.equal(t, before[n])}
    assert all("running" in name or "batches" in name for name in changed)
    assert step.skipped_steps == 1
    assert step.schedule.last_epoch == 2
    again, _, _ = made(plan(tmp_path), precision="fp16")
    again.restore(json.loads(json.dumps(step.state())))
    assert again.state() == step.state()
    assert step.scaler.get_scale() == 2.0**59 != scale


def test_a_batch_in_parts_gives_the_same_step(tmp_path: Path) -> None:
    text = IMAGES.replace("      - batch_norm2d\n", "").replace("      - dropout: 0.2\n", "")
    toy_plan = specs.plan(tmp_path, "", text)
    plain, _ = steps(toy_plan)
    parts, step = steps(toy_plan, micro_batch=5)
    assert close(parts, plain)
    assert [stop - start for start, stop in step._parts(0, 32, 32)] == [4, 5, 4, 5, 4, 5, 5]


def test_no_part_is_of_a_single_sample_where_that_has_no_statistics(tmp_path: Path) -> None:
    step, _, _ = made(plan(tmp_path), micro_batch=2)
    assert min(stop - start for start, stop in step._parts(0, 33, 33)) == 2
    assert list(step._parts(0, 3, 32)) == [(0, 3)]


class Rerun:
    """A recorder that computes again what it recorded, into the same memory."""

    def __init__(self) -> None:
        self.warm_ups = self.recordings = self.replays = 0

    def warm_up(self, run: Pass, times: int) -> None:
        for _ in range(times):
            run()
            self.warm_ups += 1

    def record(self, run: Pass) -> tuple[list[torch.Tensor], Callable[[], None]]:
        held = [result.clone() for result in run()]
        self.recordings += 1

        def replay() -> None:
            for tensor, new in zip(held, run(), strict=True):
                tensor.copy_(new)
            self.replays += 1

        return held, replay


def test_a_step_that_is_replayed_is_the_step(tmp_path: Path) -> None:
    toy_plan = plan(tmp_path, clip_grad_norm=1.0)
    found = []
    recorder = Rerun()
    for graphed in (False, True):
        step, model, take = made(toy_plan)
        if graphed:
            step = GraphedStep(
                recorder=recorder,
                execution=step.execution,
                loss=step.loss,
                optimizer=step.optimizer,
                schedule=step.schedule,
                train=toy_plan.settings.train,
                batch_statistics=True,
            )
        losses = [
            float(step(take, first, end, 16).loss)
            for first, end in ((0, 16), (16, 32), (0, 16), (16, 25), (5, 21))
        ]
        found.append((losses, weights(model)))
    (losses, plain), (again, replayed) = found
    assert again == losses
    assert all(torch.equal(replayed[name], plain[name]) for name in plain)
    assert (recorder.recordings, recorder.replays) == (1, 4)


class NoWaiting(TorchDispatchMode):
    """Refuses what would make the host wait for the device."""

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        if function.overloadpacket is torch.ops.aten._local_scalar_dense:
            raise AssertionError("a step waits for a number")
        return function(*arguments, **(named or {}))


@pytest.mark.parametrize(
    "choices",
    [
        {"channels_last": True, "precision": "bf16"},
        {"precision": "fp16"},
        {"checkpointing": True, "micro_batch": 8},
    ],
    ids=str,
)
def test_a_step_does_not_wait_for_the_device(tmp_path: Path, choices: dict[str, Any]) -> None:
    step, _, take = made(plan(tmp_path, clip_grad_norm=1.0, clip_grad_value=0.5), **choices)
    step(take, 0, 32, 32)
    with NoWaiting():
        step.watch_norm = True
        step(take, 0, 32, 32)
        with pytest.raises(AssertionError, match="waits"):
            torch.ones(()).item()


def test_blocks_are_those_of_the_spec(tmp_path: Path) -> None:
    _, model, _ = made(plan(tmp_path))
    assert [type(block).__name__ for block in blocks_of(model)] == ["Unit"] * 3


def test_equal_blocks_are_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[Any] = []

    def note(function: Any, **options: Any) -> Any:
        compiled.append(function.__code__)
        return function

    monkeypatch.setattr(torch, "compile", note)
    found, _ = steps(plan(tmp_path), compile="blocks")
    # Of three units the first sees one channel; each has code of its own.
    assert len(set(map(id, compiled))) == 3 == len(compiled)
    plain, _ = steps(plan(tmp_path))
    assert all(torch.equal(found[name], plain[name]) for name in plain)


# ── what cannot be ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("regularization: {l2: 1e-3}\n", "penalties have a backward pass of their own"),
        ("optimizer: rprop(lr=0.01)\n", "does not write out"),
    ],
)
def test_a_step_that_cannot_be_compiled_is_told(tmp_path: Path, changes: str, why: str) -> None:
    text = IMAGES.replace("optimizer: adamw(lr=5e-3)\nschedule: cosine\n", "")
    optimizer = "" if "optimizer" in changes else "optimizer: sgd(lr=0.1)\n"
    given = specs.plan(tmp_path, f"{changes}{optimizer}train: {{compile: step}}\n", text)
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", given)
    assert caught.value.diagnostic.code.number == "E0626"
    assert why in caught.value.diagnostic.message


def test_what_torch_cannot_compile_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.exc import BackendCompilerFailed

    def broken(function: Any, **options: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            error = RuntimeError("no C++ compiler was found")
            raise BackendCompilerFailed(lambda: None, error, None)

        return call

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(Failure) as caught:
        toy.start(tmp_path / "run", plan(tmp_path, compile="blocks"))
    assert caught.value.diagnostic.code.number == "E0626"
    assert "no C++ compiler" in " ".join(caught.value.diagnostic.notes)


def test_validation_is_in_float32_whatever_steps_are_in(tmp_path: Path) -> None:
    toy_plan = plan(tmp_path, precision="bf16")
    toy.start(tmp_path / "run", toy_plan)
    module = load_module(toy_plan.source)
    model = assembly.build_model(module, 0).eval()
    load_tensors(model, load_weights(tmp_path / "run", "last"))
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    data = prepare_for(toy_plan)
    rows = data.division.validation
    inputs, targets = assembly.samples_for(toy_plan, data, CPU).in_order(rows)(0, len(rows))
    with torch.no_grad():
        loss = module.loss(model(**inputs), targets)
    assert json.loads(lines[-1])["val_loss"] == pytest.approx(float(loss), rel=1e-6)


def test_a_module_alone_has_no_estimate(tmp_path: Path) -> None:
    toy_plan = plan(tmp_path)
    assert fitting.estimate_of(replace(toy_plan, program=None), {}, CPU) is None
