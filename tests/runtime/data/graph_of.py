"""A chain of steps as the exported file runs it, with nothing behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from dlc.compiler.codegen.onnx_graph import Pipeline
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Graph, Program
from dlc.compiler.ir.types import DType, TensorType
from dlc.runtime.data.preprocessing import fit, transform
from dlc.runtime.data.steps.base import Array, Statistics
from dlc.runtime.export.onnx_builder import export_program

N = symbol("N")


def raw_of(values: Array) -> TensorType:
    dtype = DType.STRING if values.dtype == object else DType(values.dtype.name)
    return TensorType(dtype, (N, *values.shape[1:]))


def exported(steps: Sequence[Preprocess], statistics: Sequence[Statistics], values: Array) -> Array:
    """What onnxruntime makes of raw values."""
    raw = raw_of(values)
    declared = raw
    for step in steps:
        declared = step.infer(declared)
    result = transform(values[:1], steps, statistics)
    declared = TensorType(declared.dtype, (N, *result.shape[1:]))
    alone = Graph(
        name="main",
        block="",
        inputs=("x",),
        outputs=(("y", "x"),),
        nodes=(),
        values={"x": declared},
    )
    program = Program(name="main", graphs={"main": alone}, main="main")
    pipeline = Pipeline(preprocess={"x": tuple(steps)}, raw={"x": raw})
    state = {
        f"preprocess.x.{index}.{name}": value
        for index, found in enumerate(statistics)
        for name, value in found.items()
    }
    model = export_program(program, state, pipeline=pipeline)
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: Array = session.run(None, {"x": values})[0]
    return found


def same_in_training_and_in_the_file(
    steps: Sequence[Preprocess], train: Array, others: Sequence[Array] = ()
) -> Array:
    """Fits a chain, holds the file to what training sees, and gives that."""
    for step in steps:
        step.validate()
    statistics, after = fit(train, steps)
    for values in (train, *others):
        with np.errstate(all="ignore"):
            expected = transform(values, steps, statistics)
        found = exported(steps, statistics, values)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * _scale(expected))
    return after


def _scale(values: Array) -> float:
    finite: Any = np.abs(values[np.isfinite(values)])
    return min(1.0, float(finite.max(initial=0.0)))
