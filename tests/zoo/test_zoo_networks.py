"""Every network of `specs/`: counted, trained a step, exported, on a fake GPU.

Full sizes are built on the meta device, where they cost nothing; what computes is
reduced by `--set`, the same for both surfaces.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from dlc.compiler.cli.main import main
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.execution import Execution
from tests.zoo.networks import SPECS, ZOO
from tests.zoo.running import batch, built, compiled, small

every_network = pytest.mark.parametrize("name", ZOO)


def test_every_spec_is_here_in_both_surfaces() -> None:
    for surface in ("yaml", "dlc"):
        assert {path.stem for path in SPECS.glob(f"*.{surface}")} == set(ZOO)


@every_network
def test_it_says_where_it_comes_from(name: str) -> None:
    for surface in ("yaml", "dlc"):
        first = (SPECS / f"{name}.{surface}").read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# "), first
        assert first.endswith("."), first


@every_network
def test_the_full_network_has_its_published_number_of_parameters(name: str) -> None:
    compilation = compiled(name)
    assert compilation.program.parameter_count == ZOO[name].parameters
    with torch.device("meta"):
        _, model = built(compilation)
    assert sum(p.numel() for p in model.parameters()) == ZOO[name].parameters


@every_network
def test_both_surfaces_give_one_module(name: str) -> None:
    assert generate(compiled(name, "yaml")) == generate(compiled(name, "dlc"))


@every_network
def test_the_network_learns_a_batch(name: str) -> None:
    compilation = small(name)
    module, model = built(compilation)
    inputs, targets = batch(name, compilation)
    optimizer = module.optimizer(model)
    schedule = getattr(module, "schedule", None)
    steps = schedule(optimizer, 10, 5) if schedule else None
    # A warm-up of thousands of steps would hide a network that cannot learn.
    for group in optimizer.param_groups:
        group["lr"] = ZOO[name].learning_rate
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


@pytest.mark.parametrize("name", [name for name, network in ZOO.items() if not network.packed])
def test_the_network_runs_on_a_gpu_that_is_not_there(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compilation = small(name)
    module = load_module(generate(compilation))
    # Autocast asks the driver; the fake device has none and computes nothing.
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)
    # It looks at what it has drawn, and nothing has numbers there.
    monkeypatch.setattr("torch.nn.init.trunc_normal_", lambda tensor, **_: tensor)
    with FakeTensorMode():
        with torch.device("cuda"):
            model = model_class(module)()
        inputs, targets = batch(name, compilation)
        on = {key: value.cuda() for key, value in inputs.items()}
        choices = Choices(precision="bf16", channels_last=True)
        execution = Execution(model, choices, torch.device("cuda"))
        outputs = execution.outputs(model, on, whole=True)
        value = module.loss(outputs, {key: t.cuda() for key, t in targets.items()})
        assert value.dtype is torch.float32
        assert value.device.type == "cuda"
        assert {t.device.type for t in outputs.values()} == {"cuda"}


@every_network
def test_build_and_export_prove_their_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [word for value in ZOO[name].small for word in ("--set", value)]
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
    assert Path(target).stat().st_size > 500
