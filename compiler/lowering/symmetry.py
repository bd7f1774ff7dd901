"""Hidden layers whose weights would all start equal.

Units with equal weights compute the same; what corrects them tells them apart only by what
lies behind, and where that is equal too they stay equal for ever (Goodfellow, Bengio and
Courville, "Deep learning", 2016, section 8.4). With zeros the layer passes no gradient on
either. What may start so, because something else tells its units apart:

- biases, norms and other parameters of one dim, and learned tensors that are no layer;
- a layer behind which no other layer has weights: each of its units has a target of its own;
- one whose result meets another value, as at the end of the body of a residual: there the
  units stand beside different numbers;
- one with a single unit, or a single one in each group, each of which reads other channels.

An embedding is a linear layer over one-hot words, and is judged as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush

from dlc.compiler.analysis.flat import Flat, Layer, flatten, readers
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.ir.graph import Node, Parameter, Program
from dlc.compiler.ir.parametrization import is_magnitude
from dlc.compiler.lowering.starts import own_argument, place
from dlc.compiler.syntax import tree

# How ops call the number of their units.
_UNITS = ("out_features", "out_channels", "embedding_dim", "hidden_size")
# Ops that only put values side by side: their units stay as alike as they were.
_BESIDE = ("concat", "stack")
_ATTENTION = "multihead_attention"


def check_symmetry(spec: tree.File, program: Program, collector: Collector) -> None:
    """Reports E0313 for each place where such a start is written."""
    if not any(_starts_equal(node) for graph in program.graphs.values() for node in graph.nodes):
        return
    flat = flatten(program)
    reading = readers(flat)
    reported: set[int] = set()
    for number, layer in enumerate(flat.layers):
        if not layer.own or not _starts_equal(layer.node) or id(layer.node) in reported:
            continue
        if _several_matrices(layer.node):
            behind: Layer | None = layer
        else:
            behind = _mixed_by(number, flat, reading)
        if behind is not None:
            reported.add(id(layer.node))
            collector.add(_finding(spec, layer, behind))
            if collector.is_full:
                return


def _weights(parameters: tuple[Parameter, ...]) -> list[Parameter]:
    """The matrices; of a weight in two parts its directions, which the initializer fills."""
    matrices = [p for p in parameters if p.role == "weight" and len(p.shape) >= 2]
    return [p for p in matrices if not is_magnitude(p.name)]


def _starts_equal(node: Node) -> bool:
    """Whether several units of a layer would start with equal weights."""
    weights = _weights(node.parameters)
    if not weights or not _has_units(node) or not all(map(_is_constant, weights)):
        return False
    units = next((getattr(node.op, name) for name in _UNITS if hasattr(node.op, name)), 0)
    return node.kind == _ATTENTION or units // getattr(node.op, "groups", 1) > 1


def _has_units(node: Node) -> bool:
    """Whether the op makes units, each with weights for all that flows in; a table of
    positions is learned too, and makes none."""
    return node.kind == _ATTENTION or any(hasattr(node.op, name) for name in _UNITS)


def _is_constant(parameter: Parameter) -> bool:
    initializer = parameter.initializer
    if not isinstance(initializer, Initializer) or initializer.reads:
        return False
    shape = tuple(dim for dim in parameter.shape if isinstance(dim, int))
    return len(shape) == len(parameter.shape) and initializer.variance(shape) == 0.0


def _several_matrices(node: Node) -> bool:
    """Whether one matrix of the op multiplies what another gives."""
    return node.kind == _ATTENTION or getattr(node.op, "num_layers", 1) > 1


def _mixed_by(number: int, flat: Flat, reading: Mapping[str, list[int]]) -> Layer | None:
    """The layer behind that multiplies the units of this one by weights, before anything
    else has told them apart; None where there is none."""
    alike = set(flat.layers[number].outputs)
    queue: list[int] = []
    seen = {number}

    def enqueue(values: tuple[str, ...]) -> None:
        for value in values:
            for reader in reading.get(value, ()):
                if reader not in seen:
                    seen.add(reader)
                    heappush(queue, reader)

    enqueue(flat.layers[number].outputs)
    while queue:
        layer = flat.layers[heappop(queue)]
        if _weights(tuple(p for _, p in layer.parameters)):
            if _has_units(layer.node):
                return layer
            continue  # a table that is added tells units apart
        if layer.node.kind not in _BESIDE and any(
            value not in alike and _is_wide(value, flat) for value in layer.values
        ):
            continue
        results = tuple(value for value in layer.outputs if flat.types[value].dtype.is_float)
        alike.update(results)
        enqueue(results)
    return None


def _is_wide(value: str, flat: Flat) -> bool:
    """Whether a value has more than one number for each sample."""
    shape = flat.types[value].shape
    # What a parameter or a constant gives has no batch.
    batch = bool(shape) and not isinstance(shape[0], int)
    return any(size != 1 for size in shape[batch:])


def _finding(spec: tree.File, layer: Layer, behind: Layer) -> Diagnostic:
    node = layer.node
    weight = _weights(node.parameters)[0]
    argument = own_argument(node, weight)
    at = place(spec, node, weight)
    secondary: list[Label] = []
    if argument is None and node.span is not None:
        secondary.append(Label(node.span, "this layer would start so"))
    if behind is not layer and behind.node.span is not None:
        secondary.append(Label(behind.node.span, "and this one reads all of its units"))
    if argument is None:
        help = (
            f"leave the entry out, or write `kaiming_uniform`; a last layer may start so by an "
            f"argument of its own, `init={getattr(weight.initializer, 'name', 'zeros')}`"
        )
    else:
        help = f"leave `{argument}` out, or write `{argument}=kaiming_uniform`"
    return Diagnostic(
        code("E0313"),
        f"all weights of the hidden layer `{layer.path}` would start equal",
        Label(at) if at is not None else None,
        tuple(secondary),
        (
            "units with equal weights compute the same, and are corrected in the same way: the "
            "layer is as wide as one unit",
        ),
        help,
    )
