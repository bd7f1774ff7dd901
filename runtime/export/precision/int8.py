"""Layers in eight bits, by onnxruntime's quantizer.

`int8`: weights are int8 with a scale for each channel, activations uint8 with scales from what
they were on rows of the training part; pairs of QuantizeLinear and DequantizeLinear say so.
With signed activations onnxruntime's CPU took three times as long for ResNet-18. An x86 processor
without VNNI instructions may saturate on the way; what a file answers there `dlc evaluate` tells.
`int8_dynamic`: weights alone, and activations by their
range in each batch, which suits networks whose activations vary: recurrent ones, transformers.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, NodeProto, TensorProto

from dlc.runtime.export.precision.layers import copied, layer_of

# With weights: what is worth it.
_STATIC = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Gather"})
# What passes int8 on from one of these to the next.
_PASSING = frozenset(
    {
        *("Relu", "Clip", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "Add"),
        *("Concat", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Split", "Slice"),
    }
)
_DYNAMIC = frozenset({"MatMul", "Gemm", "LSTM", "Gather"})


class StaticInt8:
    """A `Lowering` to `int8`; `feeds` are raw inputs of rows of the training part."""

    def __init__(self, model: ModelProto, feeds: Sequence[Mapping[str, Any]]) -> None:
        self.model = model
        self.weights = _float_weights(model)
        self.layers = _layers(model, _STATIC, self.weights)
        self.ranges = self._calibrated(feeds)

    def convert(self, layers: frozenset[str]) -> ModelProto:
        from onnxruntime.quantization import QDQQuantizer, QuantType

        nodes = self._nodes(layers)
        with _quiet():
            quantizer = QDQQuantizer(
                copied(self.model),
                per_channel=True,
                reduce_range=False,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QUInt8,
                tensors_range=self.ranges,
                nodes_to_quantize=[node.name for node in nodes],
                nodes_to_exclude=[],
                op_types_to_quantize=sorted({node.op_type for node in nodes}),
                extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]},
            )
            quantizer.quantize_model()
            quantizer.model.topological_sort()
        return _ours(quantizer.model.model, self.model)

    def twin(self, converted: ModelProto) -> ModelProto:
        return converted

    def _nodes(self, layers: frozenset[str]) -> list[NodeProto]:
        made: set[str] = set()
        found = []
        for node in self.model.graph.node:
            if not layer_of(node):
                continue
            weighted = _is_weighted(node, _STATIC, self.weights) and layer_of(node) in layers
            passing = (
                node.op_type in _PASSING
                and any(name in made for name in node.input)
                and not any(name in self.weights for name in node.input)
            )
            if weighted or passing:
                found.append(node)
                if node.op_type not in ("MatMul", "Gemm"):
                    made.update(node.output)
        return found

    def _calibrated(self, feeds: Sequence[Mapping[str, Any]]) -> Any:
        from onnxruntime.quantization import CalibrationMethod, create_calibrator

        types = sorted(_STATIC | _PASSING)
        with tempfile.TemporaryDirectory(prefix="dlc-int8-") as folder, _quiet():
            path = Path(folder) / "model.onnx"
            onnx.save(self.model, path)
            calibrator = create_calibrator(
                path,
                types,
                augmented_model_path=str(Path(folder) / "augmented.onnx"),
                calibrate_method=CalibrationMethod.MinMax,
            )
            calibrator.collect_data(_Reader(feeds))
            return calibrator.compute_data()


class DynamicInt8:
    """A `Lowering` to `int8_dynamic`."""

    def __init__(self, model: ModelProto) -> None:
        self.model = model
        self.weights = _float_weights(model)
        self.layers = _layers(model, _DYNAMIC, self.weights)

    def convert(self, layers: frozenset[str]) -> ModelProto:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        chosen = [
            node
            for node in self.model.graph.node
            if layer_of(node) in layers and _is_weighted(node, _DYNAMIC, self.weights)
        ]
        # It makes a product and a sum of each Gemm, of which the product bears this name.
        names = [
            name
            for node in chosen
            for name in (
                [node.name, f"{node.name}_MatMul"] if node.op_type == "Gemm" else [node.name]
            )
        ]
        with tempfile.TemporaryDirectory(prefix="dlc-int8-") as folder, _quiet():
            path = Path(folder) / "model.onnx"
            quantize_dynamic(
                copied(self.model),
                path,
                op_types_to_quantize=sorted(_DYNAMIC),
                per_channel=True,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=names,
                extra_options={"EnableSubgraph": False, "MatMulConstBOnly": True},
            )
            return _ours(onnx.load(path), self.model)

    def twin(self, converted: ModelProto) -> ModelProto:
        return converted


class _Reader:
    """Feeds as the calibrator takes them."""

    def __init__(self, feeds: Sequence[Mapping[str, Any]]) -> None:
        self._left = iter(feeds)

    def get_next(self) -> dict[str, Any] | None:
        found = next(self._left, None)
        return None if found is None else dict(found)


def _layers(model: ModelProto, types: frozenset[str], weights: frozenset[str]) -> tuple[str, ...]:
    nodes = (node for node in model.graph.node if _is_weighted(node, types, weights))
    return tuple(dict.fromkeys(layer_of(node) for node in nodes if layer_of(node)))


def _is_weighted(node: NodeProto, types: frozenset[str], weights: frozenset[str]) -> bool:
    if node.op_type not in types or node.domain:
        return False
    place = 0 if node.op_type == "Gather" else 1
    return len(node.input) > place and node.input[place] in weights


def _float_weights(model: ModelProto) -> frozenset[str]:
    return frozenset(
        tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT
    )


def _ours(quantized: ModelProto, model: ModelProto) -> ModelProto:
    """Without the quantizer's name in it, and with the domains that its nodes use."""
    quantized.producer_name = model.producer_name
    quantized.producer_version = model.producer_version
    used = {node.domain for node in quantized.graph.node} | {""}
    kept = [opset for opset in quantized.opset_import if opset.domain in used]
    del quantized.opset_import[:], quantized.graph.value_info[:]
    quantized.opset_import.extend(kept)
    return quantized


@contextmanager
def _quiet() -> Iterator[None]:
    """It advises on standard error to prepare the model, which ours are."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
