"""Emitting the ONNX graph, against torch.onnx.export of the same module."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dlc.compiler import Program, Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.export.onnx_builder import export_program
from dlc.runtime.loading import load_module
from tests.benchmarks.measure import interleaved

MODELS = (
    ("LeNet-5", "lenet5", (2, 1, 28, 28), 7),
    ("ResNet-18", "resnet18", (2, 3, 224, 224), 5),
)


class _Logits(nn.Module):
    """torch.onnx.export wants tensors, not a dictionary."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = self.inner(image)["logits"]
        assert isinstance(logits, torch.Tensor)
        return logits


def run() -> list[tuple[str, str]]:
    rows = []
    for title, name, shape, rounds in MODELS:
        spec = Path("specs") / f"{name}.yaml"
        result = check(Source(spec.name, spec.read_text(), "yaml"), path=spec)
        assert result.compilation is not None
        program = result.compilation.program
        model = getattr(load_module(generate(result.compilation)), program.name)().eval()
        state = {key: value.numpy() for key, value in model.state_dict().items()}
        with tempfile.TemporaryDirectory() as folder:
            for what, file in (("emitting the graph", None), ("export to a file", "model.onnx")):
                path = None if file is None else Path(folder) / file
                ours = _ours(program, state, path)
                theirs = _torch(model, torch.rand(shape), path)
                ratio = interleaved(ours, theirs, rounds)
                rows.append(
                    (
                        f"{title}: {what} over torch.onnx.export",
                        f"1/{1 / ratio.median:.0f} ({ratio.ours * 1e3:.1f} ms over "
                        f"{ratio.yardstick * 1e3:.0f} ms)",
                    )
                )
    return rows


def _ours(program: Program, state: dict[str, Any], path: Path | None) -> Callable[[], object]:
    def run() -> None:
        model = export_program(program, state)
        if path is not None:
            path.write_bytes(model.SerializeToString())

    return run


def _torch(model: nn.Module, image: torch.Tensor, path: Path | None) -> Callable[[], object]:
    wrapped = _Logits(model)

    def run() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                wrapped, (image,), path, dynamo=True, verbose=False, external_data=False
            )

    return run
