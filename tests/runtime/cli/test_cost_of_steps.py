"""`dlc cost`: what it predicts beside what PyTorch takes, and what fits a device."""

from __future__ import annotations

import json
from typing import Any

import pytest
from checking import SPECS

from dlc.compiler.cli.main import main

LENET = str(SPECS / "lenet5.yaml")


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["cost", *words, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_is_predicted_stands_beside_what_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("torch")
    rows = answer(capsys, LENET, "--batch", "8", "--measure")["memory"]
    assert [row["precision"] for row in rows] == ["float32", "bf16"]
    for row in rows:
        for name in ("training", "inference", "activations"):
            assert row[name] == pytest.approx(row["measured"][name], rel=0.02)
    assert main(["cost", LENET, "--batch", "8", "--measure"]) == 0
    assert "(+0.0%)" in capsys.readouterr().out


def test_what_asks_for_numbers_is_told_and_not_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("torch")
    spec = str(SPECS / "bilstm.yaml")
    rows = answer(capsys, spec, "--dim", "T=8", "--batch", "2", "--measure")["memory"]
    assert all("measured" not in row for row in rows)
    assert main(["cost", spec, "--dim", "T=8", "--batch", "2", "--measure"]) == 0
    assert "not measured" in capsys.readouterr().out


def test_the_batch_that_fits_is_the_greatest(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, LENET, "--memory", "20MB", "--precision", "float32")
    [fit] = found["fits"]["batches"]
    for use in ("training", "inference"):
        below, above = (
            answer(capsys, LENET, "--precision", "float32", "--batch", str(fit[use] + more))
            for more in (0, 1)
        )
        assert below["memory"][0][use] <= 20e6 < above["memory"][0][use]


def test_layers_are_held_against_the_balance_of_a_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = (LENET, "--batch", "64", "--balance", "100G/10G")
    found = answer(capsys, *words)
    assert found["balance"]["point"] == 10
    bounds = {layer["name"]: layer["bound"] for layer in found["layers"]}
    assert bounds["conv2d"] == "compute"
    assert bounds["tanh"] == "memory"
    assert bounds["flatten"] is None
    slower = answer(capsys, LENET, "--batch", "64", "--balance", "50G/5G")
    assert slower["balance"]["step_seconds"] == pytest.approx(2 * found["balance"]["step_seconds"])
    assert sum(layer["flops"] for layer in found["layers"]) == found["whole"]["flops"]


def test_batches_are_the_spec_s_unless_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert {row["batch"] for row in answer(capsys, LENET)["memory"]} == {1, 64}
    assert {row["batch"] for row in answer(capsys, LENET, "--dim", "N=3")["memory"]} == {3}
    chosen = answer(capsys, LENET, "--set", "train.precision=bf16")["memory"]
    assert {row["precision"] for row in chosen} == {"bf16"}
