"""Batch norms that go into the layer before them.

In evaluation a batch norm is one factor and one summand for each channel, and so is what a
convolution or a linear map does last:

    norm(W x + b) = (s W) x + (b - mean) s + shift,    s = scale / sqrt(variance + eps)

The numbers are the runtime's: a folded weight is a recipe like any other. Its arithmetic is
float64 and is rounded once.

A layer is folded only where nothing else reads what it gives, and where every reader of its
weights folds them alike: of a weight that two layers share there stays one copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dlc.compiler.codegen.onnx_graph import LayerValue, OnnxGraph
from dlc.compiler.codegen.onnx_nodes import OnnxNode, OnnxWeight, Recipe

#: ONNX's own default.
_EPSILON = 1e-5


@dataclass(frozen=True, kw_only=True)
class _Fold:
    """A layer at the place `layer` of the nodes, and the norm at `norm` that goes into it."""

    layer: int
    norm: int
    weight: Recipe
    bias: Recipe


def fold_batch_norms(graph: OnnxGraph) -> OnnxGraph:
    """The graph with each batch norm folded that can be. The folded node keeps the name of the
    layer and gives the value of the norm; `graph.folded` tells which paths have lost theirs."""
    recipes = {weight.name: weight.recipe for weight in graph.weights}
    folds = _agreeing(graph, _candidates(graph, recipes))
    if not folds:
        return graph
    names = {*recipes, *(constant.name for constant in graph.constants)}
    weights = dict(recipes)
    nodes: dict[int, OnnxNode | None] = {}
    gone: dict[str, str] = {}
    for fold in folds:
        layer, norm = graph.nodes[fold.layer], graph.nodes[fold.norm]
        x, weight, *rest = layer.inputs
        weights[weight] = fold.weight
        bias = rest[0] if rest and rest[0] else _bias_name(weight, fold.bias, weights, names)
        weights[bias] = fold.bias
        names.add(bias)
        nodes[fold.layer] = replace(layer, inputs=(x, weight, bias), outputs=norm.outputs)
        nodes[fold.norm] = None
        gone[layer.outputs[0]] = norm.outputs[0]
    kept = [nodes.get(place, node) for place, node in enumerate(graph.nodes)]
    left = tuple(node for node in kept if node is not None)
    layers, folded = _named(graph.layers, gone)
    return replace(
        graph,
        nodes=left,
        weights=tuple(OnnxWeight(name, recipe) for name, recipe in weights.items()),
        layers=layers,
        folded={**graph.folded, **folded},
        features=_features(graph, left, layers),
    )


def _candidates(graph: OnnxGraph, recipes: Mapping[str, Recipe]) -> list[_Fold]:
    readers = Counter(value for node in graph.nodes for value in node.inputs)
    readers.update(name for name, _ in graph.outputs)
    made = {result: place for place, node in enumerate(graph.nodes) for result in node.outputs}
    found = []
    for place, norm in enumerate(graph.nodes):
        before = made.get(norm.inputs[0]) if norm.op_type == "BatchNormalization" else None
        if before is None or readers[norm.inputs[0]] != 1:
            continue
        folded = _folded(graph, graph.nodes[before], norm, recipes)
        if folded is not None:
            weight, bias = folded
            found.append(_Fold(layer=before, norm=place, weight=weight, bias=bias))
    return found


def _folded(
    graph: OnnxGraph, layer: OnnxNode, norm: OnnxNode, recipes: Mapping[str, Recipe]
) -> tuple[Recipe, Recipe] | None:
    """The weight and the bias of a layer with its norm in them; None where that cannot be."""
    axis = _channel_axis(layer)
    _, scale, shift, mean, variance = norm.inputs
    if axis is None or len(layer.inputs) < 2 or layer.inputs[1] not in recipes:
        return None
    if mean not in recipes or variance not in recipes:
        return None
    bias = layer.inputs[2] if len(layer.inputs) > 2 else ""
    if bias and bias not in recipes:
        return None
    for name, neutral in ((scale, 1.0), (shift, 0.0)):
        if name not in recipes and not _is_all(graph, name, neutral):
            return None
    eps = dict(norm.attributes).get("epsilon", _EPSILON)
    factor = ("norm_scale", axis, recipes.get(scale), recipes[variance], eps)
    summand = (
        "norm_shift",
        *(recipes.get(scale), recipes.get(shift)),
        *(recipes[variance], eps, recipes.get(bias)),
    )
    weight, start = recipes[layer.inputs[1]], recipes[mean]
    return (
        replace(weight, steps=(*weight.steps, factor)),
        replace(start, steps=(*start.steps, summand)),
    )


def _channel_axis(layer: OnnxNode) -> tuple[int, int] | None:
    """The axis of a weight on which its results lie, and into how many groups the axis before
    it is cut; None for a node that has no such weight."""
    attributes = dict(layer.attributes)
    groups = attributes.get("group", 1)
    assert isinstance(groups, int)
    match layer.op_type:
        case "Conv":
            return 0, 1
        case "ConvTranspose":
            # [in, out / groups, ...]: each group has filters of its own.
            return 1, groups
        case "Gemm" if not attributes.keys() & {"alpha", "beta", "transA"}:
            return (0 if attributes.get("transB") else 1), 1
    return None


def _is_all(graph: OnnxGraph, name: str, value: float) -> bool:
    found = next((c.values for c in graph.constants if c.name == name), ())
    return bool(found) and all(number == value for number in found)


def _agreeing(graph: OnnxGraph, folds: list[_Fold]) -> list[_Fold]:
    """Those whose weights are read by nothing that wants them otherwise."""
    while True:
        wanted = {
            (fold.layer, place): recipe
            for fold in folds
            for place, recipe in ((1, fold.weight), (2, fold.bias))
        }
        as_read: dict[str, set[Recipe | None]] = {}
        for index, node in enumerate(graph.nodes):
            for place, name in enumerate(node.inputs):
                as_read.setdefault(name, set()).add(wanted.get((index, place)))
        for name, _ in graph.outputs:
            as_read.setdefault(name, set()).add(None)
        left = [
            fold
            for fold in folds
            if all(len(as_read[name]) == 1 for name in graph.nodes[fold.layer].inputs[1:] if name)
        ]
        if len(left) == len(folds):
            return left
        folds = left


def _bias_name(weight: str, bias: Recipe, weights: Mapping[str, Recipe], names: set[str]) -> str:
    """`conv.bias` beside `conv.weight`; the same again for the same numbers."""
    base = f"{weight.removesuffix('.weight')}.bias"
    name, count = base, 1
    while name in names and weights.get(name) != bias:
        count += 1
        name = f"{base}_{count}"
    return name


def _named(
    layers: Mapping[str, LayerValue], gone: Mapping[str, str]
) -> tuple[dict[str, LayerValue], dict[str, str]]:
    """The layers that still have a value; and of those that lost it, the path that has it now."""
    holders: dict[str, str] = {}
    for path, found in layers.items():
        holders.setdefault(found.value, path)
    left = {path: found for path, found in layers.items() if found.value not in gone}
    folded = {
        path: holders[gone[found.value]] for path, found in layers.items() if found.value in gone
    }
    return left, folded


def _features(
    graph: OnnxGraph, nodes: tuple[OnnxNode, ...], layers: Mapping[str, LayerValue]
) -> str:
    """What the last layer with weights takes. Where this is a norm that was folded, the layer
    that it is in now takes what that layer took."""
    if graph.features not in graph.layers or graph.features in layers:
        return graph.features
    lost = graph.layers[graph.features].value
    paths: dict[str, str] = {}
    for path, found in layers.items():
        paths.setdefault(found.value, path)
    makers = {result: node for node in graph.nodes for result in node.outputs}
    # Between the two there may be padding that the spec does not name.
    while lost in makers and lost not in paths:
        lost = makers[lost].inputs[0]
    return paths.get(lost, "")
