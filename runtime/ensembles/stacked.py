"""Networks of one architecture with their weights in one tensor each, passed through at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

Tensors = dict[str, Tensor]
LossFunction = Callable[[Tensors, Tensors], Tensor]
#: The inputs and targets of one network.
Batch = tuple[Tensors, Tensors]
#: The loss of one network, still on the device, its outputs and its targets.
Result = tuple[Tensor, Tensors, Tensors]


class Stacked:
    """K networks whose parameters and buffers become parts of tensors of [K, ...].

    The networks, their optimizers and all that hold their parameters go on as before: each
    parameter is still a leaf of its own, over a part of the memory of all. Only the forward and
    backward pass is one, by `torch.func.vmap`, in which dropout draws for each network apart.
    """

    def __init__(self, models: Sequence[nn.Module], loss: LossFunction) -> None:
        self.models = list(models)
        self.loss = loss
        self.parameters, self.buffers = stack_module_state(self.models)
        for place, model in enumerate(self.models):
            for name, parameter in model.named_parameters():
                parameter.data = self.parameters[name].data[place]
            for name, buffer in model.named_buffers():
                buffer.data = self.buffers[name].data[place]
        self._own = [dict(model.named_parameters()) for model in self.models]
        for name, stack in self.parameters.items():
            stack.requires_grad_(self._own[0][name].requires_grad)
        #: The network that lends its modes and rates to the pass of all.
        self.lender = self.models[0]
        self._forward = vmap(self._one, randomness="different")

    def _one(
        self, parameters: Tensors, buffers: Tensors, inputs: Tensors, targets: Tensors
    ) -> tuple[Tensor, Tensors]:
        outputs = functional_call(self.lender, (parameters, buffers), (), inputs)
        return self.loss(outputs, targets), outputs

    def gradients(self, parts: Sequence[tuple[float, Sequence[Batch]]]) -> list[Result]:
        """Gives every parameter of every network the gradient of its loss. A part is a share of
        the loss and a batch for each network, all of equal shapes; outputs and targets of the
        results are those of the last part."""
        total: Tensor | None = None
        outputs: Tensors = {}
        for share, batches in parts:
            inputs = _stacked([given for given, _ in batches])
            targets = _stacked([wanted for _, wanted in batches])
            losses, outputs = self._forward(self.parameters, self.buffers, inputs, targets)
            losses = losses if share == 1.0 else share * losses
            losses.sum().backward()  # type: ignore[no-untyped-call]
            part = losses.detach()
            total = part if total is None else total + part
        assert total is not None
        for name, stack in self.parameters.items():
            if stack.grad is not None:
                for place, own in enumerate(self._own):
                    own[name].grad = stack.grad[place]
                stack.grad = None
        return [
            (total[place], {name: values[place] for name, values in outputs.items()}, wanted)
            for place, (_, wanted) in enumerate(parts[-1][1])
        ]


def _stacked(members: Sequence[Tensors]) -> Tensors:
    return {name: torch.stack([one[name] for one in members]) for name in members[0]}
