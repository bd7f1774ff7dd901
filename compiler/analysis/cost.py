"""What a network costs: parameters, multiply-accumulates, bytes kept for the gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlc.compiler.analysis.shapes import with_input_types
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.ir.dims import INFINITY, Dim, Symbol, product, symbols
from dlc.compiler.ir.graph import BlockCall, Graph, Node, Program
from dlc.compiler.record import record

BATCH = "N"


@record
class LayerCost:
    """One layer. `bytes` are None where the theory of its op stops; `shape` is that of its
    first result."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    buffers: int
    macs: int
    bytes: int | None


@record
class Cost:
    """A network for given sizes.

    `parameters` are the trainable numbers, tied ones once, `buffers` the others that are
    kept. `macs` counts convolutions and matrix products of one forward pass. `bytes` is
    what autograd keeps of it for the backward pass, each tensor once, parameters apart.
    `dims` are the sizes that were taken.
    """

    parameters: int
    buffers: int
    macs: int
    bytes: int
    dims: Mapping[str, int]
    layers: tuple[LayerCost, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "parameters": self.parameters,
            "buffers": self.buffers,
            "macs": self.macs,
            "bytes": self.bytes,
            "dims": dict(self.dims),
            "layers": [
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "shape": list(layer.shape),
                    "parameters": layer.parameters,
                    "buffers": layer.buffers,
                    "macs": layer.macs,
                    "bytes": layer.bytes,
                }
                for layer in self.layers
            ],
        }


def cost(program: Program, dims: Mapping[str, int] | None = None) -> Cost:
    """The cost for one sample, or for the sizes given in `dims`; a size that is not given is
    the top of its range.

    Raises `DiagnosticError` E0403 where a size has no top, E0202 and E0302 where `dims`
    names or sets what the program does not allow.
    """
    sizes = sizes_of(program, dims or {})
    return _Counter(with_input_types(program, sizes), sizes).cost()


def sizes_of(
    program: Program, given: Mapping[str, int], *, batch: int | None = None
) -> dict[str, int]:
    """A number for every size that the inputs leave open: as given, for the batch `batch` or
    the least, else the top of its range. Raises `DiagnosticError` E0202, E0302, E0403."""
    types = [program.graph.values[name] for name in program.graph.inputs]
    known: dict[str, Symbol] = {}
    batches: set[str] = {BATCH}
    for type in types:
        for axis, size in enumerate(type.shape):
            known |= symbols(size)
            if axis == 0:
                batches |= set(symbols(size))
    for name, value in given.items():
        _check_given(name, value, known)
    sizes: dict[str, int] = {}
    for name, found in known.items():
        if name in given:
            sizes[name] = given[name]
        elif name in batches:
            sizes[name] = found.low if batch is None else max(found.low, batch)
        elif found.high < INFINITY:
            sizes[name] = found.high
        else:
            raise DiagnosticError(
                Diagnostic(
                    code("E0403"),
                    f"the cost depends on the size `{name}`, which has no upper bound",
                    help=f"give it, `--dim {name}=128`, or declare its range, "
                    f"`dims: {{{name}: 1..128}}`",
                )
            )
    return sizes


def _check_given(name: str, value: int, known: Mapping[str, Symbol]) -> None:
    found = known.get(name)
    if found is None:
        _, help = did_you_mean(name, known, "size")
        raise DiagnosticError(
            Diagnostic(
                code("E0202"),
                f"no input has a size called `{name}`",
                help=help or f"sizes are {', '.join(f'`{n}`' for n in known) or 'all known'}",
            )
        )
    if not found.low <= value <= found.high:
        top = "" if found.high >= INFINITY else f" and at most {found.high}"
        raise DiagnosticError(
            Diagnostic(code("E0302"), f"`{name}` is at least {found.low}{top}, got {value}")
        )


class _Counter:
    def __init__(self, program: Program, sizes: dict[str, int]) -> None:
        self._program = program
        self._dims = sizes
        self._kept: set[str] = set()
        self._total = 0

    def cost(self) -> Cost:
        graph = self._program.graph
        layers = tuple(self._layers(graph, "", {name: name for name in graph.inputs}))
        return Cost(
            parameters=sum(layer.parameters for layer in layers),
            buffers=sum(layer.buffers for layer in layers),
            macs=sum(layer.macs for layer in layers),
            bytes=sum(layer.bytes or 0 for layer in layers),
            dims=self._dims,
            layers=layers,
        )

    def _layers(
        self, graph: Graph, prefix: str, tensors: dict[str, str], *, again: bool = False
    ) -> Iterator[LayerCost]:
        """`tensors` gives each value the name of the tensor that it is, over all blocks;
        `again` where another call has the parameters."""
        for node in graph.nodes:
            if isinstance(node.op, BlockCall):
                called = self._program.graphs[node.op.graph]
                inner = {port: tensors[value] for port, value in node.inputs}
                twice = again or bool(node.op.reuses)
                yield from self._layers(called, f"{prefix}{node.name}.", inner, again=twice)
                for value, (_, result) in zip(node.outputs, called.outputs, strict=True):
                    tensors[value] = inner[result]
                continue
            for value in node.outputs:
                tensors[value] = prefix + value
            yield self._layer(graph, node, prefix, tensors, again)

    def _layer(
        self, graph: Graph, node: Node, prefix: str, tensors: dict[str, str], again: bool
    ) -> LayerCost:
        own = () if again else node.parameters
        inputs, results = graph.node_inputs(node), graph.node_results(node)
        op: Any = node.op
        return LayerCost(
            name=prefix + node.name,
            kind=node.kind,
            shape=tuple(_number(size) for size in results[0].shape),
            parameters=sum(_number(p.elements) for p in own if p.trainable),
            buffers=sum(_number(p.elements) for p in own if not p.trainable),
            macs=_number(op.macs(inputs, results)),
            bytes=self._bytes(graph, node, tensors),
        )

    def _bytes(self, graph: Graph, node: Node, tensors: dict[str, str]) -> int | None:
        """What the layer makes autograd keep and no layer before it did."""
        op: Any = node.op
        inputs, results = graph.node_inputs(node), graph.node_results(node)
        kept = op.keeps(inputs)
        if kept is None:
            return None
        values = dict(zip(op.result_names(len(node.outputs)), node.outputs, strict=True))
        total = _number(op.own_bytes(inputs, results))
        for name in kept:
            found = [values[name]] if name in values else [v for p, v in node.inputs if p == name]
            for value in found:
                tensor, type = tensors[value], graph.values[value]
                if tensor not in self._kept:
                    self._kept.add(tensor)
                    total += _number(product(type.shape)) * type.dtype.bytes
        return total


def _number(size: Dim) -> int:
    assert isinstance(size, int), f"`{size}` is not known"
    return size
