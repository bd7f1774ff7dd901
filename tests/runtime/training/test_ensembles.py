"""Ensembles: members that are runs, one answer of all, and one file."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from dlc.compiler import Compilation, Source, check
from dlc.runtime.export.exporter import export_network
from dlc.runtime.export.sources import of_run
from dlc.runtime.failures import Failure
from dlc.runtime.inference.evaluator import evaluate, model_subject, run_subject
from dlc.runtime.loading import load_module
from dlc.runtime.training.checkpoint import CheckpointStore, load_weights, weights_sha256
from dlc.runtime.training.ensemble import resume_ensemble, start_ensemble, table
from dlc.runtime.training.progress import Progress, Silent
from dlc.runtime.training.session import Outcome

SPEC = """\
dlc: 1
name: Kinds
inputs:
  x: float[N, 4]
layers:
  - linear: {out_features: WIDTH, bias: false}
  - batch_norm1d
  - relu
  - linear: 3
    output: logits
targets:
  kind: int[N]
data:
  source: kinds.csv
  columns: {x: "x_*", kind: kind}
  split: {train: 0.6, validation: 0.2, test: 0.2, seed: 3}
  batch_size: 16
preprocess: {x: standardize}
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, kind)
metrics: accuracy(logits, kind)
optimizer: adam(lr=0.03)
train: {epochs: 3}
"""
NAMES = ("ant", "bee", "cow")
FOLDS = "split: {folds: 3, test: 0.25, seed: 3}"
HELD = "split: {train: 0.6, validation: 0.2, test: 0.2, seed: 3}"


def spec_of(section: str, width: int = 8) -> str:
    return SPEC.replace("WIDTH", str(width)) + section


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(2)
    kind = draw.integers(0, 3, 160)
    x = 40 + draw.normal(size=(160, 4)) + 1.3 * np.eye(3, 4)[kind]
    lines = [
        ",".join(f"{v:.4f}" for v in row) + f",{NAMES[k]}" for row, k in zip(x, kind, strict=True)
    ]
    (tmp_path / "kinds.csv").write_text("\n".join(["x_0,x_1,x_2,x_3,kind", *lines]) + "\n")
    return tmp_path


def compiled(folder: Path, text: str) -> Compilation:
    result = check(Source("kinds.yaml", text), path=folder / "kinds.yaml")
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return result.compilation


def train(folder: Path, text: str, *, progress: Progress | None = None) -> Outcome:
    return start_ensemble(
        compiled(folder, text),
        folder / "run",
        spec=("kinds.yaml", text),
        load=load_module,
        progress=progress or Silent(),
        device="cpu",
    )


def hashes(folder: Path, count: int) -> list[str]:
    members = folder / "run" / "members"
    return [weights_sha256(load_weights(members / str(k))) for k in range(count)]


def store_of(folder: Path, member: int) -> CheckpointStore:
    return CheckpointStore(folder / "run/members" / str(member) / "checkpoints")


def record_of(folder: Path, member: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (folder / "run/members" / str(member) / "run.json").read_text()
    )
    return found


def test_seeds_make_members_that_differ_in_nothing_else(folder: Path) -> None:
    outcome = train(folder, spec_of("ensemble: {members: 3}\n"))
    assert len(set(hashes(folder, 3))) == 3
    records = [record_of(folder, member) for member in range(3)]
    assert len({json.dumps(record["data"]) for record in records}) == 1
    # A member is the run that its settings give alone.
    alone = folder / "alone"
    alone.mkdir()
    (alone / "kinds.csv").write_bytes((folder / "kinds.csv").read_bytes())
    single = spec_of("").replace("epochs: 3", "epochs: 3, seed: 2")
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.training.plan import plan_of
    from dlc.runtime.training.session import start

    compilation = compiled(alone, single)
    start(
        plan_of(compilation, generate(compilation)),
        alone / "run",
        spec=("kinds.yaml", single),
        load=load_module,
        progress=Silent(),
        device="cpu",
    )
    assert weights_sha256(load_weights(alone / "run")) == hashes(folder, 3)[2]
    assert outcome.summary["ensemble"] == {"members": 3, "vary": "seed", "combine": "mean"}
    assert json.loads((folder / "run/summary.json").read_text()) == outcome.summary


@pytest.mark.parametrize("combine", ["mean", "vote"])
def test_the_run_and_its_one_file_answer_as_all_members_together(
    folder: Path, combine: str
) -> None:
    outcome = train(folder, spec_of(f"ensemble: {{members: 3, combine: {combine}}}\n"))
    run = folder / "run"
    for part, prefix in (("test", ""), ("validation", "val_")):
        found = evaluate(run_subject(run, "cpu"), part=part).metrics
        figures = outcome.summary["test" if part == "test" else "metrics"]
        assert {f"{prefix}{k}": v for k, v in found.items()} == pytest.approx(figures, rel=1e-6)
    exported = export_network(of_run(run), run / "model.onnx")
    assert [*exported.outputs] == ["logits", "logits_probabilities", "logits_label"]
    in_file = evaluate(model_subject(run / "model.onnx", "cpu")).metrics
    assert in_file == pytest.approx(outcome.summary["test"], rel=1e-4)
    # By hand: raw columns in, each member's own network, one answer out.
    raw = np.random.default_rng(0).normal(40, 1.5, (32, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        str(run / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    probabilities, label = session.run(["logits_probabilities", "logits_label"], {"x": raw})
    networks = [of_run(run / "members" / str(k)) for k in range(3)]
    assert networks[0].preprocessing is not None
    statistics = networks[0].preprocessing.inputs["x"].statistics[0]
    x = torch.from_numpy((raw - statistics["mean"]) / statistics["std"]).float()
    with torch.no_grad():
        each = torch.stack([n.module.eval()(x)["logits"].softmax(1) for n in networks])
    expected = each.mean(0)
    if combine == "vote":
        expected = (torch.eye(3)[each.argmax(2)].sum(0) + expected) / 4
    np.testing.assert_allclose(probabilities, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert [NAMES[k] for k in expected.argmax(1)] == label.tolist()


def test_the_file_holds_each_member_under_its_name_and_the_beginning_once(folder: Path) -> None:
    train(folder, spec_of("ensemble: {members: 2}\n"))
    export_network(of_run(folder / "run"), folder / "model.onnx")
    model = onnx.load(folder / "model.onnx")
    names = {weight.name for weight in model.graph.initializer}
    assert {f"members.{k}.{w}" for k in (0, 1) for w in ("linear.weight", "logits.bias")} <= names
    assert [node.op_type for node in model.graph.node].count("Sub") == 1 + 2 + 1
    assert {p.key: p.value for p in model.metadata_props}["dlc.members"] == "2"


def test_folds_make_members_that_share_one_beginning(folder: Path) -> None:
    text = spec_of("ensemble: {vary: fold}\n").replace(HELD, FOLDS)
    outcome = train(folder, text)
    assert outcome.summary["ensemble"]["members"] == 3
    parts = [record_of(folder, member)["data"]["split"]["fold"] for member in range(3)]
    assert parts == [0, 1, 2]
    files = [
        (folder / f"run/members/{k}/preprocess/statistics.safetensors").read_bytes()
        for k in range(3)
    ]
    assert files[0] == files[1] == files[2]
    # Each row but those of the test part was learned by some member.
    assert outcome.summary["metrics"] == {}
    assert outcome.summary["test"]["accuracy"] > 0.5
    run = folder / "run"
    export_network(of_run(run), run / "model.onnx")
    for subject in (run_subject(run, "cpu"), model_subject(run / "model.onnx", "cpu")):
        assert evaluate(subject).rows == 40
        with pytest.raises(Failure, match="trained some member"):
            evaluate(subject, part="validation")


def test_several_specs_are_members_as_they_are(folder: Path) -> None:
    other = spec_of("", width=16).replace("adam(lr=0.03)", "sgd(lr=0.1)").replace("relu", "tanh")
    (folder / "other.yaml").write_text(other)
    outcome = train(folder, spec_of("ensemble: {specs: [other.yaml]}\n"))
    assert outcome.summary["ensemble"] == {"members": 2, "vary": "spec", "combine": "mean"}
    shapes = [
        load_weights(folder / "run/members" / str(k))["linear.weight"].shape for k in range(2)
    ]
    assert shapes == [(8, 4), (16, 4)]
    # The spec is in the run: nothing outside it is needed again.
    (folder / "other.yaml").unlink()
    exported = export_network(of_run(folder / "run"), folder / "model.onnx")
    assert exported.parity.ok
    found = evaluate(run_subject(folder / "run", "cpu")).metrics
    assert found == pytest.approx(outcome.summary["test"], rel=1e-6)


def test_only_the_best_members_are_combined(folder: Path) -> None:
    outcome = train(folder, spec_of("ensemble: {members: 4, best: 2}\n"))
    losses = [member["metrics"]["val_loss"] for member in outcome.summary["members"]]
    assert outcome.summary["chosen"] == sorted(np.argsort(losses)[:2].tolist())
    network = of_run(folder / "run")
    assert network.members is not None
    assert len(network.members.programs) == 2
    assert table(folder / "run", outcome.summary).count("(left out)") == 2


def test_the_snapshots_of_members_are_members(folder: Path) -> None:
    text = spec_of("ensemble: {members: 2}\nschedule: cosine_restarts(cycle=1)\n")
    text = text.replace("epochs: 3", "epochs: 3, average: snapshots(2)")
    outcome = train(folder, text)
    one = export_network(of_run(folder / "run/members/1"), folder / "one.onnx")
    assert one.parity.ok
    export_network(of_run(folder / "run"), folder / "all.onnx")
    counts = [
        {p.key: p.value for p in onnx.load(folder / name).metadata_props}["dlc.members"]
        for name in ("one.onnx", "all.onnx")
    ]
    assert counts == ["2", "4"]
    found = evaluate(run_subject(folder / "run", "cpu")).metrics
    assert found == pytest.approx(outcome.summary["test"], rel=1e-6)
    last = evaluate(run_subject(folder / "run/members/1", "cpu", "last")).metrics
    assert last != evaluate(run_subject(folder / "run/members/1", "cpu")).metrics


class StopsIn(Silent):
    """Sends the process SIGTERM in the given validation."""

    def __init__(self, validation: int) -> None:
        self.left = validation

    def validated(self, record: Any, *, best: bool) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("section", ["ensemble: {members: 3}\n", "ensemble: {vary: fold}\n"])
def test_an_ensemble_that_was_stopped_ends_as_if_nothing_had_happened(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, section: str
) -> None:
    text = spec_of(section)
    if "fold" in section:
        text = text.replace(HELD, FOLDS)
    whole = tmp_path_factory.mktemp("whole")
    (whole / "kinds.csv").write_bytes((folder / "kinds.csv").read_bytes())
    expected = train(whole, text)
    outcome = train(folder, text, progress=StopsIn(5))
    assert outcome.signal == "SIGTERM"
    assert outcome.exit_code == 143
    with pytest.raises(Failure, match="not all trained yet"):
        of_run(folder / "run")
    after = resume_ensemble(folder / "run", load=load_module, progress=Silent())
    assert hashes(folder, 3) == hashes(whole, 3)
    for key in ("metrics", "test", "chosen"):
        assert after.summary[key] == expected.summary[key]


def messages(folder: Path, text: str, sets: Sequence[str] = ()) -> list[str]:
    result = check(Source("kinds.yaml", text), path=folder / "kinds.yaml", sets=tuple(sets))
    return [d.message for d in result.diagnostics]


def test_a_setting_changes_all_specs_where_it_is_one_of_a_section(folder: Path) -> None:
    (folder / "other.yaml").write_text(spec_of("", width=16))
    text = spec_of("ensemble: {specs: [other.yaml]}\n")
    sets = ["data.split.seed=5", "train.epochs=2"]
    assert messages(folder, text, sets) == []
    result = check(Source("kinds.yaml", text), path=folder / "kinds.yaml", sets=tuple(sets))
    assert result.compilation is not None
    (member,) = result.compilation.members
    assert member.settings.train.epochs == 2
    assert member.settings.data == result.compilation.settings.data
    (folder / "other.yaml").write_text(spec_of("").replace("seed: 3", "seed: 4"))
    assert "its `data` is not that of this spec" in messages(folder, text)[0]


# ── side by side ─────────────────────────────────────────────────────────────

# Two batches a step, a penalty, clipping: all that a step may hold.
STEPS = "sgd(lr=0.05, momentum=0.9)\nregularization: {l2: 1e-3}"
KEPT = "checkpoint: {every: epochs(3), keep: 50}"
TRAIN = "train: {epochs: 8, accumulate: 2, clip_grad_norm: 0.5, average: ema(0.9), EARLY, KEPT}"
EARLY = "early_stopping: {patience: 1, monitor: val_accuracy}"


def together_spec(together: bool, *, early: str = "seed: 1", layers: str = "") -> str:
    text = spec_of(f"ensemble: {{members: 3, together: {str(together).lower()}}}\n")
    text = text.replace("  - relu\n", f"  - relu\n{layers}")
    text = text.replace("adam(lr=0.03)", STEPS)
    if EARLY in early:
        text = text.replace("lr=0.05", "lr=0.3")
    return text.replace("train: {epochs: 3}", TRAIN.replace("EARLY", early).replace("KEPT", KEPT))


@pytest.mark.parametrize("early", ["seed: 1", EARLY])
def test_members_side_by_side_are_those_of_one_after_another(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, early: str
) -> None:
    other = tmp_path_factory.mktemp("apart")
    (other / "kinds.csv").write_bytes((folder / "kinds.csv").read_bytes())
    text = together_spec(True, early=early)
    found = train(folder, text).summary
    expected = train(other, together_spec(False, early=early)).summary
    record = json.loads((folder / "run/run.json").read_text())
    assert record["ensemble"]["together"]["together"]
    # With early stopping members end at different steps, as they do alone.
    steps = [member["steps"] for member in found["members"]]
    assert steps == [member["steps"] for member in expected["members"]]
    assert (len(set(steps)) > 1) == (early == EARLY)
    for member in range(3):
        for which in ("last", "average"):
            a, b = (
                load_weights(root / "run/members" / str(member), which) for root in (folder, other)
            )
            for name, value in a.items():
                np.testing.assert_allclose(value, b[name], rtol=2e-4, atol=2e-6, err_msg=name)
        lines, twins = (
            (root / "run/members" / str(member) / "metrics.jsonl").read_text().splitlines()
            for root in (folder, other)
        )
        for line, twin in zip(lines, twins, strict=True):
            one, two = json.loads(line), json.loads(twin)
            assert one["val_loss"] == pytest.approx(two["val_loss"], rel=1e-4)
            assert one["step"] == two["step"]
    assert found["test"] == pytest.approx(expected["test"], rel=1e-3)


def test_members_side_by_side_save_at_the_same_steps(folder: Path) -> None:
    train(folder, together_spec(True, early="early_stopping: {patience: 9, monitor: val_accuracy}"))
    steps = [store_of(folder, member).steps() for member in range(3)]
    assert steps[0] == steps[1] == steps[2]
    bests = [store_of(folder, member).load(24).state["best"]["step"] for member in range(3)]
    assert len(set(bests)) > 1


# In the last case one member has ended when all are stopped.
@pytest.mark.parametrize(
    ("early", "validation"), [("seed: 1", 5), (EARLY, 1), (f"{EARLY}, seed: 1", 4)]
)
def test_members_side_by_side_go_on_exactly(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, early: str, validation: int
) -> None:
    text = together_spec(True, early=early, layers="  - dropout: 0.3\n")
    whole = tmp_path_factory.mktemp("whole")
    (whole / "kinds.csv").write_bytes((folder / "kinds.csv").read_bytes())
    expected = train(whole, text)
    outcome = train(folder, text, progress=StopsIn(validation))
    assert outcome.signal == "SIGTERM"
    newest = [store_of(folder, k).load_newest() for k in range(3)]
    ended = [kept is not None and bool(kept.state["finished"]) for kept in newest]
    assert any(ended) == (validation == 4)
    after = resume_ensemble(folder / "run", load=load_module, progress=Silent())
    assert hashes(folder, 3) == hashes(whole, 3)
    assert after.summary["test"] == expected.summary["test"]
    assert [m["steps"] for m in after.summary["members"]] == [
        m["steps"] for m in expected.summary["members"]
    ]


class Hearing(Silent):
    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("precision: bf16", "it trains in bf16"),
        ("memory: 1e9", "the memory of each is bounded"),
        ("checkpointing: true", "its blocks keep only their inputs"),
    ],
)
def test_members_that_cannot_be_side_by_side_are_trained_one_after_another(
    folder: Path, setting: str, why: str
) -> None:
    text = spec_of("ensemble: {members: 2}\n").replace("epochs: 3", f"epochs: 3, {setting}")
    progress = Hearing()
    train(folder, text, progress=progress)
    assert f"one member after another: {why}" in progress.told
    with pytest.raises(Failure, match=f"cannot be trained side by side: {why}") as caught:
        start_ensemble(
            compiled(folder, text.replace("members: 2", "members: 2, together: true")),
            folder / "other",
            spec=("kinds.yaml", text),
            load=load_module,
            progress=Silent(),
            device="cpu",
        )
    assert caught.value.diagnostic.code.number == "E0633"
    assert not (folder / "other").exists()
