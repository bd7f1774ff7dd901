"""The part of a network whose results are the same in every epoch, cut off from the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dlc.compiler.analysis.freezing import frozen_layers, prefixes
from dlc.compiler.analysis.parameter_groups import covers
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.ir.graph import BlockCall, Graph, Node, Program
from dlc.compiler.record import record

if TYPE_CHECKING:
    from dlc.compiler.ir.types import TensorType

# What draws in training mode, beside what has a rate of dropout.
_RANDOM = frozenset({"gaussian_noise", "stochastic_depth", "rrelu"})
_RATES = ("dropout", "dropout_p")


@record
class FrozenFeatures:
    """`trunk` takes the inputs that it needs and gives features, `head` takes these by the same
    names, beside inputs that it needs itself, and gives the network's outputs. Layers keep
    their names in both, so that they share the network's submodules and state_dict keys."""

    trunk: Program
    head: Program


def frozen_features(program: Program, transfer: Transfer | None) -> FrozenFeatures | None:
    """A network cut behind its layers that are frozen for good; None where there are none that
    nothing trained precedes, or where they give no row for each sample.

    The trunk is the largest set of layers of the main graph, with all that leads to them, that
    are frozen or have no parameters, and draw nothing. A layer with batch statistics belongs
    to it where it is frozen: it then uses those that it has.
    """
    frozen = {p: epoch for p, epoch in frozen_layers(program, transfer).items() if epoch is None}
    if not frozen:
        return None
    graph = program.graph
    still = tuple(prefixes(program, frozen))
    bound = _bound(graph)
    known = set(graph.inputs)
    trunk: set[str] = set()
    sources: set[str] = set()
    for node in graph.nodes:
        stays = node.name not in bound and _stays(program, node, frozen, still)
        if not stays or any(value not in known for _, value in node.inputs):
            continue
        trunk.add(node.name)
        known.update(node.outputs)
        if all(value in sources for _, value in node.inputs):
            # Made of no input: computed again where it is wanted, since it has no rows.
            sources.update(node.outputs)
    learned = any(
        path in frozen
        for node in graph.nodes
        if node.name in trunk
        for path in _paths(node, frozen)
    )
    return _cut(program, trunk, sources) if learned else None


def _stays(program: Program, node: Node, frozen: Collection[str], still: Collection[str]) -> bool:
    """Whether a layer or block is the same function of its input in every step."""
    if isinstance(node.op, BlockCall):
        inner: Iterator[tuple[str, Node]] = (
            (path, one) for path, _, one in program.walk(node.op.graph, f"{node.name}.")
        )
    else:
        inner = iter([(node.name, node)])
    for path, one in inner:
        if one.parameters and path not in frozen:
            return False
        # In a part that is frozen as a whole all is in evaluation mode.
        if not any(covers(prefix, path) for prefix in still) and _changes(one):
            return False
        if one.kind.startswith(("batch_norm", "instance_norm")) and not _has_statistics(one):
            return False
    return True


def _changes(node: Node) -> bool:
    drops = any(getattr(node.op, rate, 0.0) for rate in _RATES)
    return drops or node.kind in _RANDOM or "dropout" in node.kind


def _has_statistics(node: Node) -> bool:
    return any(parameter.role == "buffer" for parameter in node.parameters) or (
        # Instance norms take those of each sample alone.
        node.kind.startswith("instance_norm")
    )


def _paths(node: Node, frozen: Collection[str]) -> Iterator[str]:
    return (path for path in frozen if path == node.name or path.startswith(f"{node.name}."))


def _bound(graph: Graph) -> frozenset[str]:
    """The nodes whose parameters others use, or that use those of others: a module of one part
    would lack what is in the other."""
    names = {node.name for node in graph.nodes}
    found: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, BlockCall) and node.op.reuses:
            found |= {node.name, node.op.reuses}
        for _, owner in node.shared:
            found.add(node.name)
            found |= {name for name in names if owner.startswith(f"{name}.")}
    return frozenset(found)


def _cut(
    program: Program, trunk: Collection[str], sources: Collection[str]
) -> FrozenFeatures | None:
    graph = program.graph
    made = {value for n in graph.nodes if n.name in trunk for value in n.outputs} - set(sources)
    rest = [node for node in graph.nodes if node.name not in trunk]
    wanted = {value for node in rest for _, value in node.inputs}
    wanted |= {value for _, value in graph.outputs}
    # Sources that the rest needs, with what leads to them.
    again = []
    for node in reversed(graph.nodes):
        if node.name in trunk and wanted.intersection(node.outputs).intersection(sources):
            again.append(node.name)
            wanted.update(value for _, value in node.inputs)
    crossing = [value for value in graph.values if value in made and value in wanted]
    rows = {graph.values[name].shape[:1] for name in graph.inputs}
    if not crossing or any(graph.values[value].shape[:1] not in rows for value in crossing):
        return None
    names = _names(graph, crossing)
    types: dict[str, TensorType] = {
        names.get(value, value): type_ for value, type_ in graph.values.items()
    }
    head = [
        replace(node, inputs=tuple((port, names.get(v, v)) for port, v in node.inputs))
        for node in graph.nodes
        if node.name not in trunk or node.name in again
    ]
    used = {value for node in head for _, value in node.inputs}
    outputs = tuple((name, names.get(value, value)) for name, value in graph.outputs)
    used |= {value for _, value in outputs}
    inputs = (*(n for n in graph.inputs if n in used), *names.values())
    first = [node for node in graph.nodes if node.name in trunk]
    needed = {value for node in first for _, value in node.inputs}
    return FrozenFeatures(
        trunk=_with_main(
            program,
            replace(
                graph,
                inputs=tuple(name for name in graph.inputs if name in needed),
                outputs=tuple((name, value) for value, name in names.items()),
                nodes=tuple(first),
            ),
        ),
        head=_with_main(
            program,
            replace(graph, inputs=inputs, outputs=outputs, nodes=tuple(head), values=types),
        ),
    )


def _names(graph: Graph, values: Collection[str]) -> dict[str, str]:
    """A name that is free for each value that crosses the cut; the values' own may have dots."""
    taken = {*graph.values, *(name for name, _ in graph.outputs), *(n.name for n in graph.nodes)}
    found: dict[str, str] = {}
    number = 0
    for value in values:
        while f"features_{number}" in taken:
            number += 1
        found[value] = f"features_{number}"
        taken.add(found[value])
    return found


def _with_main(program: Program, main: Graph) -> Program:
    """The program with another main graph, and the graphs that it calls."""
    graphs = {**program.graphs, program.main: main}
    called: set[str] = {program.main}
    waiting = [main]
    while waiting:
        for node in waiting.pop().nodes:
            if isinstance(node.op, BlockCall) and node.op.graph not in called:
                called.add(node.op.graph)
                waiting.append(graphs[node.op.graph])
    kept = {name: graph for name, graph in graphs.items() if name in called}
    return replace(program, graphs=kept, targets=())
