"""The typed graph of a network.

A `Program` is hierarchical: a block of the spec is a `Graph`, called by a node, so
that generated code keeps the author's blocks as classes and repeated blocks are
compiled once. A `Graph` is typed for one set of arguments and input types; calls that
agree in both share it.

Names. A node is named after the result it produces, else by its kind (`conv2d`,
`conv2d_2`, numbered within its graph), and a turn of a repeat adds `.i`
(`encoder_layer.3`). Paths of nodes joined by dots are state_dict keys, ONNX node
names and what `freeze`, `rename` and `--set` speak of.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import field
from typing import Protocol, TypeAlias

from dlc.compiler.ir.dims import Dim, product
from dlc.compiler.ir.types import DType, Shape, TensorType
from dlc.compiler.record import component, record
from dlc.compiler.source import Span

#: What a parameter is for: decides weight decay (`no_decay=[bias, norm]`), L2 and `init`.
ROLES = ("weight", "bias", "norm", "buffer", "variance")


@component
class Parameter:
    """A learned tensor or a buffer of one node. `name` is local: `weight`, `running_mean`.

    `initializer` is None for PyTorch's own default. `role` is one of ROLES; a buffer
    gets no gradient, a variance is the logarithm of one that a loss learns.
    """

    name: str
    shape: Shape
    dtype: DType = DType.FLOAT32
    role: str = "weight"
    initializer: object | None = None

    @property
    def trainable(self) -> bool:
        return self.role != "buffer"

    @property
    def is_bias(self) -> bool:
        """Whether it is added: a bias, or the shift of a norm."""
        return self.role == "bias" or (self.role == "norm" and self.name == "bias")

    @property
    def elements(self) -> Dim:
        return product(self.shape)


class Inputs:
    """The types of what flows into a node, by port. `x` is the first value."""

    __slots__ = ("_ports",)

    def __init__(self, ports: Mapping[str, tuple[TensorType, ...]]) -> None:
        self._ports = ports

    @property
    def x(self) -> TensorType:
        return next(iter(self._ports.values()))[0]

    def __getitem__(self, port: str) -> TensorType:
        return self._ports[port][0]

    def __contains__(self, port: str) -> bool:
        return bool(self._ports.get(port))

    def get(self, port: str) -> TensorType | None:
        found = self._ports.get(port)
        return found[0] if found else None

    def many(self, port: str) -> tuple[TensorType, ...]:
        return self._ports.get(port, ())

    @property
    def ports(self) -> Mapping[str, tuple[TensorType, ...]]:
        return self._ports


def split_path(path: str, layers: Container[str]) -> tuple[str, str]:
    """`encoder.0.weight` as the layer that it lies in and the name there. Both may have dots;
    the layer is ("", path) where none of `layers` is meant."""
    end = path.rfind(".")
    while end > 0 and path[:end] not in layers:
        end = path.rfind(".", 0, end)
    return (path[:end], path[end + 1 :]) if end > 0 else ("", path)


class Operation(Protocol):
    """What the graph needs to know of an op; `dlc.compiler.ops.base.Op` is one."""

    @property
    def name(self) -> str: ...

    def result_types(self, inputs: Inputs) -> tuple[TensorType, ...]: ...

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]: ...


@record
class BlockCall:
    """A node that runs another graph of the program.

    `reuses` is the call above, in the same graph, whose layers it applies again: it then
    has no parameters of its own, and its graph those of that call's.
    """

    graph: str
    block: str
    reuses: str = ""

    @property
    def name(self) -> str:
        return self.block


@component
class Node:
    """One op or block call.

    `inputs` are (port, value) pairs; a variadic port appears several times. `shared`
    maps an own parameter to another node's (`weight` -> `tok.weight`), which then is
    not in `parameters`. `named` is False where the author gave the result no name.
    """

    name: str
    op: Operation | BlockCall
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    shared: tuple[tuple[str, str], ...] = ()
    named: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> str:
        return self.op.name


@component
class Graph:
    """The main network (`block` is "") or one typed instance of a block.

    `values` holds the type of every value: the inputs and the nodes' outputs.
    `arguments` are the block parameters' values of this instance. `outputs` are
    (output name, value) pairs; a block's only, unnamed result is called `y`.
    """

    name: str
    block: str
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    nodes: tuple[Node, ...]
    values: Mapping[str, TensorType]
    arguments: tuple[tuple[str, object], ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)

    def node_inputs(self, node: Node) -> Inputs:
        """The types at the ports of a node."""
        ports: dict[str, tuple[TensorType, ...]] = {}
        for port, value in node.inputs:
            ports[port] = (*ports.get(port, ()), self.values[value])
        return Inputs(ports)

    def node_results(self, node: Node) -> tuple[TensorType, ...]:
        return tuple(self.values[value] for value in node.outputs)


@component
class Program:
    """A network: its graphs by name (called ones first), the main one, the targets that a
    loss compares with, and the free symbols with their ranges. `learned` are parameters that
    are trained with the network and read by its loss alone."""

    name: str
    graphs: Mapping[str, Graph]
    main: str
    targets: tuple[tuple[str, TensorType], ...] = ()
    learned: tuple[Parameter, ...] = ()

    @property
    def graph(self) -> Graph:
        return self.graphs[self.main]

    def walk(self, graph: str | None = None, prefix: str = "") -> Iterator[tuple[str, Graph, Node]]:
        """Every op node with its full dotted path, in the order of execution; block
        calls are entered, not given."""
        return self._walk(graph or self.main, prefix, again=True)

    def _walk(self, graph: str, prefix: str, *, again: bool) -> Iterator[tuple[str, Graph, Node]]:
        current = self.graphs[graph]
        stack = [(prefix, current, iter(current.nodes))]
        while stack:
            path, here, nodes = stack[-1]
            node = next(nodes, None)
            if node is None:
                stack.pop()
            elif isinstance(node.op, BlockCall):
                if node.op.reuses and not again:
                    continue
                called = self.graphs[node.op.graph]
                stack.append((f"{path}{node.name}.", called, iter(called.nodes)))
            else:
                yield f"{path}{node.name}", here, node

    def owners(self) -> Iterator[tuple[str, Graph, Node]]:
        """The same without the calls that apply the layers of another call again."""
        return self._walk(self.main, "", again=False)

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every own parameter and buffer by state_dict key; shared ones appear once, at
        their owner."""
        for path, _, node in self.owners():
            for parameter in node.parameters:
                yield f"{path}.{parameter.name}", parameter
        for parameter in self.learned:
            yield parameter.name, parameter

    @property
    def parameter_count(self) -> int:
        """Trainable numbers in all, tied weights once."""
        total = 0
        for _, parameter in self.parameters():
            if parameter.trainable:
                elements = parameter.elements
                assert isinstance(elements, int)
                total += elements
        return total


Value: TypeAlias = str
