"""The memory of a training step as PyTorch takes it, to be held against the estimate.

The generated module runs on fake tensors, which have sizes and no numbers: every operation is
PyTorch's own, nothing is computed and no memory is taken, whatever the network's size. Two things
are more than they would be: gradients of a weight that is read twice, which are added in place
only where they are real, and the scores of attention with dropout, which no kernel of a CPU fuses.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedOperatorException,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dlc.compiler import Compilation
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.ir.dims import Dim, substitute
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.loading import load_module, model_class


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Bytes of tensors: the peak of a training step, what is kept at the end of its forward
    pass, and the peak of a forward pass alone."""

    training: int
    activations: int
    inference: int


class NotMeasured(ValueError):
    """A network whose operations ask for numbers, as packed sequences do."""


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that are alive, each storage once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return out

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self._sizes.pop(key)


def measured_memory(
    compilation: Compilation, sizes: Mapping[str, int], *, autocast: bool = False
) -> Measured:
    """A second step, in which the optimizer has its state, and a forward pass alone, on a CPU.
    `sizes` are all sizes that the inputs leave open. A spec without a loss is trained on the sum
    of what it gives; one without an optimizer is not updated. Raises NotMeasured."""
    try:
        return _measured(compilation, sizes, autocast=autocast)
    except (
        DataDependentOutputException,
        DynamicOutputShapeException,
        UnsupportedOperatorException,
    ) as problem:
        raise NotMeasured(str(getattr(problem, "func", problem))) from problem


def _measured(compilation: Compilation, sizes: Mapping[str, int], *, autocast: bool) -> Measured:
    module: Any = load_module(generate(compilation))
    graph = compilation.program.graph
    live = LiveBytes()
    with FakeTensorMode(), live:
        network: Any = model_class(module)()
        optimizer = module.optimizer(network) if hasattr(module, "optimizer") else None
        inputs = _drawn({key: graph.values[key] for key in graph.inputs}, sizes)
        targets = _drawn(dict(compilation.program.targets), sizes)
        resting = live.now

        def step() -> int:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                outputs = network(**inputs)
                loss = _loss(module, outputs, targets)
            kept = live.now
            torch.autograd.backward(loss)
            if optimizer is not None:
                optimizer.step()
            network.zero_grad(set_to_none=True)
            return kept

        step()
        between = live.peak = live.now
        kept = step()
        training = live.peak
        live.peak = live.now
        network.eval()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            network(**inputs)
    targets_bytes = sum(target.nbytes for target in targets.values())
    return Measured(
        training=training,
        activations=kept - between,
        inference=live.peak - (between - resting) - targets_bytes,
    )


def _loss(module: Any, outputs: Mapping[str, torch.Tensor], targets: Any) -> torch.Tensor:
    if hasattr(module, "loss"):
        found: torch.Tensor = module.loss(outputs, targets)
        return found
    return sum((value.sum() for value in outputs.values() if value.requires_grad), torch.zeros(()))


def _drawn(types: Mapping[str, TensorType], sizes: Mapping[str, int]) -> dict[str, torch.Tensor]:
    found = {}
    for name, type in types.items():
        shape = [_number(substitute(dim, sizes)) for dim in type.shape]
        if type.dtype is DType.BOOL:
            found[name] = torch.zeros(shape, dtype=torch.bool)
        elif type.dtype.is_int:
            found[name] = torch.ones(shape, dtype=torch.int64)
        else:
            found[name] = torch.rand(shape)
    return found


def _number(size: Dim) -> int:
    assert isinstance(size, int), f"`{size}` is not known"
    return size
