"""Forward and backward pass recorded once as a CUDA graph, and replayed for every full batch.

A GPU that has much faster kernels than Python can start waits for the next one; a graph
starts all of them at once. Source: https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import torch

from dlc.runtime.training import random_state
from dlc.runtime.training.samples import Take
from dlc.runtime.training.step import Done, Step, Tensors

#: A pass over batches that lie at fixed places: gives tensors that a replay writes anew.
Pass: TypeAlias = Callable[[], list[torch.Tensor]]

# Before a pass is recorded, libraries choose their kernels and allocate their workspaces.
_WARM_UPS = 3


class Recorder(Protocol):
    """Records what a pass does on a device."""

    def warm_up(self, run: Pass, times: int) -> None:
        """Makes the pass where a recording may follow."""

    def record(self, run: Pass) -> tuple[list[torch.Tensor], Callable[[], None]]:
        """The results of a pass, and what computes them again."""


class CudaRecorder:
    """Records CUDA graphs."""

    def warm_up(self, run: Pass, times: int) -> None:
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(times):
                run()
        torch.cuda.current_stream().wait_stream(aside)

    def record(self, run: Pass) -> tuple[list[torch.Tensor], Callable[[], None]]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = run()
        return results, graph.replay


class GraphedStep(Step):
    """A step whose passes over full batches are replayed. Batches of other sizes, and those
    that memory holds in parts only, are computed as they stand."""

    def __init__(self, *, recorder: Recorder | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recorder: Recorder = recorder or CudaRecorder()
        self._given: tuple[Tensors, Tensors] | None = None
        self._trained = [p for p in self.parameters if p.requires_grad]
        self._names: tuple[str, ...] = ()

    def gradients(self, take: Take, first: int, end: int, batch_size: int) -> Done:
        full = end - first == batch_size and self.micro_batch is None and self.scaler is None
        if not full:
            return super().gradients(take, first, end, batch_size)
        batch = take(first, end)
        if self._given is None:
            self._record(batch)
        assert self._given is not None
        for held, new in zip(self._given, batch, strict=True):
            for name, tensor in new.items():
                held[name].copy_(tensor)
        self._replay()
        loss, *others = self._results
        outputs = dict(zip(self._names, others, strict=False))
        gradients = others[len(self._names) :]
        for parameter, gradient in zip(self._trained, gradients, strict=True):
            parameter.grad = gradient
        # The next replay writes into the same memory.
        return Done(loss.clone(), outputs, self._given[1], end - first)

    def _record(self, batch: tuple[Tensors, Tensors]) -> None:
        given = (
            {n: t.clone() for n, t in batch[0].items()},
            {n: t.clone() for n, t in batch[1].items()},
        )

        def run() -> list[torch.Tensor]:
            # Without gradients to add to, a pass writes them.
            self.optimizer.zero_grad(set_to_none=True)
            outputs, loss = self._forward(*given, whole=True)
            self._backward(loss)
            self._names = tuple(outputs)
            gradients = [p.grad for p in self._trained if p.grad is not None]
            assert len(gradients) == len(self._trained)
            return [loss.detach(), *(t.detach() for t in outputs.values()), *gradients]

        with self._untouched():
            self.recorder.warm_up(run, _WARM_UPS)
            self._results, self._replay = self.recorder.record(run)
        self._given = given

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Puts back what passes change beside gradients: running statistics, random state."""
        device = self.execution.device
        buffers = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        states = random_state.capture(device)
        yield
        with torch.no_grad():
            for buffer, kept in buffers:
                buffer.copy_(kept)
        random_state.restore(states, device)
