"""`dlc build` writes nothing where the module does not agree with the graph."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from dlc.compiler.cli.main import main

SPEC = """\
dlc: 1
inputs:
  x: float[N, 8]
layers:
  - linear: 4
    output: y
"""


def test_a_module_that_disagrees_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = ModuleType("dlc.runtime.proof")
    vars(proof)["disagreements"] = lambda source, program: ("`y.weight` is [4, 9], not [4, 8]",)
    monkeypatch.setitem(sys.modules, "dlc.runtime.proof", proof)
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC)
    assert main(["build", "net.yaml"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error[E0504]: `y.weight` is [4, 9], not [4, 8]\n")
    assert not Path("build").exists()
