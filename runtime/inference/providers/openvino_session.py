"""A model run by the package `openvino`, with the face of an onnxruntime session."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.inference.providers.openvino import EXECUTION

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

# As onnxruntime spells element types.
_SPELLED = {
    1: "float",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "double",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}


@dataclass(frozen=True, kw_only=True)
class _Value:
    name: str
    type: str
    shape: list[int | str | None]


@dataclass(frozen=True, kw_only=True)
class _Meta:
    custom_metadata_map: Mapping[str, str]


class OpenVinoSession:
    """Compiles `source`, a file or the bytes of `proto`. Raises what openvino raises."""

    def __init__(
        self, source: Path | bytes, proto: ModelProto, settings: SessionSettings, *, half: bool
    ) -> None:
        import openvino

        core = openvino.Core()
        given = core.read_model(str(source) if isinstance(source, Path) else source)
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if not half:
            # Where the processor has it, OpenVINO computes in bfloat16 unless told otherwise.
            config["INFERENCE_PRECISION_HINT"] = "f32"
        if settings.intra_op_threads:
            config["INFERENCE_NUM_THREADS"] = settings.intra_op_threads
        self._compiled = core.compile_model(given, "CPU", config)
        weights = {tensor.name for tensor in proto.graph.initializer}
        self._inputs = [_value(v) for v in proto.graph.input if v.name not in weights]
        self._outputs = [_value(v) for v in proto.graph.output]
        self._places = {name: i for i, o in enumerate(given.outputs) for name in o.names}
        self._metadata = {entry.key: entry.value for entry in proto.metadata_props}
        # A request is for one caller at a time.
        self._requests = threading.local()

    def run(
        self, names: Sequence[str] | None, feeds: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        """The outputs, in their order or those that are named."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        request.infer({name: np.ascontiguousarray(values) for name, values in feeds.items()})
        found = []
        for name in names or [output.name for output in self._outputs]:
            tensor = request.get_output_tensor(self._places[name])
            text = tensor.element_type.type_name == "string"
            # A copy: the next call writes into the same memory.
            found.append(np.array(tensor.str_data, object) if text else np.array(tensor.data))
        return found

    def get_inputs(self) -> list[_Value]:
        return self._inputs

    def get_outputs(self) -> list[_Value]:
        return self._outputs

    def get_providers(self) -> list[str]:
        return [EXECUTION]

    def get_modelmeta(self) -> _Meta:
        return _Meta(custom_metadata_map=self._metadata)


def _value(given: ValueInfoProto) -> _Value:
    tensor = given.type.tensor_type
    return _Value(
        name=given.name,
        type=f"tensor({_SPELLED.get(tensor.elem_type, '?')})",
        shape=[
            size.dim_value if size.HasField("dim_value") else size.dim_param or None
            for size in tensor.shape.dim
        ],
    )
