"""A stand-in for onnxruntime that records what a session is asked for, and runs on whatever
device the test says is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


class Options:
    def __init__(self) -> None:
        self.config: dict[str, str] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.config[key] = value


class RunOptions:
    def __init__(self) -> None:
        self.config: dict[str, str] = {}

    def add_run_config_entry(self, key: str, value: str) -> None:
        self.config[key] = value


@dataclass
class Node:
    op_type: str


@dataclass
class Part:
    ep_name: str
    nodes: list[Node]

    def get_nodes(self) -> list[Node]:
        return self.nodes


@dataclass
class Meta:
    custom_metadata_map: dict[str, str] = field(default_factory=dict)


@dataclass
class Value:
    name: str
    type: str = "tensor(float)"
    shape: tuple[Any, ...] = ("N", 2)


class OrtValue:
    """A buffer of a device."""

    def __init__(self, array: Any, device: str) -> None:
        self.array, self.device = array, device

    @classmethod
    def ortvalue_from_numpy(cls, array: Any, device: str, _: int) -> OrtValue:
        return cls(array.copy(), device)

    @classmethod
    def ortvalue_from_shape_and_type(cls, shape: Any, type_: Any, device: str, _: int) -> OrtValue:
        return cls(np.zeros(shape, type_), device)

    def update_inplace(self, array: Any) -> None:
        assert array.shape == self.array.shape
        self.array[...] = array

    def numpy(self) -> Any:
        return self.array.copy()


class Binding:
    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def bind_cpu_input(self, name: str, array: Any) -> None:
        self.inputs[name] = array

    def bind_ortvalue_input(self, name: str, value: OrtValue) -> None:
        self.inputs[name] = value

    def bind_output(self, name: str, device: str) -> None:
        self.outputs[name] = device

    def bind_ortvalue_output(self, name: str, value: OrtValue) -> None:
        self.outputs[name] = value

    def copy_outputs_to_cpu(self) -> list[Any]:
        return [self.outputs[name] for name in self.outputs]


class Runtime:
    """`loads` are the providers whose libraries load; `on_cpu` the operators that these do not
    run; `no_graphs` refuses CUDA graphs."""

    __version__ = "9.9"
    SessionOptions = Options
    RunOptions = RunOptions
    OrtValue = OrtValue

    class GraphOptimizationLevel:
        ORT_ENABLE_EXTENDED = "extended"
        ORT_ENABLE_LAYOUT = "layout"
        ORT_DISABLE_ALL = "disabled"

    class ExecutionMode:
        ORT_PARALLEL = "parallel"

    def __init__(self, *loads: str, on_cpu: tuple[str, ...] = (), no_graphs: bool = False) -> None:
        self.loads, self.on_cpu, self.no_graphs = loads, on_cpu, no_graphs
        self.sessions: list[Session] = []
        self.refused: list[Session] = []

    def get_available_providers(self) -> list[str]:
        own = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
        return [*self.loads, *(name for name in own if name not in self.loads)]

    def InferenceSession(  # noqa: N802
        self, source: Any, options: Options, providers: list[Any]
    ) -> Session:
        session = Session(source, options, providers, self)
        self.refused.append(session)
        captured = session.option("enable_cuda_graph") or session.option("trt_cuda_graph_enable")
        if captured and (self.no_graphs or self.on_cpu):
            raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : no graph capture")
        if options.config.get("session.disable_cpu_ep_fallback") == "1":
            assert "CPUExecutionProvider" not in session.names
            if self.on_cpu or session.get_providers() == ["CPUExecutionProvider"]:
                raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : fallback is disabled")
        self.refused.pop()
        self.sessions.append(session)
        return session


class Session:
    """y = 2 x, whatever the model is."""

    def __init__(self, source: Any, options: Options, providers: list[Any], runtime: Runtime):
        self.source, self.options, self.runtime = source, options, runtime
        self.asked = {
            name: dict(given)
            for name, given in ((p, {}) if isinstance(p, str) else p for p in providers)
        }
        self.runs: list[tuple[Binding, str]] = []

    @property
    def names(self) -> list[str]:
        return list(self.asked)

    def option(self, key: str) -> str | None:
        return next((given[key] for given in self.asked.values() if key in given), None)

    def get_providers(self) -> list[str]:
        loaded = [name for name in self.asked if name in self.runtime.loads]
        return [*loaded, "CPUExecutionProvider"]

    def get_provider_graph_assignment_info(self) -> list[Part]:
        assert self.options.config["session.record_ep_graph_assignment_info"] == "1"
        parts = [Part(self.get_providers()[0], [Node("Conv"), Node("Relu")])]
        if self.runtime.on_cpu:
            parts.append(Part("CPUExecutionProvider", [Node(n) for n in self.runtime.on_cpu]))
        return parts

    def get_modelmeta(self) -> Meta:
        return Meta()

    def get_inputs(self) -> list[Value]:
        return [Value("x")]

    def get_outputs(self) -> list[Value]:
        return [Value("y")]

    def run(self, names: Any, feeds: Any) -> list[Any]:
        return [2 * feeds["x"]]

    def io_binding(self) -> Binding:
        return Binding()

    def run_with_iobinding(self, binding: Binding, options: RunOptions) -> None:
        self.runs.append((binding, options.config["gpu_graph_id"]))
        given = binding.inputs["x"]
        result = 2 * (given.array if isinstance(given, OrtValue) else given)
        if isinstance(binding.outputs["y"], OrtValue):
            binding.outputs["y"].array[...] = result
        else:
            binding.outputs["y"] = result
