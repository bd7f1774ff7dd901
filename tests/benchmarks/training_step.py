"""One training step of the generated module against the same network written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.loading import load_module
from tests.benchmarks.measure import interleaved
from tests.benchmarks.twins import HandLeNet, HandResNet18

STEPS = 10


def generated(name: str, *sets: str) -> nn.Module:
    """The module that dlc builds of a spec of the zoo."""
    path = Path("specs") / f"{name}.yaml"
    result = check(Source(path.name, path.read_text(), "yaml"), path=path, sets=sets)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    module = load_module(generate(result.compilation))
    model = getattr(module, result.compilation.program.name)()
    assert isinstance(model, nn.Module)
    return model


def steps(model: nn.Module, image: torch.Tensor, label: torch.Tensor) -> Callable[[], None]:
    """Some optimizer steps on one batch."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)

    def run() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(image)["logits"], label).backward()
            optimizer.step()

    return run


def run() -> list[tuple[str, str]]:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two threads on a shared machine measure the neighbours
    cases = (
        ("LeNet-5, batch 128", generated("lenet5"), HandLeNet(), (128, 1, 28, 28), 10, 60),
        (
            "ResNet-18 on 64x64, batch 8",
            generated("resnet18", "classes=10"),
            HandResNet18(10),
            (8, 3, 64, 64),
            10,
            16,
        ),
    )
    rows = []
    for title, ours, hand, shape, classes, rounds in cases:
        image, label = torch.rand(shape), torch.randint(classes, shape[:1])
        ratio = interleaved(steps(ours, image, label), steps(hand, image, label), rounds)
        rows.append((f"{title}: training step, generated over hand-written", ratio.text))
    return rows
