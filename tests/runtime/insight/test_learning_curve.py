"""Training on growing shares: nested rows, equal steps, and what the right end says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dlc.compiler import Source, check
from dlc.compiler.cli.main import main
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.failures import Failure
from dlc.runtime.insight import learning_curve as subject
from dlc.runtime.insight.learning_curve import Point, learning_curve
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.plan import Plan, plan_of
from dlc.runtime.training.progress import Silent

_SPEC = """dlc: 1
inputs: {x: "float[N, 4]"}
layers:
  - linear: 24
  - relu
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: rows.csv
  columns: {x: "[abcd]", label: kind}
  split: {train: 0.8, validation: 0.2, stratify: label}
  batch_size: 20
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=0.02)
train: {epochs: 4}
"""


def _plan(folder: Path, spec: str = _SPEC) -> Plan:
    draw = np.random.default_rng(0)
    label = draw.integers(0, 3, 300)
    x = draw.normal(size=(300, 4)) + 1.5 * np.eye(3, 4)[label]
    lines = [",".join(f"{v:.4f}" for v in row) for row in x]
    body = "\n".join(f"{line},{'xyz'[k]}" for line, k in zip(lines, label.tolist(), strict=True))
    (folder / "rows.csv").write_text("a,b,c,d,kind\n" + body + "\n")
    (folder / "net.yaml").write_text(spec)
    found = check(Source("net.yaml", spec, "yaml"), path=folder / "net.yaml")
    assert found.compilation is not None, [d.message for d in found.diagnostics]
    return plan_of(found.compilation, generate(found.compilation))


def test_shares_are_nested_and_trained_for_as_many_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[int], int]] = []
    start = session.start

    def watched(plan: Plan, *arguments: object, **named: object) -> session.Outcome:
        outcome = start(plan, *arguments, **named)  # type: ignore[arg-type]
        seen.append((set(named["data"].division.train.tolist()), outcome.summary["steps"]))  # type: ignore[attr-defined]
        return outcome

    monkeypatch.setattr(subject.session, "start", watched)
    curve = learning_curve(
        _plan(tmp_path),
        spec=("net.yaml", _SPEC),
        load=load_module,
        progress=Silent(),
        shares=(0.1, 0.5, 1.0),
        device="cpu",
    )
    assert [point.rows for point in curve.points] == [24, 120, 240]
    assert [len(rows) for rows, _ in seen] == [24, 120, 240]
    assert seen[0][0] < seen[1][0] < seen[2][0]
    # Four epochs of twelve batches, whatever the share.
    assert {steps for _, steps in seen} == {48}
    assert curve.points[0].training["loss"] < curve.points[0].validation["loss"]
    assert curve.points[-1].validation["loss"] < curve.points[0].validation["loss"]


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ([(0.1, 1.0), (0.1, 0.6)], "more_data"),
        ([(0.5, 0.8), (0.55, 0.6)], "both"),
        ([(0.6, 0.62), (0.6, 0.61)], "bigger_network"),
        ([(0.1, 0.62), (0.1, 0.61)], "neither"),
        ([(0.1, 0.6)], "neither"),
    ],
)
def test_the_right_end_of_the_curve_decides(
    losses: list[tuple[float, float]], verdict: str
) -> None:
    points = [
        Point(rows=k, training={"loss": low}, validation={"loss": high})
        for k, (low, high) in enumerate(losses, 1)
    ]
    assert subject._verdict(points) == verdict


def test_without_a_validation_part_there_is_no_curve(tmp_path: Path) -> None:
    spec = _SPEC.replace("{train: 0.8, validation: 0.2, stratify: label}", "{train: 1.0}")
    with pytest.raises(Failure, match="needs a validation part"):
        learning_curve(
            _plan(tmp_path, spec), spec=("net.yaml", spec), load=load_module, progress=Silent()
        )


def test_the_command_draws_and_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _plan(tmp_path)
    chart = tmp_path / "curve.svg"
    words = ["learning-curve", str(tmp_path / "net.yaml"), "--shares", "0.2,1"]
    words += ["--set", "train.epochs=2", "--device", "cpu", "-o", str(chart)]
    assert main([*words, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [point["rows"] for point in answer["points"]] == [48, 240]
    assert "<svg" in chart.read_text()
    assert main(words) == 2  # the file is there
