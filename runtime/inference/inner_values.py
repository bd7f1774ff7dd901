"""A value from inside a model file: which there are, and the file that gives only one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from dlc.compiler.diagnostics.suggest import closest
from dlc.runtime.export.metadata import ModelInfo, NodeValue
from dlc.runtime.failures import USAGE, failure

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

_MOST_NAMES = 12


def inner_values(model: ModelProto, info: ModelInfo) -> Mapping[str, NodeValue]:
    """What can be asked for, by name, in the order in which it is computed: the inputs, layers
    and blocks of the spec; of a file that dlc did not write, the values of its graph, with the
    types that onnx infers (an unknown size is `?`)."""
    return info.nodes or dict(_own_values(model))


def chosen_value(nodes: Mapping[str, NodeValue], name: str | None, info: ModelInfo) -> str:
    """The name of a node that is there: `name`, or what the last layer with weights takes.
    Raises `Failure` E0707."""
    listed = ", ".join(f"`{node}`" for node in list(nodes)[-_MOST_NAMES:])
    notes = (f"{'the last nodes are' if len(nodes) > _MOST_NAMES else 'its nodes are'} {listed}",)
    if name is None:
        if info.features in nodes:
            return info.features
        raise failure(
            "E0707",
            "the file does not tell what its last layer takes",
            notes=notes,
            help="name a node: `--node NAME`; `--list` shows all",
            exit_code=USAGE,
        )
    if name in info.folded and name not in nodes:
        into = info.folded[name]
        raise failure(
            "E0707",
            f"the file has no value of `{name}`: it was folded into `{into}`",
            help=f"take `{into}`, or keep all layers: `dlc export RUN --no-fold`"
            + (" in float32" if info.precision else ""),
            exit_code=USAGE,
        )
    if name not in nodes:
        near = closest(name, nodes)
        raise failure(
            "E0707",
            f"there is no node `{name}`",
            notes=notes,
            help=f"there is one with a similar name: `{near}`" if near else "`--list` shows all",
            exit_code=USAGE,
        )
    return name


def keep_only(model: ModelProto, value: str, output: str, inputs: Collection[str]) -> None:
    """Makes `value` the one output of a model, called `output`, and removes what does not lead
    to it: nodes, weights, and inputs but for those of `inputs`."""
    graph = model.graph
    needed = {value}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    needed.update(_names(inner))
    nodes = [*reversed(kept)]
    del graph.node[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    give_too(model, value, output)
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in needed:
            del graph.initializer[index]
    for index in reversed(range(len(graph.input))):
        if graph.input[index].name not in needed and graph.input[index].name not in inputs:
            del graph.input[index]


def give_too(model: ModelProto, value: str, output: str) -> None:
    """Makes `value` an output of a model, called `output`, beside those that it has."""
    graph = model.graph
    graph.node.add(op_type="Identity", name=output, input=[value], output=[output])
    # Without a type: onnxruntime infers it, and the checker has seen the file before.
    graph.output.add(name=output)


def _names(graph: GraphProto) -> Iterator[str]:
    """Every name that the nodes of an inner graph use, those of the outer graph among them."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _names(inner)
    for output in graph.output:
        yield output.name


def _own_values(model: ModelProto) -> Iterator[tuple[str, NodeValue]]:
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    known = {info.name: info.type for info in (*graph.input, *graph.value_info, *graph.output)}
    weights = {tensor.name for tensor in graph.initializer}
    names = [i.name for i in graph.input if i.name not in weights]
    names += [name for node in graph.node for name in node.output if name]
    for name in names:
        type_ = known.get(name)
        if type_ is not None and not type_.HasField("tensor_type"):
            continue
        element = type_.tensor_type.elem_type if type_ is not None else 0
        dtype = onnx.TensorProto.DataType.Name(element).lower() if element else "?"
        shape: tuple[int | str, ...] = ("?",)
        if type_ is not None and type_.tensor_type.HasField("shape"):
            shape = tuple(
                size.dim_value if size.HasField("dim_value") else size.dim_param or "?"
                for size in type_.tensor_type.shape.dim
            )
        yield name, NodeValue(value=name, dtype=dtype, shape=shape)
