"""Small programs built by hand, and the toy ops in them."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Graph, Inputs, Node, Parameter, Program
from dlc.compiler.ir.protocols import OnnxBuilder, Weight
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.ops.base import Op, OpError
from dlc.compiler.record import component


@component
class Dense(Op):
    name: ClassVar[str] = "dense"
    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    out: int

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x.with_shape(*inputs.x.shape[:-1], self.out)

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        return (
            Parameter(name="weight", shape=(self.out, inputs.x.shape[-1])),
            Parameter(name="bias", shape=(self.out,), role="bias"),
        )

    def onnx(self, b: OnnxBuilder) -> str:
        product = b.node("MatMul", b["x"], b.weight(Weight("weight").transpose(1, 0)))
        return b.node("Add", product, b.weight("bias"))


@component
class Relu(Op):
    name: ClassVar[str] = "relu"

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Relu", b["x"])


@component
class Dropped(Op):
    """Gone in evaluation mode."""

    name: ClassVar[str] = "dropped"

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x

    def onnx(self, b: OnnxBuilder) -> str:
        return b["x"]


@component
class Lookup(Op):
    name: ClassVar[str] = "lookup"
    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    count: int
    width: int

    def infer(self, inputs: Inputs) -> TensorType:
        return TensorType(DType.FLOAT32, (*inputs.x.shape, self.width))

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        return (Parameter(name="weight", shape=(self.count, self.width)),)

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Gather", b.weight("weight"), b["x"])


@component
class Reshaped(Op):
    """Any shape, by `b.shape`."""

    name: ClassVar[str] = "reshaped"

    to: TensorType

    def infer(self, inputs: Inputs) -> TensorType:
        return self.to

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Reshape", b["x"], b.shape(self.to.shape))


@component
class Sizes(Op):
    """The sizes of its `dims`, each by `b.dim`."""

    name: ClassVar[str] = "sizes"

    dims: tuple[object, ...]

    def infer(self, inputs: Inputs) -> tuple[TensorType, ...]:
        return tuple(TensorType(DType.INT64, ()) for _ in self.dims)

    def onnx(self, b: OnnxBuilder) -> tuple[str, ...]:
        return tuple(b.dim(dim) for dim in self.dims)  # type: ignore[arg-type]


@component
class Inexpressible(Op):
    name: ClassVar[str] = "inexpressible"

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x

    def onnx(self, b: OnnxBuilder) -> str:
        raise OpError("E0614", "ONNX has no such thing", help="use something else")


def node(name: str, op: object, *inputs: str, outputs: tuple[str, ...] = ()) -> Node:
    """A node whose inputs are `port=value`, or a value for the port `x`."""
    pairs = tuple(tuple(i.split("=")) if "=" in i else ("x", i) for i in inputs)
    return Node(name=name, op=op, inputs=pairs, outputs=outputs or (name,))  # type: ignore[arg-type]


def graph(
    name: str,
    inputs: dict[str, TensorType],
    nodes: tuple[Node, ...],
    outputs: dict[str, str],
    graphs: dict[str, Graph] | None = None,
) -> Graph:
    """A graph with its types inferred and its parameters filled in."""
    values = dict(inputs)
    typed: list[Node] = []
    for item in nodes:
        partial = Graph(name="", block="", inputs=(), outputs=(), nodes=(), values=values)
        ports = partial.node_inputs(item)
        parameters: tuple[Parameter, ...] = ()
        if isinstance(item.op, Op):
            results = item.op.result_types(ports)
            shared = {own for own, _ in item.shared}
            parameters = tuple(p for p in item.op.parameters(ports) if p.name not in shared)
        else:
            called = (graphs or {})[item.op.graph]  # type: ignore[union-attr]
            results = tuple(called.values[value] for _, value in called.outputs)
        values.update(zip(item.outputs, results, strict=True))
        typed.append(
            Node(
                name=item.name,
                op=item.op,
                inputs=item.inputs,
                outputs=item.outputs,
                parameters=parameters,
                shared=item.shared,
                span=item.span,
            )
        )
    return Graph(
        name=name,
        block="" if name == "main" else name,
        inputs=tuple(inputs),
        outputs=tuple(outputs.items()),
        nodes=tuple(typed),
        values=values,
    )


def program(
    inputs: dict[str, TensorType], nodes: tuple[Node, ...], outputs: dict[str, str], *blocks: Graph
) -> Program:
    """A program of one main graph and the given blocks."""
    graphs = {block.name: block for block in blocks}
    graphs["main"] = graph("main", inputs, nodes, outputs, graphs)
    return Program(name="Net", graphs=graphs, main="main")
