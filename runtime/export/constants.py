"""Nodes whose inputs are all known when the file is written are computed then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

# A result may be this much larger than what it replaces: a mask of 128 x 128, not a table.
_ROOM = 64 << 10
_RANDOM = ("Bernoulli", "Dropout", "Multinomial", "Random")


def fold_constants(model: ModelProto, weights: Collection[str]) -> int:
    """Replaces such nodes by their results; gives how many. Of `weights` one that others read too
    stays alone: what is made of a tied weight is made when the model runs, so that the file holds
    it once."""
    graph = model.graph
    known = {tensor.name: tensor for tensor in graph.initializer}
    readers = Counter(value for node in graph.node for value in node.input)
    public = {output.name for output in graph.output}
    left: list[NodeProto] = []
    made: list[TensorProto] = []
    for node in graph.node:
        results = None
        if node.input and not public.intersection(node.output) and not _is_random(node):
            inputs = [known.get(name) for name in node.input if name]
            given = [tensor for tensor in inputs if tensor is not None]
            if len(given) == len(inputs) and all(map(_is_inside, given)):
                tied = any(t.name in weights and readers[t.name] > 1 for t in given)
                results = None if tied else _computed(model, node, given, readers)
        if results is None:
            left.append(node)
            continue
        known.update({tensor.name: tensor for tensor in results})
        made += results
    if not made:
        return 0
    folded = len(graph.node) - len(left)
    del graph.node[:]
    graph.node.extend(left)
    graph.initializer.extend(made)
    read = {value for node in graph.node for value in node.input} | public
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in read:
            del graph.initializer[index]
    return folded


def _computed(
    model: ModelProto, node: NodeProto, given: list[TensorProto], readers: Counter[str]
) -> list[TensorProto] | None:
    sizes = {tensor.name: _bytes(tensor) for tensor in given}
    inner = helper.make_graph(
        [node],
        "constants",
        [],
        [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        initializer=given,
    )
    alone = helper.make_model(inner, opset_imports=model.opset_import, ir_version=model.ir_version)
    with np.errstate(all="ignore"):
        values = [np.asarray(value) for value in ReferenceEvaluator(alone).run(None, {})]
    if any(value.dtype.kind in "OUS" for value in values):
        return None
    freed = sum(size for name, size in sizes.items() if readers[name] == 1)
    if sum(value.nbytes for value in values) > freed + _ROOM:
        return None
    names = [name for name in node.output if name]
    return [numpy_helper.from_array(v, n) for n, v in zip(names, values, strict=True)]


def _is_inside(tensor: TensorProto) -> bool:
    outside = tensor.data_location == TensorProto.EXTERNAL
    return not outside and bool(tensor.data_type != TensorProto.STRING)


def _is_random(node: NodeProto) -> bool:
    return node.op_type.startswith(_RANDOM) or any(a.HasField("g") for a in node.attribute)


def _bytes(tensor: TensorProto) -> int:
    return len(tensor.raw_data) or numpy_helper.to_array(tensor).nbytes
