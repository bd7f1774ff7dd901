"""The doctor passes sound networks, and names the check that finds each of two dozen bugs."""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch
from checking import check_yaml, compiled

from dlc.compiler import Compilation
from dlc.compiler.cli.main import main
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.insight.doctor import checks, examine
from dlc.runtime.insight.doctor.base import Patient, Verdict
from dlc.runtime.loading import load_module

_REST = """targets: {label: "int[N]"}
loss: cross_entropy(logits, label)
optimizer: adam(lr=1e-3)
"""
SPECS = {
    "dense": """dlc: 1
name: Dense
inputs: {x: "float[N, 12]"}
layers:
  - linear: 16
  - tanh
  - dropout: 0.3
  - residual: [{linear: 16}, tanh]
  - linear: 12
  - layer_norm
  - tanh
  - linear: 5
    output: logits
""",
    "images": """dlc: 1
name: Images
inputs: {x: "float[N, 3, 12, 12]"}
layers:
  - conv2d: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}
  - batch_norm2d
  - relu
  - max_pool2d: 2
  - conv2d: {out_channels: 8, kernel_size: 3}
  - relu
  - flatten
  - linear: 4
    output: logits
""",
    "sequence": """dlc: 1
name: Sequence
inputs: {tokens: "int[N, T]", mask: "bool[N, T]"}
layers:
  - from: tokens
    embedding: [20, 16]
  - multihead_attention: {num_heads: 2, key_padding_mask: mask}
  - masked_mean: {padding_mask: mask}
  - linear: 4
    output: logits
""",
    "recurrent": """dlc: 1
name: Recurrent
inputs: {x: "float[N, 6, 5]"}
layers:
  - lstm: {hidden_size: 8, return_sequences: false}
  - linear: 6
  - softmax
  - linear: 4
    output: logits
""",
    "places": """dlc: 1
name: Places
inputs: {x: "float[N, 6, 5]"}
layers:
  - linear: 7
  - leaky_relu
  - softmax
  - flatten
  - linear: 4
    output: logits
""",
}
_SPEC = "against the spec"
#: Network, what of the module is replaced by what, and the check that must fail.
BUGS: dict[str, tuple[str, str, str, str]] = {
    "transposed weight": (
        "dense",
        "self.linear_3 = nn.Linear(16, 12)",
        "self.linear_3 = nn.Linear(12, 16)",
        _SPEC,
    ),
    "missing activation": (
        "dense",
        "        x = torch.tanh(x)\n        x = self.dropout(x)",
        "        x = self.dropout(x)",
        _SPEC,
    ),
    "another activation": (
        "dense",
        "x = torch.tanh(x)\n        x = self.dropout",
        "x = torch.sigmoid(x)\n        x = self.dropout",
        _SPEC,
    ),
    "dropout at use": ("dense", "x = self.dropout(x)", "x = F.dropout(x, 0.3, True)", "same twice"),
    "dropout not inverted": ("dense", "nn.Dropout(0.3)", "NotInverted(0.3)", "dropout"),
    "residual not added": ("dense", "x = x + shortcut", "x = x", _SPEC),
    "branch without a gradient": (
        "dense",
        "x = x + shortcut",
        "x = x.detach() + shortcut",
        "gradients",
    ),
    "no gradient at all": (
        "dense",
        "x = x + shortcut",
        "x = x.detach() + shortcut",
        "every gradient",
    ),
    "bias left out": (
        "dense",
        "self.linear_2 = nn.Linear(16, 16)",
        "self.linear_2 = nn.Linear(16, 16, bias=False)",
        _SPEC,
    ),
    "norm over the batch": (
        "dense",
        "x = self.layer_norm(x)",
        "x = (x - x.mean(0)) / (x.std(0) + 1e-5)",
        "samples apart",
    ),
    "samples mixed": (
        "dense",
        "x = self.linear_3(x)",
        "x = self.linear_3(x.t().reshape(x.shape))",
        "samples apart",
    ),
    "zeros": (
        "dense",
        "self.logits = nn.Linear(12, 5)\n",
        "self.logits = nn.Linear(12, 5)\n        nn.init.zeros_(self.linear.weight)\n",
        _SPEC,
    ),
    "logarithm of a negative": (
        "dense",
        "logits = self.logits(x)",
        "logits = self.logits(torch.log(x))",
        "answers differ",
    ),
    "constant answer": (
        "dense",
        "logits = self.logits(x)",
        "logits = self.logits(x * 0.0)",
        "answers differ",
    ),
    "label shifted": ("dense", 'targets["label"])', '(targets["label"] + 1) % 5)', _SPEC),
    "sum for a mean": (
        "dense",
        'targets["label"])',
        'targets["label"], reduction="sum")',
        "loss at start",
    ),
    "chance without a seed": (
        "dense",
        "x = self.layer_norm(x)",
        "x = self.layer_norm(x + torch.rand(1, generator=_FREE))",
        "same twice",
    ),
    "batch norm in training": (
        "images",
        "x = self.batch_norm2d(x)",
        "x = self.batch_norm2d.train()(x)",
        "samples apart",
    ),
    "batch norm at use": (
        "images",
        "x = self.batch_norm2d(x)",
        "x = self.batch_norm2d.eval()(x)",
        "running statistics",
    ),
    "wrong padding": (
        "images",
        "self.conv2d_2 = nn.Conv2d(8, 8, 3)",
        "self.conv2d_2 = nn.Conv2d(8, 8, 3, padding=1)",
        _SPEC,
    ),
    "wrong pool": ("images", "F.max_pool2d(x, 2)", "F.avg_pool2d(x, 2)", _SPEC),
    "huge start": (
        "images",
        "self.logits = nn.Linear(128, 4)\n",
        "self.logits = nn.Linear(128, 4)\n        nn.init.normal_(self.logits.weight, std=5.0)\n",
        "loss at start",
    ),
    "mask ignored": ("sequence", "x, key_padding_mask=mask)", "x)", "padding"),
    "mask turned round": ("sequence", "mask = ~key_padding_mask", "mask = key_padding_mask", _SPEC),
    "attention not scaled": ("sequence", "attn_mask=mask,", "attn_mask=mask, scale=1.0,", _SPEC),
    "states swapped": ("recurrent", "y = h[-directions:]", "y = c[-directions:]", _SPEC),
    "softmax over the batch": ("recurrent", "dim=-1", "dim=0", "softmax axis"),
    "softmax over places": ("places", "dim=-1", "dim=1", "softmax axis"),
    "softmax left out": ("places", "x = F.softmax(x, dim=-1)", "x = x", "softmax axis"),
    "epsilon left out": (
        "images",
        "nn.BatchNorm2d(8)",
        "nn.BatchNorm2d(8, eps=0.1)",
        "onnx parity",
    ),
    "relu for a leaky relu": (
        "places",
        "F.leaky_relu(x)",
        "F.relu(x)",
        "onnx parity",
    ),
}
_HELPERS = """

class NotInverted(nn.Dropout):
    def forward(self, x):
        return x * (torch.rand_like(x) > self.p) if self.training else x


_FREE = torch.Generator()
_FREE.seed()
"""


@cache
def _compiled(name: str) -> Compilation:
    return compiled(check_yaml(SPECS[name] + _REST))


def _module(folder: Path, text: str, name: str) -> ModuleType:
    path = folder / f"{name.replace(' ', '_')}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", SPECS)
def test_a_sound_network_passes(name: str) -> None:
    found = list(examine(Patient(_compiled(name), load_module(generate(_compiled(name))))))
    assert [verdict.name for verdict in found if verdict.state == "fail"] == []
    assert sum(verdict.state == "pass" for verdict in found) >= 8
    assert len(found) == len(checks())


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_found_by_the_check_that_is_for_it(bug: str, tmp_path: Path) -> None:
    name, old, new, check = BUGS[bug]
    source = generate(_compiled(name))
    assert old in source, "the bug must get in"
    broken = source.replace(old, new, 1)
    head, _, body = broken.partition("\n\nclass ")
    given = _module(tmp_path, f"{head}{_HELPERS}\n\nclass {body}", bug)
    patient = Patient(_compiled(name), given, reference=load_module(source))
    found: list[Verdict] = list(examine(patient, only=[check]))
    assert [(verdict.name, verdict.state) for verdict in found] == [(check, "fail")], found
    assert found[0].remedy


def test_the_first_layer_that_differs_is_named(tmp_path: Path) -> None:
    source = generate(_compiled("images"))
    broken = source.replace("F.max_pool2d(x, 2)", "F.avg_pool2d(x, 2)")
    patient = Patient(
        _compiled("images"), _module(tmp_path, broken, "pool"), reference=load_module(source)
    )
    (found,) = examine(patient, only=[_SPEC])
    # The pool is a function: the layer behind it is the first that shows it.
    assert found.layer == "conv2d_2"


def test_what_cannot_be_exported_is_said_and_is_no_failure() -> None:
    text = """dlc: 1
name: Free
inputs: {x: "float[N, 3, H, W]"}
layers:
  - adaptive_avg_pool2d: {output_size: [2, 2]}
  - flatten
  - linear: 4
    output: logits
"""
    compilation = compiled(check_yaml(text + _REST))
    patient = Patient(compilation, load_module(generate(compilation)))
    (found,) = examine(patient, only=["onnx parity"])
    assert found.state == "skip"
    assert "E0614" in found.figure


def test_a_softmax_over_the_batch_is_named_with_the_layer_before_it(tmp_path: Path) -> None:
    source = generate(_compiled("places"))
    given = _module(tmp_path, source.replace("dim=-1", "dim=0"), "batch")
    for reference in (None, load_module(source)):
        patient = Patient(_compiled("places"), given, reference=reference)
        (found,) = examine(patient, only=["softmax axis"])
        assert "over dim 0 of [8, 6, 7] runs over the batch" in found.figure
        assert found.layer == "linear"


_REBUILT = """dlc: 1
name: Rebuilt
inputs: {x: "float[N, 12]"}
layers:
  - linear: 64
  - relu
  - linear: 12
  - LAST:
    output: rebuilt
targets: {original: "float[N, 12]"}
loss: mse_loss(rebuilt, original)
optimizer: adam(lr=1e-3)
"""


@pytest.mark.parametrize("last", ["sigmoid", "tanh", "relu", "softmax"])
def test_a_batch_to_be_learned_is_one_that_the_output_can_give(last: str) -> None:
    compilation = compiled(check_yaml(_REBUILT.replace("LAST", last)))
    patient = Patient(compilation, load_module(generate(compilation)))
    (found,) = examine(patient, only=["learns a batch"])
    assert found.state == "pass", found.figure


def test_the_loss_at_start_is_that_of_the_classes_of_pixels() -> None:
    text = """dlc: 1
name: Pixels
inputs: {x: "float[N, 3, 8, 8]"}
layers:
  - conv2d: {out_channels: 2, kernel_size: 1}
    output: logits
targets: {label: "int[N, 8, 8]"}
loss: cross_entropy(logits, label)
optimizer: adam(lr=1e-3)
"""
    compilation = compiled(check_yaml(text))
    patient = Patient(compilation, load_module(generate(compilation)))
    (found,) = examine(patient, only=["loss at start"])
    assert found.line == "about 0.693"
    assert found.state == "pass"


class TestCommand:
    def _spec(self, folder: Path) -> Path:
        path = folder / "dense.yaml"
        path.write_text(SPECS["dense"] + _REST)
        return path

    def test_it_passes_and_says_so(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", str(self._spec(tmp_path)), "--skip", "learns a batch"]) == 0
        printed = capsys.readouterr().out
        assert "✓ gradients" in printed
        assert "0 failed" in printed

    def test_a_module_of_its_own(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        broken = generate(_compiled("dense")).replace("x = x + shortcut", "x = x")
        (tmp_path / "model.py").write_text(broken)
        words = ["doctor", str(self._spec(tmp_path)), "--module", str(tmp_path / "model.py")]
        assert main([*words, "--only", _SPEC, "--format", "json"]) == 1
        (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
        assert found["code"] == "E0802"
        assert "linear_3" in found["message"]

    def test_a_check_that_fails_has_a_code_and_a_remedy(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        spec = self._spec(tmp_path)
        spec.write_text(spec.read_text() + "init: {linear: normal(std=5)}\n")
        assert main(["doctor", str(spec), "--only", "loss at start", "--format", "json"]) == 1
        (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
        assert found["code"] == "E0801"
        assert "smaller weights" in found["help"]

    def test_a_check_that_is_not_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", str(self._spec(tmp_path)), "--only", "gradient"]) == 2
        assert "`gradients` is one" in capsys.readouterr().err
