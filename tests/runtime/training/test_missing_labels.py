"""Two tasks over one trunk, and rows that lack the label of one, of the other, or of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

pytest.importorskip("torch")
import torch

from dlc.compiler import Source, check
from dlc.compiler.cli.main import main
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.loading import load_module

SPEC = """\
dlc: 1
name: Tasks
inputs:
  x: float[N, 4]
layers:
  - from: x
    linear: 8
  - relu:
    name: trunk
  - from: trunk
    linear: 3
    output: kind
  - from: trunk
    linear: 1
    output: size
targets:
  kind_label: int[N]
  size_value: float[N, 1]
data:
  source: rows.csv
  columns: {x: "x*", kind_label: kind, size_value: size}
  split: {train: 0.6, validation: 0.2, test: 0.2, seed: 1}
  batch_size: 8
loss: cross_entropy(kind, kind_label, label_smoothing=0.1) + 0.5 * FLOAT(size, size_value)
metrics:
  - accuracy(kind, kind_label)
  - mae(size, size_value)
optimizer: sgd(lr=0.05)
train: {epochs: 3, validate_every: epochs(1)}
"""
COUNT = 80


def rows(words: bool) -> list[dict[str, Any]]:
    """Every third row has no class, every fourth no size; rows 0, 12, ... have neither."""
    rng = np.random.default_rng(0)
    names = ("ant", "bee", "cow") if words else (0, 1, 2)
    found = []
    for index in range(COUNT):
        x = rng.normal(size=4)
        found.append(
            {f"x{i}": float(x[i]) for i in range(4)}
            | {
                "kind": None if index % 3 == 0 else names[int(np.argmax(x[:3]))],
                "size": None if index % 4 == 0 else float(x.sum()),
            }
        )
    return found


def write(path: Path, table: list[dict[str, Any]]) -> None:
    if path.suffix == ".csv":
        lines = [",".join(table[0])]
        lines += [",".join("" if v is None else str(v) for v in row.values()) for row in table]
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table))


def compiled(loss: str = "smooth_l1_loss") -> Any:
    result = check(Source("net.yaml", SPEC.replace("FLOAT", loss)))
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return load_module(generate(result.compilation))


def batch(count: int = 6) -> tuple[dict[str, Any], dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    outputs = {
        "kind": torch.randn(count, 3, generator=generator, requires_grad=True),
        "size": torch.randn(count, 1, generator=generator, requires_grad=True),
    }
    targets = {
        "kind_label": torch.tensor([0, 1, 2, 0, 1, 2]),
        "size_value": torch.rand(count, 1, generator=generator),
    }
    return outputs, targets


@pytest.mark.parametrize(
    "loss",
    ["smooth_l1_loss", "mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits"],
)
def test_the_loss_is_that_of_the_labels_that_are_there(loss: str) -> None:
    outputs, targets = batch()
    targets["kind_label"][[0, 3]] = -100
    targets["size_value"][[1, 3]] = torch.nan
    total = compiled(loss).loss(outputs, targets)
    function = torch.nn.functional
    kinds, sizes = [1, 2, 4, 5], [0, 2, 4, 5]
    expected = function.cross_entropy(
        outputs["kind"][kinds], targets["kind_label"][kinds], label_smoothing=0.1
    ) + 0.5 * getattr(function, loss)(outputs["size"][sizes], targets["size_value"][sizes])
    torch.testing.assert_close(total, expected)
    ours = torch.autograd.grad(total, list(outputs.values()))
    theirs = torch.autograd.grad(expected, list(outputs.values()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_a_batch_without_a_label_of_a_task_is_no_loss_and_moves_nothing() -> None:
    outputs, targets = batch()
    targets["kind_label"][:] = -100
    targets["size_value"][:] = torch.nan
    total = compiled().loss(outputs, targets)
    assert total.item() == 0.0
    for gradient in torch.autograd.grad(total, list(outputs.values())):
        assert torch.equal(gradient, torch.zeros_like(gradient))


def test_what_a_network_makes_wrong_is_not_hidden() -> None:
    outputs, targets = batch()
    with torch.no_grad():
        outputs["kind"][1] = torch.nan
    assert compiled().loss(outputs, targets).isnan()


def test_one_task_has_no_missing_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.csv", rows(False))
    text = SPEC.replace(" + 0.5 * FLOAT(size, size_value)", "").replace(
        "  - mae(size, size_value)\n", ""
    )
    text = text.replace("  size_value: float[N, 1]\n", "").replace(", size_value: size", "")
    (tmp_path / "net.yaml").write_text(text)
    assert main(["train", "net.yaml", "--run", "run"]) == 65
    assert "the value is missing" in capsys.readouterr().err


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_run_and_its_file_measure_the_labels_that_are_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
    words: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    table = rows(words)
    write(tmp_path / f"rows{suffix}", table)
    text = SPEC.replace("FLOAT", "smooth_l1_loss").replace("rows.csv", f"rows{suffix}")
    (tmp_path / "net.yaml").write_text(text)
    assert main(["train", "net.yaml", "--run", "run"]) == 0
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        assert all(np.isfinite(value) for value in json.loads(line).values())
    assert main(["export", "run"]) == 0
    found = {}
    for target in ("run", "run/model.onnx"):
        capsys.readouterr()
        assert main(["evaluate", target, "--split", "all", "--format", "json"]) == 0
        found[target] = json.loads(capsys.readouterr().out)
    assert found["run"]["rows"] == found["run/model.onnx"]["rows"] == COUNT
    assert found["run"]["metrics"] == pytest.approx(found["run/model.onnx"]["metrics"], abs=1e-5)
    assert found["run"]["metrics"] == pytest.approx(by_hand(table, words), abs=1e-5)


def by_hand(table: list[dict[str, Any]], words: bool) -> dict[str, float]:
    """The figures over the rows that have a label, from the network's outputs."""
    from dlc.runtime.export.sources import of_run

    network = of_run(Path("run")).module.eval()
    x = torch.tensor([[row[f"x{i}"] for i in range(4)] for row in table], dtype=torch.float32)
    with torch.no_grad():
        outputs = network(x)
    names = ["ant", "bee", "cow"] if words else [0, 1, 2]
    kinds = [i for i, row in enumerate(table) if row["kind"] is not None]
    sizes = [i for i, row in enumerate(table) if row["size"] is not None]
    label = torch.tensor([names.index(table[i]["kind"]) for i in kinds])
    value = torch.tensor([[table[i]["size"]] for i in sizes])
    function = torch.nn.functional
    kind, size = outputs["kind"][kinds], outputs["size"][sizes]
    loss = function.cross_entropy(kind, label, label_smoothing=0.1)
    loss = loss + 0.5 * function.smooth_l1_loss(size, value)
    return {
        "loss": float(loss),
        "kind_accuracy": float((kind.argmax(1) == label).float().mean()),
        "size_mae": float((size - value).abs().mean()),
    }


def test_a_part_without_a_label_of_a_task_has_no_loss_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.csv", rows(False))
    (tmp_path / "net.yaml").write_text(SPEC.replace("FLOAT", "mse_loss"))
    assert main(["train", "net.yaml", "--run", "run"]) == 0
    write(tmp_path / "few.csv", [row | {"kind": None} for row in rows(False)])
    capsys.readouterr()
    assert main(["evaluate", "run", "--data", "few.csv", "--format", "json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["kind_accuracy"] is None
    assert metrics["loss"] > 0


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_run_says_how_many_labels_are_missing_in_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    table = [row | {"day": day} for day, row in enumerate(rows(False))]
    if suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(table), tmp_path / "rows.parquet")
    else:
        write(tmp_path / "rows.csv", table)
    text = SPEC.replace("FLOAT", "mse_loss").replace("rows.csv", f"rows{suffix}")
    # Divided in time: rows 0 to 47 are trained on, and so on.
    text = text.replace("test: 0.2, seed: 1}", "test: 0.2, time: day}")
    (tmp_path / "net.yaml").write_text(text)
    assert main(["train", "net.yaml", "--run", "run"]) == 0
    bounds = {"train": (0, 48), "validation": (48, 64), "test": (64, 80)}
    expected = {
        target: {
            part: {
                "missing": sum(row[column] is None for row in table[start:stop]),
                "of": stop - start,
            }
            for part, (start, stop) in bounds.items()
        }
        for target, column in (("kind_label", "kind"), ("size_value", "size"))
    }
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["missing"] == expected
    said = capsys.readouterr().err
    for name, training, validation, test in (("kind_label", 16, 6, 5), ("size_value", 12, 4, 4)):
        assert (
            f"labels of `{name}` that are missing and left out: {training} of 48 in the training "
            f"part, {validation} of 16 in the validation part, {test} of 16 in the test part\n"
        ) in said


def test_a_run_says_nothing_of_labels_that_are_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path / "rows.csv",
        [row | {"kind": i % 3, "size": 0.5} for i, row in enumerate(rows(False))],
    )
    (tmp_path / "net.yaml").write_text(SPEC.replace("FLOAT", "mse_loss"))
    assert main(["train", "net.yaml", "--run", "run"]) == 0
    missing = json.loads((tmp_path / "run" / "summary.json").read_text())["missing"]
    assert [part["missing"] for parts in missing.values() for part in parts.values()] == [0] * 6
    assert "are missing" not in capsys.readouterr().err
