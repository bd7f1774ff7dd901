"""The modules of the six specs: both surfaces, the parameters, a forward pass, the form."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import torch

from dlc.compiler import Compilation, Source, check
from dlc.compiler.analysis.shapes import with_input_types
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.ir.dims import substitute
from dlc.compiler.ir.types import BOOL, FLOAT
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.proof import disagreements

SPECS = Path(__file__).resolve().parents[3] / "specs"
TOTALS = {
    "lenet5": 61_718,
    "resnet18": 11_689_512,
    "bilstm": 2_631_498,
    "bert_base": 109_514_298,
    "multitask": 429_064,
    "skipgram": 20_000_000,
}
SMALLER = {
    "bert_base": ("vocab=100", "dim=24", "heads=2", "depth=2"),
    "bilstm": ("vocab=100", "hidden=8"),
    "skipgram": ("vocab=100", "dim=8"),
}


def compiled(name: str, suffix: str = "yaml", sets: tuple[str, ...] = ()) -> Compilation:
    path = SPECS / f"{name}.{suffix}"
    found = check(Source(path.name, path.read_text(encoding="utf-8"), suffix), path=path, sets=sets)
    assert found.compilation is not None, found.diagnostics
    return found.compilation


@pytest.mark.parametrize("name", TOTALS)
def test_both_surfaces_give_one_module(name: str) -> None:
    assert generate(compiled(name, "yaml")) == generate(compiled(name, "dlc"))


@pytest.mark.parametrize("name", TOTALS)
def test_the_module_at_full_size_is_the_graph(name: str) -> None:
    compilation = compiled(name)
    source = generate(compilation)
    assert disagreements(source, compilation.program) == ()
    with torch.device("meta"):
        model = model_class(load_module(source))()
    assert sum(p.numel() for p in model.parameters()) == TOTALS[name]


@pytest.mark.parametrize("name", TOTALS)
def test_a_training_step_gives_every_parameter_a_gradient(name: str) -> None:
    compilation = compiled(name, sets=SMALLER.get(name, ()))
    sizes = {"N": 3, "T": 7}
    program = with_input_types(compilation.program, sizes)
    module = load_module(generate(compilation))
    model = model_class(module)()

    def draw(name: str, shape: tuple[int, ...], dtype: object) -> torch.Tensor:
        if name == "lengths":
            return torch.tensor([7, 2, 5])
        if dtype is FLOAT:
            return torch.rand(shape)
        if dtype is BOOL:
            return torch.zeros(shape, dtype=torch.bool)
        return torch.randint(0, 2, shape)

    values = program.graph.values
    inputs = {
        n: draw(n, cast("tuple[int, ...]", values[n].shape), values[n].dtype)
        for n in program.graph.inputs
    }
    outputs = model(**inputs)
    for output, value in program.graph.outputs:
        assert outputs[output].shape == values[value].shape
    targets = {
        n: draw(n, tuple(cast(int, substitute(d, sizes)) for d in t.shape), t.dtype)
        for n, t in program.targets
    }
    module.loss(outputs, targets).backward()
    assert all(p.grad is not None for p in model.parameters())
    module.optimizer(model).step()


RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent))


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_the_modules_are_formatted_and_lint_free(tmp_path: Path) -> None:
    assert RUFF is not None
    for name in TOTALS:
        (tmp_path / f"{name}.py").write_text(generate(compiled(name)), encoding="utf-8")
    rules = ["--isolated", "--line-length", "100"]
    for command in (["format", "--diff"], ["check", "--select", "E,F,I,W,UP,PIE,SIM"]):
        done = subprocess.run(
            [RUFF, *command, *rules, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


_PRINT = """
import sys
from pathlib import Path
from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
path = Path(sys.argv[1])
sys.stdout.write(generate(check(Source(path.name, path.read_text()), path=path).compilation))
assert "torch" not in sys.modules
"""


def test_the_text_is_equal_from_one_run_to_the_next_and_needs_no_torch() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", _PRINT, str(SPECS / "resnet18.yaml")],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
