"""Loading generated source, and comparing it with its program."""

from __future__ import annotations

import inspect
import pickle
import sys
from pathlib import Path

import pytest
import torch

from dlc.compiler import Program, Source, check
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.proof import disagreements

SPEC = """dlc: 1
name: Tiny
inputs:
  x: float[N, 4]
layers:
  - linear: 3
  - batch_norm1d
  - linear: 2
    output: logits
"""


def tiny() -> Program:
    found = check(Source("tiny.yaml", SPEC))
    assert found.compilation is not None
    return found.compilation.program


def test_the_last_class_is_the_network_and_equal_texts_are_one_module() -> None:
    source = generate_network(tiny())
    module = load_module(source)
    assert load_module(source) is module
    assert model_class(module).__name__ == "Tiny"
    assert model_class(module)()(torch.zeros(2, 4))["logits"].shape == (2, 2)


def test_tools_can_find_the_source_and_the_module() -> None:
    source = generate_network(tiny())
    network = model_class(load_module(source))
    assert inspect.getsource(network) in source
    assert sys.modules[network.__module__].__dict__["Tiny"] is network
    assert pickle.loads(pickle.dumps(network)) is network


def test_what_is_no_generated_module_is_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(DiagnosticError) as caught:
        load_module(f"open({str(canary)!r}, 'w')\n")
    assert caught.value.diagnostics[0].code.number == "E0901"
    assert not canary.exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nn.Linear(4, 3)", "nn.Linear(5, 3)", "`linear.weight` is float32[3, 5], not"),
        ("nn.Linear(4, 3)", "nn.Linear(4, 3, bias=False)", "no parameter `linear.bias`"),
        ("nn.BatchNorm1d(3)", "nn.Identity()", "no buffer `batch_norm1d.running_mean`"),
        ("self.linear = ", "self.other = ", "no layer `linear`"),
        ("self.linear = ", "self.extra = nn.PReLU()\n        self.linear = ", "`extra.weight`"),
    ],
)
def test_a_module_that_differs_from_its_program_is_found_out(
    old: str, new: str, words: str
) -> None:
    source = generate_network(tiny())
    assert disagreements(source, tiny()) == ()
    assert old in source
    found = disagreements(source.replace(old, new), tiny())
    assert any(words in line for line in found), found
