"""Ten networks with a mistake that everyone makes once: dlc names the cause.

What Keras, Lightning and plain torch say of the same networks stands in `tests/KNOWN_BAD.md`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler.cli.main import main

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

_HEAD = """dlc: 1
name: Bad
inputs: {{x: "float[N, 16]"}}
layers:
{layers}
  - linear: 4
    output: logits
init: {{linear: {init}, bias: zeros}}
targets: {{label: "int[N]"}}
data:
  source: {source}
  columns: {{x: "x*", label: label}}
  split: {{train: 0.6, validation: 0.2, test: 0.2}}
  batch_size: {batch}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: {optimizer}
train: {{epochs: {epochs}, seed: 1}}
"""


def _rows(folder: Path) -> None:
    """Four noisy clusters; the same with wrong labels, and with rows that are there twice."""
    draw = np.random.default_rng(0)
    label = draw.integers(0, 4, 800)
    x = draw.normal(size=(800, 16)) + 2.0 * np.eye(4, 16)[label]
    names = ",".join(f"x{k}" for k in range(16)) + ",label"

    def write(name: str, x: np.ndarray[Any, Any], label: np.ndarray[Any, Any]) -> None:
        lines = [
            ",".join(f"{v:.4f}" for v in row) + f",{k}" for row, k in zip(x, label, strict=True)
        ]
        (folder / name).write_text("\n".join([names, *lines]) + "\n")

    write("rows.csv", x, label)
    tight = 0.3 * draw.normal(size=(800, 16)) + 4.0 * np.eye(4, 16)[label]
    wrong = label.copy()
    wrong[:40] = (wrong[:40] + 1) % 4
    write("wrong.csv", tight, wrong)
    write("twice.csv", np.concatenate((x, x[:300])), np.concatenate((label, label[:300])))
    few = draw.normal(size=(120, 16)) + 0.4 * np.eye(4, 16)[label[:120]]
    write("few.csv", few, label[:120])


def _spec(
    layers: str,
    *,
    init: str = "kaiming_normal",
    optimizer: str = "adam(lr=1e-3)",
    batch: object = 32,
    source: str = "rows.csv",
    epochs: int = 3,
) -> str:
    return _HEAD.format(
        layers=layers,
        init=init,
        optimizer=optimizer,
        batch=batch,
        source=source,
        epochs=epochs,
    )


def _repeat(count: int, *layers: str) -> str:
    return f"  - repeat: {count}\n    layers: [{', '.join(layers)}]"


_RELUS = _repeat(3, "{linear: 64}", "relu")
_RECURRENT = _spec(
    "  - unflatten: {dim: 1, sizes: [16, 1]}\n  - rnn: {hidden_size: 32, nonlinearity: relu, "
    "return_sequences: false, init: normal(std=1)}",
    optimizer="sgd(lr=1e-9)",
)
#: The network, the command that finds it, and what it says.
BAD: dict[str, tuple[str, str, str]] = {
    "fifty sigmoids": (
        _spec(_repeat(50, "{linear: 32}", "sigmoid"), init="xavier_normal"),
        "check",
        "W0116",
    ),
    "zeros": (_spec(_RELUS, init="zeros"), "check", "E0313"),
    "He before tanh": (_spec(_repeat(6, "{linear: 64}", "tanh")), "check", "W0119"),
    "rate too high": (_spec(_RELUS, optimizer="adam(lr=3)"), "check", "W0114"),
    "dead units": (_spec(_RELUS, optimizer="adam(lr=0.1)", epochs=20), "train", "W0312"),
    "batch norm of two": (
        _spec(
            _repeat(2, "{linear: {out_features: 32, bias: false}}", "batch_norm1d", "relu"), batch=2
        ),
        "check",
        "W0140",
    ),
    "leaked split": (_spec(_RELUS, source="twice.csv"), "data", "W0205"),
    "wrong labels": (_spec(_RELUS, source="wrong.csv"), "data", "W0207"),
    "exploding recurrence": (_RECURRENT, "train", "W0311"),
    "overfit giant": (
        _spec(_repeat(2, "{linear: 512}", "relu"), source="few.csv", epochs=60),
        "report",
        "variance",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_cause_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, command, cause = BAD[name]
    _rows(tmp_path)
    (tmp_path / "bad.yaml").write_text(spec)
    words = [str(tmp_path / "bad.yaml")]
    if command in ("train", "report"):
        main(["train", *words, "--run", str(tmp_path / "run"), "--device", "cpu"])
        records = (tmp_path / "run" / "monitors.jsonl").read_text().splitlines()
        found = [f["code"] for line in records for f in json.loads(line).get("findings", ())]
        if command == "report":
            capsys.readouterr()
            assert (
                main(["report", str(tmp_path / "run"), "--device", "cpu", "--format", "json"]) == 0
            )
            found = [v["cause"] for v in json.loads(capsys.readouterr().out)["verdicts"]]
    else:
        extra = ["-o", str(tmp_path / "audit")] if command == "data" else []
        main([command, *words, *extra, "--format", "json"])
        found = [d["code"] for d in json.loads(capsys.readouterr().out)["diagnostics"]]
    assert cause in found


def test_a_network_without_a_mistake_has_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _rows(tmp_path)
    (tmp_path / "good.yaml").write_text(_spec(_RELUS, epochs=10))
    assert main(["check", str(tmp_path / "good.yaml"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["diagnostics"] == []
    words = ["train", str(tmp_path / "good.yaml"), "--run", str(tmp_path / "run")]
    assert main([*words, "--device", "cpu"]) == 0
    records = (tmp_path / "run" / "monitors.jsonl").read_text().splitlines()
    assert all("findings" not in json.loads(line) for line in records)
