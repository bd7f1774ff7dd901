"""The signals of one forward pass, layer by layer, as the network computes them.

Layers with parameters are modules and are hooked; activations of a generated module are plain
function calls, and are seen by a mode that torch passes every call through. Nothing is read
from the device here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

#: What an activation is called in a spec, by the function that computes it.
_ACTIVATIONS: dict[Callable[..., Any], str] = {
    torch.relu: "relu",
    F.relu: "relu",
    F.relu6: "relu6",
    torch.tanh: "tanh",
    F.hardtanh: "hardtanh",
    torch.sigmoid: "sigmoid",
    F.hardsigmoid: "hardsigmoid",
}
WATCHED = frozenset(_ACTIVATIONS.values())

# Within this distance of an end of its range an activation hardly passes a gradient on: the
# slope of tanh is below 0.02, that of the sigmoid below 0.01.
_NEAR = 0.01


@dataclass
class Signals:
    """What one pass gave, on the device. `units` are, by layer, mean and variance of each unit
    over samples and positions, `[2, units]`; `flat` the share of each activation's units that
    are dead (`relu`) or of its values that are saturated, each with its kind and the layer
    before it."""

    units: dict[str, torch.Tensor] = field(default_factory=dict)
    flat: list[tuple[str, str, torch.Tensor]] = field(default_factory=list)


class Recorder(TorchFunctionMode):
    """Around a forward pass of `model`; what it saw is in `signals`. Activations that no layer
    follows are outputs, which may well be at an end of their range, and are left out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.signals = Signals()
        self._names = {
            module: name
            for name, module in model.named_modules()
            if any(True for _ in module.parameters(recurse=False))
        }
        self._handles: list[Any] = []
        self._last: nn.Module | None = None
        self._waiting: list[tuple[str, str, torch.Tensor]] = []

    def __enter__(self) -> Recorder:
        self._handles = [module.register_forward_hook(self._module_ran) for module in self._names]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        kind = _ACTIVATIONS.get(func)
        if kind is not None and isinstance(result, torch.Tensor):
            name = "" if self._last is None else self._names[self._last]
            self._waiting.append((kind, name, self._flat(kind, result.detach())))
        return result

    def _module_ran(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.signals.flat.extend(self._waiting)
        self._waiting.clear()
        self._last = module
        values = _values(output)
        if values is not None:
            rows = self._by_unit(values.detach().float())
            moments = torch.stack((rows.mean(0), rows.var(0, correction=0)))
            # A layer that is applied several times is known by its last result.
            self.signals.units[self._names[module]] = moments

    def _flat(self, kind: str, values: torch.Tensor) -> torch.Tensor:
        if kind in ("relu", "relu6"):
            return (self._by_unit(values) <= 0).all(0).float().mean()
        low, high = (-1.0, 1.0) if kind in ("tanh", "hardtanh") else (0.0, 1.0)
        near = _NEAR * (high - low) / 2
        return ((values > high - near) | (values < low + near)).float().mean()

    def _by_unit(self, values: torch.Tensor) -> torch.Tensor:
        """The values as `[samples and positions, units]`."""
        if values.dim() < 2:
            return values.reshape(-1, 1)
        return values.movedim(self._unit_dim(values), -1).flatten(0, -2)

    def _unit_dim(self, values: torch.Tensor) -> int:
        """Channels are behind the batch, features of a sequence at the end: the layer that made
        the values tells which they are."""
        layer = self._last
        if layer is None:
            return 1
        of_images = isinstance(layer, nn.modules.conv._ConvNd | nn.GroupNorm)
        of_images |= isinstance(layer, nn.modules.batchnorm._NormBase | nn.PReLU)
        return 1 if of_images else values.dim() - 1


def _values(output: Any) -> torch.Tensor | None:
    """The tensor of floats that a layer gives first."""
    if isinstance(output, nn.utils.rnn.PackedSequence):
        output = output.data
    elif isinstance(output, tuple) and output:
        return _values(output[0])
    if isinstance(output, torch.Tensor) and output.is_floating_point() and output.numel():
        return output
    return None
