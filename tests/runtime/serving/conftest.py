"""Models and a server of them that the tests of serving share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("uvicorn")

from serving_tools import TYPES, running, save

if TYPE_CHECKING:
    from serving_tools import Running


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with one input of each type and an output for each, equal to it."""
    nodes = [helper.make_node("Identity", [f"x_{n}"], [f"y_{n}"]) for n in TYPES]
    return save(
        tmp_path_factory.mktemp("echo") / "echo.onnx",
        nodes,
        [(f"x_{n}", kind, ["N", 2]) for n, (kind, _) in TYPES.items()],
        [(f"y_{n}", kind, ["N", 2]) for n, (kind, _) in TYPES.items()],
    )


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose rows have any length: y is the sum of the row x."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    return save(
        tmp_path_factory.mktemp("sums") / "sums.onnx",
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)],
        [("x", TensorProto.FLOAT, ["N", "T"])],
        [("y", TensorProto.FLOAT, ["N"])],
        [axes],
    )


@pytest.fixture(scope="session")
def flowers(trained: Any, echo: Path, sums: Path) -> Iterator[Running]:
    """A server of a small trained table model, and of two models without dlc's metadata."""
    with running({"flowers": trained.model, "echo": echo, "sums": sums}, grpc=True) as found:
        yield found


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of many layers, which takes some milliseconds for one row as for many."""
    draw = np.random.default_rng(0)
    side, nodes, value = 512, [], "h_0"
    weights = [
        numpy_helper.from_array(draw.normal(0, 0.04, (64, side)).astype(np.float32), "w_in"),
        numpy_helper.from_array(draw.normal(0, 0.04, (side, side)).astype(np.float32), "w"),
    ]
    nodes.append(helper.make_node("MatMul", ["x", "w_in"], ["h_0"]))
    for index in range(1, 40):
        nodes.append(helper.make_node("MatMul", [value, "w"], [f"m_{index}"]))
        value = f"h_{index}"
        nodes.append(helper.make_node("Tanh", [f"m_{index}"], [value]))
    nodes.append(helper.make_node("Identity", [value], ["y"]))
    return save(
        tmp_path_factory.mktemp("slow") / "slow.onnx",
        nodes,
        [("x", TensorProto.FLOAT, ["N", 64])],
        [("y", TensorProto.FLOAT, ["N", side])],
        weights,
    )
