"""A step as two compiled graphs: forward and backward pass, and update.

Where a network is small, what a step takes is the overhead of its hundred operations; few
compiled ones are two to three times as fast. torch ends a graph where gradients become those
of parameters, so one is not to be had.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call, grad_and_value

from dlc.runtime.training.engine.blocks import own_code
from dlc.runtime.training.samples import Take
from dlc.runtime.training.step import Done, Step, Tensors

#: The loss, the outputs, and a gradient for each parameter.
Passed = tuple[torch.Tensor, Tensors, list[torch.Tensor]]

# Those whose steps torch.compile writes out; others have loops and closures of their own.
_OPTIMIZERS = (
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.Adamax,
    torch.optim.AdamW,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.SGD,
)


def is_written_out(optimizer: torch.optim.Optimizer) -> bool:
    """Whether torch.compile makes one graph of a step of the optimizer."""
    return type(optimizer) in _OPTIMIZERS


class WholeStep(Step):
    """A step whose full batches run compiled. The first step of a run, in which the optimizer
    makes its state, and batches of other sizes run as they stand: both depend on the place in
    the run alone, so that a resumed run computes what it would have computed.

    Only for networks whose parameters, rates of dropout and sizes stay as they are.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        assert self.scaler is None
        for group in self.optimizer.param_groups:
            if "fused" in group:
                # Written out, updates are fused with each other; torch's kernel would not be.
                group.update({"fused": False, "foreach": None})
        self._rates = [torch.tensor(float(group["lr"])) for group in self.optimizer.param_groups]
        self._trained = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        mode = "reduce-overhead" if self.execution.choices.cuda_graphs else None
        self._pass: Callable[[Tensors, Tensors], Passed] = torch.compile(
            own_code(self._traced_pass()), dynamic=False, fullgraph=True, mode=mode
        )
        self._update: Callable[[], None] = torch.compile(
            own_code(_traced_update(self.optimizer)), dynamic=False, fullgraph=True, mode=mode
        )

    def __call__(self, take: Take, first: int, end: int, batch_size: int) -> Done:
        # The schedule has counted the steps of the run, in all sessions.
        begun = self.schedule.last_epoch > 0
        usual = end - first == batch_size and self.micro_batch is None
        if not begun or not usual or self.guard is not None:
            return super().__call__(take, first, end, batch_size)
        inputs, targets = take(first, end)
        if self.execution.choices.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        loss, outputs, gradients = self._pass(inputs, targets)
        if self.execution.choices.cuda_graphs:
            # The next replay writes into the same memory.
            loss = loss.clone()
        for parameter, gradient in zip(self._trained.values(), gradients, strict=True):
            parameter.grad = gradient
        self._clip()
        groups = self.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        for group, tensor in zip(groups, self._rates, strict=True):
            # As a number the rate would be part of the graph, and every step another graph.
            tensor.fill_(group["lr"])
            group["lr"] = tensor
        try:
            self._update()
        finally:
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate
        self._stepped()
        return Done(loss, outputs, targets, end - first)

    def _traced_pass(self) -> Callable[[Tensors, Tensors], Passed]:
        model, execution, loss_of = self.model, self.execution, self.loss
        trained = self._trained
        buffers = dict(model.named_buffers())

        def run(inputs: Tensors, targets: Tensors) -> Passed:
            def value(parameters: Tensors) -> tuple[torch.Tensor, tuple[Tensors, Tensors]]:
                # Running statistics are results here: a gradient allows no change in place.
                changed = {name: buffer.clone() for name, buffer in buffers.items()}
                outputs = execution.apply(
                    lambda **batch: functional_call(model, (parameters, changed), kwargs=batch),
                    inputs,
                )
                return loss_of(outputs, targets), (outputs, changed)

            gradients, (loss, (outputs, changed)) = grad_and_value(value, has_aux=True)(
                {name: parameter.detach() for name, parameter in trained.items()}
            )
            for name, buffer in buffers.items():
                buffer.copy_(changed[name])
            return loss, outputs, [gradients[name] for name in trained]

        return run


def _traced_update(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    # Round the step itself lie a counter, a profile and borders between graphs.
    step = inspect.unwrap(type(optimizer).step)

    def run() -> None:
        with torch.no_grad():
            step(optimizer)

    return run
