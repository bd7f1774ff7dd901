"""Signals and gradients as a network really starts, to be held against what theory says of them.

Random normal inputs go through the generated module in training mode, and random normal gradients
come back from its outputs; a few networks with weights of their own are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from dlc.compiler.analysis.signal import Moments
from dlc.compiler.codegen import identifiers
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops._activation import Activation
from dlc.runtime.loading import model_class

#: Mean squares of a layer's result and of the gradient there.
Measured = tuple[float, float | None]

_BATCH, _NETWORKS, _FREE = 64, 5, 16


def measured_signal(
    program: Program,
    module: ModuleType,
    *,
    inputs: Mapping[str, Moments] | None = None,
    batch: int = _BATCH,
    networks: int = _NETWORKS,
) -> dict[str, Measured]:
    """Of each layer with parameters and each activation, by path, averaged over `networks` fresh
    ones with a batch of `batch` samples each. `inputs` are the moments of those that are not of
    mean 0 and variance 1; sizes that are free are 16."""
    totals: dict[str, list[tuple[float, float | None]]] = {}
    with torch.random.fork_rng(devices=[]):
        for seed in range(networks):
            torch.manual_seed(seed)
            model = model_class(module)().train()
            for path, found in _one(program, model, batch, inputs or {}).items():
                totals.setdefault(path, []).append(found)
    return {path: _mean(found) for path, found in totals.items()}


def _mean(found: Sequence[Measured]) -> Measured:
    gradients = [gradient for _, gradient in found if gradient is not None]
    return (
        sum(square for square, _ in found) / len(found),
        sum(gradients) / len(gradients) if gradients else None,
    )


def _one(
    program: Program, model: nn.Module, batch: int, moments: Mapping[str, Moments]
) -> dict[str, Measured]:
    inputs = {n: _drawn(program.graph.values[n], batch) for n in program.graph.inputs}
    for name, given in moments.items():
        inputs[name] = inputs[name] * given.variance**0.5 + given.mean
    for node in program.graph.nodes:
        if node.kind == "normalize" and node.inputs[0][1] in inputs:
            # Its constants are those of the data.
            name = node.inputs[0][1]
            inputs[name] = _drawn(program.graph.values[name], batch) * _along(
                node.op, "std"
            ) + _along(node.op, "mean")
    with _Taps(program, model) as taps:
        outputs = model(**inputs)
    wanted = [value for name, value in outputs.items() if value.requires_grad]
    if wanted:
        torch.autograd.backward(wanted, [torch.randn_like(value) for value in wanted])
    return {path: _squares(tensor) for path, tensor in taps.found.items()}


def _squares(tensor: torch.Tensor) -> Measured:
    gradient = tensor.grad
    return (
        float(tensor.detach().square().mean()),
        None if gradient is None else float(gradient.square().mean()),
    )


def _drawn(type_: TensorType, batch: int) -> torch.Tensor:
    sizes = [_size(size, batch) for size in type_.shape]
    if type_.dtype.is_float:
        return torch.randn(sizes)
    if type_.dtype.value == "bool":
        return torch.ones(sizes, dtype=torch.bool)
    return torch.zeros(sizes, dtype=torch.int64)


def _along(op: Any, name: str) -> torch.Tensor:
    """A number, or one for each channel, as it is applied to `[N, C, ...]`."""
    value = torch.as_tensor(getattr(op, name), dtype=torch.float32)
    return value if value.dim() == 0 else value.reshape(1, -1, 1, 1)


def _size(size: Dim, batch: int) -> int:
    if isinstance(size, int):
        return size
    return batch if str(size) == "N" else _FREE


class _Taps(TorchFunctionMode):
    """Keeps the results of layers and activations, with their gradients, by path."""

    def __init__(self, program: Program, model: nn.Module) -> None:
        super().__init__()
        self.found: dict[str, torch.Tensor] = {}
        self._modules = dict(model.named_modules())
        self._paths: dict[str, str] = {}
        self._waiting: list[tuple[str, str]] = []
        for path, _, node in program.walk():
            self._paths[identifiers.module_path(f"{path}.")[:-1]] = path
            if isinstance(node.op, Activation):
                self._waiting.append((path, node.op.call.rpartition(".")[2]))
        self._handles: list[Any] = []

    def __enter__(self) -> _Taps:
        for name, module in self._modules.items():
            path = self._paths.get(name)
            if path is not None and any(True for _ in module.parameters(recurse=False)):
                self._handles.append(module.register_forward_hook(self._keeper(path)))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()

    def _keeper(self, path: str) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            self._keep(path, output)

        return keep

    def _keep(self, path: str, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            if output.requires_grad:
                output.retain_grad()
            self.found[path] = output

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if self._waiting and self._waiting[0][1] == name:
            self._keep(self._waiting.pop(0)[0], result)
        return result
