"""The estimate of memory against the live bytes of a real step on fake tensors."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dlc.compiler.analysis.memory import memory
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.ir.dims import substitute
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.loading import load_module, model_class
from tests.zoo.running import compiled


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, each storage once."""

    def __init__(self) -> None:
        super().__init__()
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


@dataclass(frozen=True)
class Measured:
    training: int
    activations: int
    inference: int


def drawn(types: Mapping[str, TensorType], sizes: Mapping[str, int]) -> dict[str, torch.Tensor]:
    found = {}
    for name, type in types.items():
        shape = [substitute(dim, sizes) for dim in type.shape]
        if type.dtype is DType.BOOL:
            found[name] = torch.zeros(shape, dtype=torch.bool)
        elif type.dtype.is_int:
            found[name] = torch.ones(shape, dtype=torch.int64)
        else:
            found[name] = torch.rand(shape)
    return found


def measured(
    name: str, sets: tuple[str, ...], sizes: Mapping[str, int], autocast: bool
) -> Measured:
    """A second step, in which the optimizer has its state, and a forward pass alone."""
    compilation = compiled(name, sets=sets)
    module = load_module(generate(compilation))
    graph = compilation.program.graph
    live = LiveBytes()
    with FakeTensorMode(), live:
        network: Any = model_class(module)()
        optimizer = module.optimizer(network)
        inputs = drawn({key: graph.values[key] for key in graph.inputs}, sizes)
        targets = drawn(dict(compilation.program.targets), sizes)
        resting = live.now

        def step() -> int:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                outputs = network(**inputs)
                loss = module.loss(outputs, targets)
            kept = live.now
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
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


CASES = {
    "lenet5": (("lenet5", (), {"N": 64})),
    "resnet18": (("resnet18", (), {"N": 4})),
    "unet": (("unet", (), {"N": 1})),
    "gpt2": (("gpt2", ("depth=2", "vocab=5000", "p=0"), {"N": 2, "T": 64})),
    "transformer_block": (("transformer_block", ("p=0",), {"N": 32, "T": 64})),
    "convolutional_autoencoder": (("convolutional_autoencoder", (), {"N": 32})),
    "multitask": (("multitask", (), {"N": 32})),
    "skipgram": (("skipgram", (), {"N": 64})),
}


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_estimate_is_what_a_step_takes(
    case: tuple[str, tuple[str, ...], dict[str, int]], autocast: bool
) -> None:
    name, sets, sizes = case
    compilation = compiled(name, sets=sets)
    estimate = memory(
        compilation.program,
        compilation.settings,
        batch=sizes["N"],
        dims={key: value for key, value in sizes.items() if key != "N"},
        autocast=autocast,
        accelerator=False,
    )
    found = measured(name, sets, sizes, autocast)
    assert estimate.whole
    assert estimate.training == pytest.approx(found.training, rel=0.06)
    assert estimate.activations == pytest.approx(found.activations, rel=0.12 if autocast else 0.001)
    assert estimate.inference == pytest.approx(found.inference, rel=0.12 if autocast else 0.001)


def test_activations_grow_with_the_batch_and_weights_do_not() -> None:
    compilation = compiled("resnet18")
    one, eight = (
        memory(compilation.program, compilation.settings, batch=batch) for batch in (1, 8)
    )
    assert eight.parameters == one.parameters == 4 * compilation.program.parameter_count
    assert eight.optimizer == one.optimizer
    assert 7.9 < eight.activations / one.activations < 8.1


def test_checkpoints_keep_what_goes_into_blocks_alone() -> None:
    compilation = compiled("gpt2", sets=("p=0",))
    sizes = {"batch": 2, "dims": {"T": 256}}
    plain = memory(compilation.program, compilation.settings, **sizes)  # type: ignore[arg-type]
    checkpointed = memory(
        compilation.program,
        compilation.settings,
        checkpoint=True,
        **sizes,  # type: ignore[arg-type]
    )
    assert checkpointed.activations < plain.activations / 2
    assert checkpointed.training < plain.training
    assert checkpointed.inference == plain.inference
