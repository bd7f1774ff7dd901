"""What frozen layers give is computed once, and a run ends as it would without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler import Source, check
from dlc.compiler.analysis.frozen_features import frozen_features
from dlc.compiler.cli.main import main
from dlc.runtime.training.checkpoint import CheckpointStore, load_weights

# Nothing has a bias before a batch norm: its gradient is rounding, which Adam makes steps of.
# Blocks with a repeat, a second branch that is trained, batch norms on both sides of the cut.
SPEC = """\
dlc: 1
name: Net
blocks:
  Layer:
    inputs:
      x: float[N, 6]
    layers:
      - linear: {out_features: 6, bias: false}
      - batch_norm1d
      - dropout: 0.3
      - relu:
        name: r
      - from: [r, x]
        add:
inputs:
  x: float[N, 4]
  z: float[N, 2]
layers:
  - from: x
    linear: 6
    name: stem
  - repeat: 3
    as: i
    layers:
      - Layer:
  - relu:
    name: deep
  - from: z
    linear: 3
    name: side
  - from: [deep, side]
    concat: {dim: 1}
  - dropout: 0.2
  - linear: {out_features: 5, bias: false}
    name: middle
  - batch_norm1d:
    name: norm
  - relu
  - linear: 2
    output: logits
targets:
  label: int[N]
data:
  source: rows.csv
  columns: {x: "x*", z: "z*", label: label}
  split: {train: 0.7, validation: 0.15, test: 0.15}
  batch_size: 16
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: sgd(lr=0.05, momentum=0.9)
regularization: {orthogonal: 0.01}
train: {epochs: 4, checkpoint: {every: epochs(1), keep: 9}}
transfer: {freeze: FREEZE, cache: CACHE}
"""
TRUNK = "[stem, layer]"


def spec(freeze: str, cache: str = "auto") -> str:
    return SPEC.replace("FREEZE", freeze).replace("CACHE", cache)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 6))
    text = "x0,x1,x2,x3,z0,z1,label\n" + "".join(
        ",".join(f"{v:.4f}" for v in row) + f",{int(row[0] * row[1] + row[4] > 0)}\n"
        for row in rows
    )
    (tmp_path / "rows.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(text: str, run: str, *words: str) -> int:
    Path("net.yaml").write_text(text)
    return main(["train", "net.yaml", "--run", run, *words])


def cut(text: str) -> tuple[list[str], list[str]] | None:
    """The layers of trunk and head."""
    result = check(Source("net.yaml", text))
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    program, transfer = result.compilation.program, result.compilation.settings.transfer
    found = frozen_features(program, transfer)
    if found is None:
        return None
    trunk, head = ([n.name for n in part.graph.nodes] for part in (found.trunk, found.head))
    # Layers keep their names, and each parameter is in one part.
    parameters = [path for part in (found.trunk, found.head) for path, _ in part.parameters()]
    assert sorted(parameters) == sorted(path for path, _ in program.parameters())
    return trunk, head


def assert_same(one: str, other: str, atol: float = 1e-6) -> None:
    first, second = (dict(load_weights(Path(run))) for run in (one, other))
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], rtol=0, atol=atol, err_msg=name)


HEAD = ["side", "concat", "dropout", "middle", "norm", "relu", "logits"]


def test_a_network_is_cut_behind_what_is_frozen_for_good() -> None:
    layers = [f"layer.{i}" for i in range(3)]
    assert cut(spec(TRUNK)) == (["stem", *layers, "deep"], HEAD)
    assert cut(spec("[stem, 'layer.0']")) == (["stem", "layer.0"], [*layers[1:], "deep", *HEAD])
    # A second branch may be frozen, or stay.
    assert cut(spec("[stem, layer, side]")) == (
        ["stem", *layers, "deep", "side", "concat"],
        HEAD[2:],
    )


def test_what_is_thawed_or_behind_what_is_trained_is_not_cut_off() -> None:
    assert cut(spec("[middle]")) is None
    assert cut(spec("[layer]")) is None
    assert cut(spec("[stem], unfreeze_at: 2")) is None
    # In a block that is frozen in part, dropout draws.
    part = "[stem, 'layer.0.linear', 'layer.0.batch_norm1d']"
    found = cut(spec("[stem, 'layer.0']"))
    assert found is not None
    assert found[0] == ["stem", "layer.0"]
    assert cut(spec(part)) == found  # all layers of it that have parameters: the whole block
    partly = cut(spec("[stem, 'layer.0.linear']"))
    assert partly is not None
    assert partly[0] == ["stem"]


def test_a_run_ends_as_without_the_cache(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(spec(TRUNK, "true"), "kept") == 0
    told = capsys.readouterr().err
    assert "5 frozen layers computed once, up to `deep`" in told
    assert train(spec(TRUNK, "false"), "plain") == 0
    assert "computed once" not in capsys.readouterr().err
    assert_same("kept", "plain")
    kept, plain = (records(run) for run in ("kept", "plain"))
    for one, other in zip(kept, plain, strict=True):
        assert one.keys() == other.keys()
        for name in ("loss", "val_loss", "val_accuracy"):
            assert one[name] == pytest.approx(other[name], abs=1e-5)
    assert [choices(run) for run in ("kept", "plain")] == [True, False]


def test_a_run_that_is_resumed_is_the_run_that_never_stopped(folder: Path) -> None:
    text = spec(TRUNK, "true")
    assert train(text, "whole") == 0
    assert train(text, "parts") == 0
    store = CheckpointStore(Path("parts") / "checkpoints")
    for step in store.steps()[2:]:
        (store.path(step) / "manifest.json").unlink()
    (Path("parts") / "summary.json").unlink()
    assert main(["train", "--resume", "parts"]) == 0
    assert_same("whole", "parts", atol=0.0)


@pytest.mark.parametrize("optimizer", ["adamw(lr=0.01)", "lbfgs(lr=0.3, max_iter=4)"])
@pytest.mark.parametrize("average", ["", "train.average=ema(decay=0.9)"])
def test_other_optimizers_and_averages_end_alike(
    folder: Path, optimizer: str, average: str
) -> None:
    words = ["--set", average] if average else []
    for cache in ("true", "false"):
        text = spec(TRUNK, cache).replace("sgd(lr=0.05, momentum=0.9)", optimizer)
        if optimizer.startswith("lbfgs"):
            # A few short steps: more of them make a last digit of the features a first one.
            text = text.replace("batch_size: 16", "batch_size: all").replace("0.2\n", "0.0\n")
        assert train(text, cache, *words) == 0
    assert_same("true", "false", atol=1e-4)


def test_what_changes_the_inputs_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noisy = (
        spec(TRUNK)
        .replace("x: float[N, 4]", "x: float[N, 1, 2, 2]")
        .replace("  - from: x\n", "  - from: x\n    flatten:\n  -", 1)
        .replace("  -    linear: 6", "  - linear: 6")
        .replace("batch_size: 16", "batch_size: 16\n  augment: gaussian_noise(0.1)")
    )
    assert train(noisy, "noisy") == 0
    assert "computed in every epoch: `data.augment` changes" in capsys.readouterr().err
    assert train(noisy.replace("cache: auto", "cache: true"), "refused") == 1
    assert "error[E0709]" in capsys.readouterr().err


def test_features_that_depend_on_their_batch_are_not_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixing = spec(TRUNK).replace(
        "  - relu:\n    name: deep", "  - softmax: {dim: 0}\n    name: deep"
    )
    assert train(mixing, "mixing") == 0
    assert "depends on the others of its batch" in capsys.readouterr().err


def test_nothing_to_keep_is_an_error_where_the_spec_insists(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(spec("[middle]", "true"), "run") == 1
    assert "error[E0709]" in capsys.readouterr().err
    assert not Path("run").exists()


def records(run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]


def choices(run: str) -> Any:
    return json.loads((Path(run) / "run.json").read_text())["choices"]["cached_features"]
