"""Every network of the zoo at full size: from its text to a module, and to an ONNX graph,
over what torch.onnx.export takes to trace the same module."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dlc.compiler import Program
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.ir.dims import substitute, symbols
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.export.onnx_builder import export_program
from dlc.runtime.export.reference import program_state
from dlc.runtime.loading import load_module, model_class
from tests.zoo.networks import ZOO
from tests.zoo.running import compiled

SIZES = {"N": 2, "T": 16, "S": 12}
_DTYPES = {DType.BOOL: torch.bool, DType.INT64: torch.int64}


class _Outputs(nn.Module):
    """torch.onnx.export wants tensors, not a dictionary."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.inner(*values).values())


def run() -> Iterator[tuple[str, str]]:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    for name in sorted(ZOO):
        yield f"{name}: text to module; emitting ONNX over torch.onnx.export", _row(name)


def _row(name: str) -> str:
    build = _median(lambda: generate(compiled(name)), 5)
    compilation = compiled(name)
    program = compilation.program
    model = model_class(load_module(generate(compilation)))().eval()
    state = program_state(model, program)
    emit = _median(lambda: export_program(program, state), 3)
    try:
        trace = _median(lambda: _trace(model, program), 1)
    except Exception as problem:
        # What torch cannot trace is a finding of its own.
        return f"{build * 1e3:.0f} ms; {emit * 1e3:.1f} ms, torch fails: {type(problem).__name__}"
    times = f"{emit * 1e3:.1f} ms over {trace * 1e3:.0f} ms"
    return f"{build * 1e3:.0f} ms; 1/{trace / emit:.0f} ({times})"


def _trace(model: nn.Module, program: Program) -> None:
    inputs = tuple(_drawn(program.graph.values[name]) for name in program.graph.inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Outputs(model), inputs, None, dynamo=True, verbose=False, external_data=False
        )


def _drawn(type: TensorType) -> Tensor:
    shape: list[Any] = []
    for dim in type.shape:
        names = {} if isinstance(dim, int) else symbols(dim)
        shape.append(substitute(dim, {name: SIZES.get(name, 4) for name in names}))
    if type.dtype.is_float:
        return torch.rand(shape)
    return (
        torch.ones(shape, dtype=_DTYPES[type.dtype])
        if type.dtype.is_int
        else (torch.zeros(shape, dtype=torch.bool))
    )


def _median(run: Callable[[], object], rounds: int) -> float:
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
