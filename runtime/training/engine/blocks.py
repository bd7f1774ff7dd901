"""The blocks of a network: what is compiled once for all its turns, and what is checkpointed.

An innermost block is a residual unit, a layer of a transformer: compiling it once for all
blocks of equal sizes gives most of the speed of compiling the network, in a fraction of the
time. Checkpoints are taken of the outermost blocks, which keep nothing but their inputs.

Source: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost" (2016),
for checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from dlc.runtime.failures import Failure, failure
from dlc.runtime.training.engine.choices import Choices

Forward = Callable[..., Any]


def blocks_of(model: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of a generated network, outer ones before those inside them."""
    own = _made(model).__module__

    def is_block(module: nn.Module) -> bool:
        kind = _made(module)
        # The generated module also has helpers of its own: layers that torch lacks.
        ours = kind.__module__ == own and kind.__bases__ == (nn.Module,)
        return ours and module is not model and any(True for _ in module.children())

    return tuple(module for module in model.modules() if is_block(module))


def _made(module: nn.Module) -> type:
    """The class as the source has it: dividing parameters over ranks puts one before it."""
    kinds = type(module).__mro__
    return next((k for k in kinds if not k.__module__.startswith("torch.")), kinds[0])


def _innermost(blocks: tuple[nn.Module, ...]) -> tuple[nn.Module, ...]:
    outer = {id(b) for b in blocks for inner in b.modules() if inner is not b and inner in blocks}
    return tuple(block for block in blocks if id(block) not in outer)


def _outermost(blocks: tuple[nn.Module, ...]) -> tuple[nn.Module, ...]:
    inner = {id(inside) for b in blocks for inside in b.modules() if inside is not b}
    return tuple(block for block in blocks if id(block) not in inner)


class Blocks:
    """The blocks of a network, made to run as chosen while the network is trained. A network
    without blocks is one. Compiled code is used while `compiled` is true."""

    def __init__(self, model: nn.Module, choices: Choices, *, dynamic: bool) -> None:
        self.compiled = True
        self._dynamic = dynamic
        self._mode = "reduce-overhead" if choices.cuda_graphs else None
        self._known: dict[object, Forward] = {}
        blocks = blocks_of(model)
        if choices.compile == "blocks":
            for block in _innermost(blocks) or (model,):
                self._put(block, self._compiled(block))
        if choices.checkpointing:
            for block in _outermost(blocks) or (model,):
                self._put(block, _checkpointed(block.forward))

    def _put(self, block: nn.Module, forward: Forward) -> None:
        """Lets the block run so while it is trained; validation runs it as it stands."""
        plain = _made(block).forward  # type: ignore[attr-defined]

        def chosen(block: nn.Module, *arguments: Any, **named: Any) -> Any:
            training = block.training and torch.is_grad_enabled()
            return (forward if training else plain)(block, *arguments, **named)

        # A method, unlike a closure over the block, is that of the copy in a copied network.
        block.forward = MethodType(chosen, block)

    def _compiled(self, block: nn.Module) -> Forward:
        kind = _made(block)
        plain: Forward = kind.forward  # type: ignore[attr-defined]
        key = (kind, *((name, t.shape, t.dtype) for name, t in block.state_dict().items()))
        if key not in self._known:
            self._known[key] = torch.compile(
                own_code(plain), dynamic=self._dynamic, mode=self._mode
            )
        compiled = self._known[key]

        def chosen(block: nn.Module, *arguments: Any, **named: Any) -> Any:
            return (compiled if self.compiled else plain)(block, *arguments, **named)

        return chosen


def _checkpointed(inner: MethodType | Forward) -> Forward:
    run: Forward = getattr(inner, "__func__", inner)

    def forward(block: nn.Module, *arguments: Any, **named: Any) -> Any:
        return checkpoint(
            run,
            block,
            *arguments,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _spared(block)),
            **named,
        )

    return forward


def own_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with a code object of its own: torch keeps what it compiled by code
    object, and counts recompilations by it."""
    assert isinstance(function, FunctionType)
    made = FunctionType(
        function.__code__.replace(),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def not_compiled(error: RuntimeError) -> Failure | None:
    """The `Failure` E0626 of an error of torch.compile's; None for any other."""
    from torch._dynamo.exc import TorchDynamoException

    if not isinstance(error, TorchDynamoException):
        return None
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return failure(
        "E0626",
        "torch.compile does not take the training step",
        notes=(" ".join(lines[:2])[:200],),
        help="leave `train.compile` out",
    )


@contextmanager
def _spared(block: nn.Module) -> Iterator[None]:
    """While a block is computed again, its running statistics must not count twice."""
    kept = [
        (module, name, buffer)
        for module in block.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        for module, name, buffer in kept:
            module._buffers[name] = buffer.clone()
        yield
    finally:
        for module, name, buffer in kept:
            module._buffers[name] = buffer
