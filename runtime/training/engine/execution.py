"""The forward pass as chosen: precision, memory format, blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from dlc.runtime.training.engine.blocks import Blocks
from dlc.runtime.training.engine.choices import Choices

Tensors = dict[str, torch.Tensor]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Execution:
    """Runs a network as `choices` say, and lays its weights out for it. `static` says that no
    size but the batch's changes."""

    def __init__(
        self,
        model: torch.nn.Module,
        choices: Choices,
        device: torch.device,
        *,
        static: bool = True,
    ) -> None:
        self.model = model
        self.choices = choices
        self.device = device
        self.dtype = _DTYPES.get(choices.precision)
        if choices.channels_last:
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.data = _channels_last(tensor.data)
        self.blocks = Blocks(model, choices, dynamic=not static)
        self.static = static

    def outputs(self, run: Callable[..., Tensors], inputs: Tensors, *, whole: bool) -> Tensors:
        """The outputs of `run`, which is the network, or calls it. `whole` says that the batch
        has the size that most batches have: where sizes are fixed these alone run compiled."""
        self.blocks.compiled = whole or not self.static
        return self.apply(run, inputs)

    def apply(self, run: Callable[..., Tensors], inputs: Tensors) -> Tensors:
        """The outputs in float32, so that losses are exact."""
        if self.choices.channels_last:
            inputs = {name: _channels_last(tensor) for name, tensor in inputs.items()}
        if self.dtype is None:
            return run(**inputs)
        with torch.autocast(self.device.type, dtype=self.dtype):
            outputs = run(**inputs)
        return {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in outputs.items()
        }

    def scaler(self) -> torch.amp.GradScaler | None:
        """What keeps small gradients above zero, where the precision needs it."""
        if self.choices.precision != "fp16":
            return None
        return torch.amp.GradScaler(self.device.type)


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.dim() != 4 or not tensor.is_floating_point():
        return tensor
    return tensor.contiguous(memory_format=torch.channels_last)


@contextmanager
def tf32(enabled: bool) -> Iterator[None]:
    """While a GPU may multiply float32 numbers in TF32; leaves the setting as it was."""
    before = torch.get_float32_matmul_precision()
    convolutions = torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if enabled else "highest")
    torch.backends.cudnn.allow_tf32 = enabled
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions
