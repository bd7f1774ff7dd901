"""What `make demo` shows, held: LeNet-5 on digits that it never saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlc.compiler.cli.main import main

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_lenet5_answers_held_out_digits_alike_from_the_run_and_from_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = str(tmp_path / "run"), str(tmp_path / "model.onnx")
    data = str(SPECS / "data" / "mnist10k.parquet")
    assert main(["train", str(SPECS / "lenet5.yaml"), "--run", run, "--format", "json"]) == 0
    assert main(["export", run, "-o", file, "--format", "json"]) == 0
    capsys.readouterr()
    found: list[dict[str, Any]] = []
    for words in ([run], [file, "--data", data]):
        assert main(["evaluate", *words, "--split", "test", "--format", "json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["metrics"])
    assert found[0]["accuracy"] >= 0.975
    assert found[0]["accuracy"] == found[1]["accuracy"]
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], abs=1e-5)
