"""Lints that need numbers of the data, which `dlc check --profile` takes from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checking import check_yaml, compiled

from dlc.compiler import data_findings, read_profile
from dlc.compiler.cli.main import main
from dlc.compiler.data_lints import data_lints
from dlc.compiler.diagnostics.model import Diagnostic

SPEC = """\
dlc: 1
name: Prices
inputs:
  x: float[N, 2]
layers:
  - linear: 8
  - relu
  - linear: {out_features: 1}
    output: y
targets:
  price: float[N, 1]
data:
  source: rows.csv
  columns: {x: [a, b], price: price}
loss: mse_loss(y, price)
optimizer: {adamw: {lr: 1e-3}}
train:
  epochs: 3
"""
CLASSES = (
    SPEC.replace("linear: {out_features: 1}", "linear: 2")
    .replace("price: float[N, 1]", "kind: int[N]")
    .replace("price: price", "kind: kind")
    .replace("mse_loss(y, price)", "cross_entropy(y, kind)")
)


def column(name: str, of: str, mean: float, std: float, **more: Any) -> dict[str, Any]:
    role = "input" if of == "x" else "target"
    spread = {"mean": mean, "std": std, "low": mean - 3 * std, "high": mean + 3 * std}
    return {"column": name, "of": of, "role": role, "kind": "number", **spread, **more}


def profile(**change: Any) -> dict[str, Any]:
    """One that nothing is wrong with."""
    return {
        "format": 1,
        "parts": {"train": 800, "validation": 100, "test": 100},
        "columns": [
            column("a", "x", 0.0, 1.0),
            column("b", "x", 0.5, 2.0),
            column("price", "price", 0.0, 1.0),
        ],
        "classes": {},
        **change,
    }


def found(spec: str, given: dict[str, Any]) -> dict[str, Diagnostic]:
    diagnostics = data_findings(compiled(check_yaml(spec)), read_profile(given))
    return {d.code.number: d for d in diagnostics}


def test_there_is_nothing_to_say_of_data_without_fault() -> None:
    assert found(SPEC, profile()) == {}
    assert found(CLASSES, profile(classes={"kind": {"yes": 500, "no": 500}})) == {}


def test_an_input_that_spans_widely_as_it_is() -> None:
    wide = profile(columns=[column("a", "x", 1000.0, 200.0), column("b", "x", 900.0, 300.0)])
    finding = found(SPEC, wide)["W0213"]
    assert finding.primary is not None
    assert finding.primary.span.text == "x"
    scaled = SPEC + "preprocess:\n  x: standardize\n"
    assert found(scaled, wide) == {}


def test_inputs_on_unlike_scales() -> None:
    unlike = profile(columns=[column("a", "x", 0.0, 1.0), column("b", "x", 0.0, 5000.0)])
    assert "W0210" in found(SPEC, unlike)
    assert "W0210" not in found(SPEC + "preprocess:\n  x: standardize\n", unlike)


def test_a_target_far_from_zero_of_an_output_at_zero() -> None:
    far = profile(columns=[column("price", "price", 200_000.0, 5_000.0)])
    assert "200,000" in found(SPEC, far)["W0212"].message
    started = SPEC.replace("out_features: 1}", "out_features: 1, bias_init: target_mean}")
    assert "W0212" not in found(started, far)


def test_classes_of_very_different_sizes() -> None:
    skewed = profile(classes={"kind": {"rare": 40, "usual": 960}})
    finding = found(CLASSES, skewed)["W0208"]
    assert finding.message == "class `usual` of `kind` is 24 times as frequent as `rare`"
    weighted = CLASSES.replace("cross_entropy(y, kind)", "cross_entropy(y, kind, weight=balanced)")
    assert found(weighted, skewed) == {}


def test_far_more_parameters_than_samples() -> None:
    few = profile(parts={"train": 20, "validation": 2, "test": 0})
    large = SPEC.replace("linear: 8", "linear: 1000").replace("adamw: {lr: 1e-3}", "sgd: {lr: 0.1}")
    assert "20 samples" in found(large, few)["W0214"].message
    assert "W0214" not in found(large.replace("lr: 0.1", "lr: 0.1, weight_decay: 1e-2"), few)


def test_a_comment_allows_a_finding_of_data_too() -> None:
    far = profile(columns=[column("price", "price", 200_000.0, 5_000.0)])
    allowed = SPEC.replace(
        "  columns: {x", "  # dlc: allow[distant-target]: it is centered elsewhere\n  columns: {x"
    )
    assert found(allowed, far) == {}


def test_a_profile_of_other_data_says_nothing_of_this_spec() -> None:
    other = profile(
        columns=[column("a", "z", 1e6, 1.0), column("q", "w", 1e6, 1.0)],
        classes={"sort": {"p": 1, "q": 900}},
    )
    other["columns"][0]["role"] = "input"
    assert {d for d in found(SPEC, other) if d != "W0208"} == set()


def test_lints_are_in_the_order_of_their_codes() -> None:
    numbers = [lint.CODE.number for lint in data_lints()]
    assert numbers == sorted(numbers) == ["W0208", "W0210", "W0212", "W0213", "W0214"]


def test_check_takes_a_profile_and_the_levels_of_lints_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC)
    far = profile(columns=[column("price", "price", 200_000.0, 5_000.0)])
    Path("profile.json").write_text(json.dumps(far))
    assert main(["check", "net.yaml"]) == 0
    assert "W0212" not in capsys.readouterr().out
    assert main(["check", "net.yaml", "--profile", "profile.json"]) == 0
    assert "W0212" in capsys.readouterr().out
    words = ["check", "net.yaml", "--profile", "profile.json"]
    assert main([*words, "--deny", "distant-target"]) == 1
    assert main([*words, "--deny", "warnings", "--allow", "distant-target"]) == 0
    Path("profile.json").write_text("{}")
    assert main(words) == 65
    assert "E0803" in capsys.readouterr().err
    assert main(["check", "net.yaml", "--profile", "nothing.json"]) == 2
