"""The six networks of `specs/`: built, trained a step, exported, on a fake GPU.

Full sizes are built on the meta device, where they cost nothing; what computes is
reduced by `--set`, the same for both surfaces.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from dlc.compiler import Compilation, Source, check
from dlc.compiler.cli.main import main
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.ir.dims import Dim, substitute
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.loading import load_module, model_class

SPECS = Path(__file__).parents[2] / "specs"

#: Published or counted by hand; and the settings that make the network small.
NETWORKS: dict[str, tuple[int, tuple[str, ...]]] = {
    "lenet5": (61_718, ()),
    "resnet18": (11_689_512, ("classes=7",)),
    "bilstm": (2_631_498, ("vocab=50", "hidden=8")),
    "bert": (109_514_298, ("vocab=50", "dim=24", "heads=4", "depth=2", "max_len=16")),
    "multitask": (429_064, ("width=4",)),
    "skipgram": (20_000_000, ("vocab=50", "dim=8")),
}
#: Index inputs stay below these; everything else is drawn from its type alone.
INDICES = {"segments": 2, "label": 2, "emotion_label": 7, "lengths": 5}
LENGTH = 5


def compiled(name: str, surface: str = "yaml", sets: tuple[str, ...] = ()) -> Compilation:
    path = SPECS / f"{name}.{surface}"
    result = check(Source(path.name, path.read_text(), surface), path=path, sets=sets)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return result.compilation


def drawn(name: str, type: TensorType, generator: torch.Generator) -> Tensor:
    """Numbers of a declared type, for a batch of 3 and a length of 5."""

    def size(dim: Dim) -> int:
        found = substitute(dim, {"N": 3, "T": LENGTH})
        assert isinstance(found, int)
        return found

    shape = tuple(map(size, type.shape))
    if type.dtype is DType.BOOL:
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[0, -2:] = True
        return mask
    if type.dtype.is_int:
        low = 1 if name == "lengths" else 0
        return torch.randint(low, INDICES.get(name, 50), shape, generator=generator)
    return torch.rand(shape, generator=generator)


def batch(compilation: Compilation) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    graph = compilation.program.graph
    inputs = {name: drawn(name, graph.values[name], generator) for name in graph.inputs}
    targets = {name: drawn(name, type, generator) for name, type in compilation.program.targets}
    return inputs, targets


def built(compilation: Compilation) -> tuple[ModuleType, nn.Module]:
    module = load_module(generate(compilation))
    torch.manual_seed(0)
    return module, model_class(module)()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_full_network_has_its_published_number_of_parameters(name: str) -> None:
    compilation = compiled(name)
    assert compilation.program.parameter_count == NETWORKS[name][0]
    with torch.device("meta"):
        _, model = built(compilation)
    assert sum(p.numel() for p in model.parameters()) == NETWORKS[name][0]


@pytest.mark.parametrize("name", NETWORKS)
def test_both_surfaces_give_one_module(name: str) -> None:
    assert generate(compiled(name, "yaml")) == generate(compiled(name, "dlc"))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_learns_a_batch(name: str) -> None:
    compilation = compiled(name, sets=NETWORKS[name][1])
    module, model = built(compilation)
    inputs, targets = batch(compilation)
    optimizer = module.optimizer(model)
    schedule = getattr(module, "schedule", None)
    steps = schedule(optimizer, 10, 5) if schedule else None
    # A warm-up of thousands of steps would hide a network that cannot learn.
    for group in optimizer.param_groups:
        group["lr"] = 1e-3 if name in ("lenet5", "resnet18") else 1e-2
    losses = []
    model.eval()  # one batch, without dropout: the loss has to fall
    for _ in range(8):
        optimizer.zero_grad()
        value = module.loss(model(**inputs), targets)
        value.backward()
        losses.append(value.item())
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, f"{key} gets no gradient"
            assert torch.isfinite(parameter.grad).all(), key
        optimizer.step()
    if steps is not None:
        steps.step()
    assert all(map(math.isfinite, losses))
    assert losses[-1] < losses[0]


# Packed sequences need their lengths on the CPU, which a fake device cannot give: the
# LSTM is tested on the CPU.
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "bilstm"])
def test_the_network_runs_on_a_gpu_that_is_not_there(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compilation = compiled(name, sets=NETWORKS[name][1])
    module = load_module(generate(compilation))
    # Autocast asks the driver; the fake device has none and computes nothing.
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)
    with FakeTensorMode():
        with torch.device("cuda"):
            model = model_class(module)()
        inputs, targets = batch(compilation)
        on = {key: value.cuda() for key, value in inputs.items()}
        with torch.autocast("cuda", torch.bfloat16):
            outputs = model(**on)
            value = module.loss(outputs, {key: t.cuda() for key, t in targets.items()})
        assert value.device.type == "cuda"
        assert {t.device.type for t in outputs.values()} == {"cuda"}
        assert {t.dtype for t in outputs.values()} == {torch.bfloat16}


@pytest.mark.parametrize("name", NETWORKS)
def test_build_and_export_prove_their_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [word for value in NETWORKS[name][1] for word in ("--set", value)]
    spec = str(SPECS / f"{name}.yaml")
    folder = tmp_path / "build"
    assert main(["build", spec, "-o", str(folder), *sets]) == 0
    assert {p.name for p in folder.iterdir()} >= {"model.py", "resolved.yaml", "graph.txt"}
    capsys.readouterr()
    target = str(tmp_path / "model.onnx")
    words = ["export", spec, "--untrained", "-o", target, *sets, "--format", "json"]
    assert main(words) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert Path(target).stat().st_size > 1000
