"""Layers in float16 or bfloat16: their weights and their arithmetic.

Inputs and outputs of the file keep their types, and so does what stands round the network. What
loses by a short mantissa or a small range stays float32: softmax, exponentials and logarithms,
sums and means, running statistics, nodes with a number that the format cannot hold. Casts are
put where the two meet, one for each value however many read it.

The converters that are there (onnxruntime's, onnxconverter-common's) know float16 alone, cast
around every node that stays, and name what they add after nothing in the spec.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from dlc.runtime.export.precision.layers import (
    FLOAT,
    attribute,
    copied,
    element_types,
    layer_of,
    names_of,
)

#: Ops whose results in a half format are those of float32, rounded.
_HALVED = frozenset(
    {
        *("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Attention"),
        *("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "Tanh", "Gelu", "Clip"),
        *("HardSigmoid", "HardSwish", "Mish", "Softplus", "Softsign", "ThresholdedRelu"),
        *("Add", "Mul", "Neg", "Max", "Min", "Abs", "Where", "Erf"),
        *("LayerNormalization", "RMSNormalization", "GroupNormalization", "RotaryEmbedding"),
        *("MaxPool", "AveragePool", "GlobalMaxPool", "Resize", "DepthToSpace", "SpaceToDepth"),
        *("Concat", "Split", "Slice", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten"),
        *("Expand", "Gather", "GatherElements", "Pad", "Tile", "Identity", "Cast"),
    }
)
#: Inputs that are float32 by the op's definition.
_FLOAT_INPUTS = {"Resize": (1, 2)}
# A weight that both formats read is stored once, in the half one, from this size on.
_LARGE = 64 << 10
_FORMATS = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_SUFFIXES = {FLOAT: "float32", TensorProto.FLOAT16: "fp16", TensorProto.BFLOAT16: "bf16"}


class HalfLowering:
    """A `Lowering` to `fp16` or `bf16`."""

    def __init__(self, model: ModelProto, precision: str) -> None:
        self.model = model
        self.target = _FORMATS[precision]
        self.floats = names_of(element_types(model), FLOAT)
        self.types = element_types(model)
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}
        places = [(i, n) for i, n in enumerate(model.graph.node) if self._can(n)]
        self.places = dict(places)
        self.layers = tuple(dict.fromkeys(layer_of(node) for _, node in places))

    def convert(self, layers: frozenset[str]) -> ModelProto:
        chosen = {i for i, node in self.places.items() if layer_of(node) in layers}
        return _Halved(self, chosen).model

    def twin(self, converted: ModelProto) -> ModelProto:
        return emulated(converted, self.target)

    def _can(self, node: NodeProto) -> bool:
        if not layer_of(node) or node.op_type not in _HALVED or node.domain:
            return False
        values = [name for name in (*node.input, *node.output) if name]
        if any(name not in self.types for name in values):
            return False
        if node.op_type == "Cast":
            # Only one that makes numbers of flags or whole numbers: it may as well make halves.
            return attribute(node, "to") == FLOAT and node.input[0] not in self.floats
        fixed = _FLOAT_INPUTS.get(node.op_type, ())
        if not any(name in self.floats for name in node.output):
            return False
        given = (n for i, n in enumerate(node.input) if i not in fixed and n in self.floats)
        return all(self._holds(self.weights[name]) for name in given if name in self.weights)

    def _holds(self, tensor: TensorProto) -> bool:
        """Whether no number of it becomes infinite, or nothing, or 0, in the format."""
        if self.target == TensorProto.BFLOAT16:
            return True
        array = numpy_helper.to_array(tensor)
        if array.size > 64 and np.abs(array).max(initial=0.0) <= 65504.0:
            return True
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        finite = np.isfinite(array)
        return bool(np.all(np.isfinite(half[finite])) and np.all((half != 0) == (array != 0)))


class _Halved:
    """One conversion: the nodes at the places `chosen` in the format of a lowering."""

    def __init__(self, lowering: HalfLowering, chosen: set[int]) -> None:
        self.lowering = lowering
        self.target = lowering.target
        self.model = copied(lowering.model)
        graph = self.model.graph
        self.outputs = {output.name for output in graph.output}
        self.native: dict[str, int] = {}
        self.casts: dict[tuple[str, int], str] = {}
        self.nodes: list[NodeProto] = []
        self._store_weights(chosen)
        for place, node in enumerate(graph.node):
            self._write(node, halved=place in chosen)
        nodes = [*self.nodes]
        del graph.node[:], graph.value_info[:]
        graph.node.extend(nodes)

    def _wanted(self, node: NodeProto, halved: bool) -> Iterator[tuple[int, int]]:
        """The places of inputs of floats, with the type that the node wants there."""
        fixed = _FLOAT_INPUTS.get(node.op_type, ())
        for place, name in enumerate(node.input):
            if name in self.lowering.floats:
                yield place, self.target if halved and place not in fixed else FLOAT

    def _store_weights(self, chosen: set[int]) -> None:
        graph = self.model.graph
        wants: dict[str, set[int]] = {}
        for place, node in enumerate(graph.node):
            for index, type_ in self._wanted(node, place in chosen):
                wants.setdefault(node.input[index], set()).add(type_)
        added = []
        for tensor in graph.initializer:
            types = wants.get(tensor.name, {FLOAT})
            if self.target not in types or tensor.name in self.outputs:
                continue
            half = _halved(tensor, self.target)
            if types == {self.target} or len(tensor.raw_data) >= _LARGE:
                tensor.CopyFrom(half)
                self.native[tensor.name] = self.target
            else:
                half.name = f"{tensor.name}:{_SUFFIXES[self.target]}"
                self.casts[tensor.name, self.target] = half.name
                added.append(half)
        graph.initializer.extend(added)

    def _write(self, node: NodeProto, *, halved: bool) -> None:
        wanted = dict(self._wanted(node, halved))
        for place, type_ in wanted.items():
            node.input[place] = self._as(node.input[place], type_)
        behind: list[NodeProto] = []
        if halved:
            if node.op_type == "Cast":
                next(a for a in node.attribute if a.name == "to").i = self.target
            for place, name in enumerate(node.output):
                if name in self.lowering.floats:
                    behind += self._halve_result(node, place, name)
        self.nodes.append(node)
        self.nodes += behind

    def _halve_result(self, node: NodeProto, place: int, name: str) -> list[NodeProto]:
        if name not in self.outputs:
            self.native[name] = self.target
            return []
        # Outputs keep their type, and their name.
        half = f"{name}:{_SUFFIXES[self.target]}"
        node.output[place] = half
        self.casts[name, self.target] = half
        return [_cast(half, name, FLOAT)]

    def _as(self, name: str, type_: int) -> str:
        if self.native.get(name, FLOAT) == type_:
            return name
        found = self.casts.get((name, type_))
        if found is None:
            found = self.casts[name, type_] = f"{name}:{_SUFFIXES[type_]}"
            self.nodes.append(_cast(name, found, type_))
        return found


def _cast(source: str, result: str, type_: int) -> NodeProto:
    return helper.make_node("Cast", [source], [result], name=f"{result}/Cast", to=type_)


def _halved(tensor: TensorProto, target: int) -> TensorProto:
    array: Any = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        half = array.astype(helper.tensor_dtype_to_np_dtype(target))
    made: TensorProto = numpy_helper.from_array(half, tensor.name)
    return made


def emulated(model: ModelProto, format: int) -> ModelProto:
    """A file that gives what kernels for the format give: each node computes in float32, from
    rounded numbers, and its result is rounded.

    onnxruntime's CPU has no kernels for bfloat16, and for float16 it computes in float32 and
    leaves out the rounding between nodes: what becomes infinite on a GPU does not there.
    """
    low = names_of(element_types(model), format)
    copy = copied(model)
    nodes: list[NodeProto] = []
    done: set[str] = set()
    for node in copy.graph.node:
        if node.op_type == "Cast":
            nodes.append(node)
            continue
        behind = []
        for place, name in enumerate(node.input):
            if name in low:
                wide = f"{name}:emulated"
                if wide not in done:
                    done.add(wide)
                    nodes.append(_cast(name, wide, FLOAT))
                node.input[place] = wide
        for place, name in enumerate(node.output):
            if name in low:
                node.output[place] = f"{name}:exact"
                behind.append(_cast(f"{name}:exact", name, format))
        nodes += [node, *behind]
    del copy.graph.node[:], copy.graph.value_info[:]
    copy.graph.node.extend(nodes)
    return copy


def reference_differs(
    model: ModelProto, function: Any, feeds: Sequence[dict[str, Any]]
) -> float | None:
    """The largest difference, relative to the largest value, between onnx's own evaluator on a
    file and what `function` gives; None where the evaluator lacks a kernel of the file."""
    from onnx.reference import ReferenceEvaluator

    worst = 0.0
    try:
        evaluator = ReferenceEvaluator(model)
        names = list(evaluator.output_names)
        for given in feeds:
            with np.errstate(all="ignore"):
                found = dict(zip(names, evaluator.run(None, dict(given)), strict=True))
            for name, value in function(given).items():
                if np.asarray(value).dtype.kind != "f":
                    continue
                scale = max(1.0, float(np.abs(value).max(initial=0.0)))
                ours = np.asarray(found[name], np.float64)
                worst = max(worst, float(np.abs(ours - value).max(initial=0.0)) / scale)
    except Exception:  # whatever its numpy kernels raise for types that they were not made for
        return None
    return worst
