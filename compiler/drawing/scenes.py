"""Making the scenes of a view: which layers share a box, and what flows between boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from dlc.compiler.diagnostics.render.display import visible
from dlc.compiler.drawing.families import FOLLOWERS, SIGNS, family_of
from dlc.compiler.drawing.labels import (
    all_arguments,
    argument_notes,
    block_notes,
    initializer_text,
    shape_text,
)
from dlc.compiler.drawing.runs import Run, runs, spelled_out
from dlc.compiler.drawing.view import (
    BLOCK,
    INPUT,
    OUTPUT,
    SIGN,
    STACK,
    Box,
    End,
    Layer,
    Scene,
    Tensor,
    View,
    Wire,
)
from dlc.compiler.ir.dims import INFINITY, Dim, DimError, substitute, symbols
from dlc.compiler.ir.graph import BlockCall, Graph, Node, Program, split_path
from dlc.compiler.ir.literal_text import write_value
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.source import Span

_MOST_ROWS = 6
_MOST_SOURCE = 400  # characters of a spec that the details of one layer quote


def view(program: Program) -> View:
    """The view of a program. Equal programs give equal views."""
    sizes, open_sizes = _taken_sizes(program)
    scenes = _Scenes(program, sizes)
    for name in program.graphs:
        scenes.add(name)
    return View(
        name=program.name,
        main=program.main,
        scenes=scenes.made,
        runs=scenes.spelled,
        parameters=program.parameter_count,
        macs=scenes.macs(program.main),
        sizes=sizes,
        open_sizes=open_sizes,
        targets=tuple((name, shape_text(type)) for name, type in program.targets),
    )


def _taken_sizes(program: Program) -> tuple[dict[str, int], tuple[str, ...]]:
    """The sizes that costs are told for: one sample, the top of what has one; and the names
    of those that stay open."""
    sizes: dict[str, int] = {}
    open_sizes: list[str] = []
    types = [program.graph.values[name] for name in program.graph.inputs]
    batches = {n for type in types if type.shape for n in symbols(type.shape[0])} | {"N"}
    for type in types:
        for size in type.shape:
            for name, found in symbols(size).items():
                if name in batches:
                    sizes[name] = found.low
                elif found.high < INFINITY:
                    sizes[name] = found.high
                elif name not in open_sizes:
                    open_sizes.append(name)
    return sizes, tuple(open_sizes)


class _Scenes:
    """The scenes of a program by name of graph, with what their layers cost."""

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.made: dict[str, Scene] = {}
        self.spelled: dict[str, Scene] = {}
        self._program = program
        self._sizes = sizes
        self._parameters: dict[str, int] = {}
        self._macs: dict[str, Dim | None] = {}

    def add(self, name: str) -> None:
        """Makes the scene of a graph; those that it calls must stand."""
        graph = self._program.graphs[name]
        drawn = _SceneMaker(self, graph).scene(inner=name != self._program.main)
        self.made[name] = drawn
        self._parameters[name] = sum(box.parameters for box in drawn.boxes)
        self._macs[name] = _total(box.macs for box in drawn.boxes)

    def spell_out(self, run: Run, graph: Graph, called: Graph) -> str:
        """Makes the scene that shows a run call by call; gives its name."""
        name = f"{graph.name}/{run.first.name}"
        spelled = spelled_out(run, called, graph.values, name)
        self.spelled[name] = _SceneMaker(self, spelled, folded=False).scene(inner=True)
        return name

    def parameters(self, graph: str) -> int:
        return self._parameters[graph]

    def macs(self, graph: str) -> Dim | None:
        return self._macs[graph]

    def graph(self, name: str) -> Graph:
        return self._program.graphs[name]

    def layer(self, graph: Graph, node: Node) -> Layer:
        """An op with what the details tell of it."""
        op: Any = node.op
        names = {other.name for other in graph.nodes} if node.shared else set()
        inputs, results = graph.node_inputs(node), graph.node_results(node)
        try:
            macs: Dim | None = substitute(op.macs(inputs, results), dict(self._sizes))
        except DimError:
            macs = None
        tensors = tuple(
            Tensor(
                name=p.name,
                shape=shape_text(float_tensor(*p.shape)),
                elements=_whole(p.elements),
                role=p.role,
                start=initializer_text(p.initializer),
            )
            for p in node.parameters
        )
        place, source = quoted(node.span)
        return Layer(
            name=node.name,
            kind=node.kind,
            family=family_of(node.kind),
            named=node.named,
            notes=tuple(argument_notes(op)),
            arguments=tuple(all_arguments(op)),
            inputs=tuple((p, v, shape_text(graph.values[v])) for p, v in node.inputs),
            results=tuple((v, shape_text(t)) for v, t in zip(node.outputs, results, strict=True)),
            tensors=tensors,
            parameters=sum(t.elements for t in tensors if t.role != "buffer"),
            macs=macs,
            lent=tuple((own, path, split_path(path, names)[0]) for own, path in node.shared),
            place=place,
            source=source,
        )


def _whole(size: Dim) -> int:
    return size if isinstance(size, int) else 0


def _total(parts: Iterable[Dim | None]) -> Dim | None:
    total: Dim = 0
    for part in parts:
        if part is None:
            return None
        total = total + part
    return total


def quoted(span: Span | None) -> tuple[str, str]:
    """Where a layer stands in its spec (`bert.yaml:14`) and the text there. The file is named
    without its folder: a picture tells nothing of the machine that made it."""
    if span is None:
        return "", ""
    text = span.text.strip()
    if "\n" not in text:
        text = span.source.line(span.location.line).strip()
    shortened = text if len(text) <= _MOST_SOURCE else text[:_MOST_SOURCE] + " …"
    return f"{PurePath(span.source.name).name}:{span.location.line}", visible(shortened)


class _SceneMaker:
    def __init__(self, scenes: _Scenes, graph: Graph, *, folded: bool = True) -> None:
        self._scenes = scenes
        self._graph = graph
        self._folded = folded
        self._readers = Counter(value for node in graph.nodes for _, value in node.inputs)
        self._readers.update(value for _, value in graph.outputs)
        self._boxes: list[Box] = []
        self._makers: dict[str, End] = {}
        self._reads: dict[str, list[End]] = {}
        self._shapes: dict[int, set[str]] = {}  # what flows into a box

    def scene(self, *, inner: bool) -> Scene:
        graph = self._graph
        for name in graph.inputs:
            self._makers[name] = End(box=len(self._boxes))
            self._boxes.append(
                Box(
                    key=f"in:{name}",
                    kind=INPUT,
                    title=name,
                    type=shape_text(graph.values[name]),
                )
            )
        if self._folded:
            for run in runs(graph, self._readers):
                self._run(run)
        else:
            for node in graph.nodes:
                self._run(Run(nodes=(node,)))
        for name, value in graph.outputs:
            self._read(len(self._boxes), "", value)
            self._boxes.append(
                Box(
                    key=f"out:{name}",
                    kind=OUTPUT,
                    title=name,
                    type=shape_text(graph.values[value]),
                )
            )
        return Scene(
            name=graph.name,
            block=graph.block,
            notes=tuple(block_notes(graph.arguments)),
            boxes=tuple(self._boxes),
            wires=tuple(self._wires()),
            ins=graph.inputs if inner else (),
            outs=tuple(name for name, _ in graph.outputs) if inner else (),
        )

    # ── boxes ────────────────────────────────────────────────────────────────

    def _run(self, run: Run) -> None:
        node = run.first
        if isinstance(node.op, BlockCall):
            self._block(run, node.op)
            return
        layer = self._scenes.layer(self._graph, node)
        if self._follows(node, layer):
            return
        if node.kind in SIGNS and len(node.inputs) == 2:
            self._sign(node, layer)
            return
        at = self._add(
            Box(
                key=node.name,
                kind=STACK,
                family=layer.family,
                layers=(layer,),
                in_ports=_ports(node),
                out_ports=self._results(node),
                parameters=layer.parameters,
                macs=layer.macs,
            ),
            node,
        )
        for port, value in node.inputs:
            self._read(at, port if self._boxes[at].in_ports else "", value)

    def _block(self, run: Run, call: BlockCall) -> None:
        called = self._scenes.graph(call.graph)
        owned = 0 if call.reuses else 1 if run.tied else len(run.nodes)
        macs = self._scenes.macs(call.graph)
        inputs, outputs = called.inputs, tuple(name for name, _ in called.outputs)
        place, source = quoted(run.first.span)
        results = self._graph.node_results(run.last)
        several = named = ""
        if len(run.nodes) > 1:
            several = self._scenes.spell_out(run, self._graph, called)
        elif run.first.named or not self._folded:
            named = run.first.name
        at = len(self._boxes)
        self._boxes.append(
            Box(
                key=run.first.name,
                kind=BLOCK,
                title=call.block,
                notes=tuple(block_notes(called.arguments)),
                arguments=tuple((n, visible(write_value(v))) for n, v in called.arguments),
                calls=tuple(node.name for node in run.nodes),
                graph=call.graph,
                run=several,
                reuses=call.reuses,
                tied=run.tied,
                named=named,
                in_ports=inputs if len(inputs) > 1 else (),
                out_ports=outputs if len(outputs) > 1 else (),
                types=(
                    *((p, shape_text(self._graph.values[v])) for p, v in run.first.inputs),
                    *((p, shape_text(t)) for p, t in zip(outputs, results, strict=True)),
                ),
                parameters=owned * self._scenes.parameters(call.graph),
                macs=None if macs is None else macs * len(run.nodes),
                place=place,
                source=source,
            )
        )
        for port, value in run.first.inputs:
            self._read(at, port if len(inputs) > 1 else "", value)
        for name, value in zip(outputs, run.last.outputs, strict=True):
            self._makers[value] = End(box=at, port=name if len(outputs) > 1 else "")

    def _add(self, box: Box, node: Node) -> int:
        at = len(self._boxes)
        self._boxes.append(box)
        for name, value in zip(
            box.out_ports or ("",) * len(node.outputs), node.outputs, strict=True
        ):
            self._makers[value] = End(box=at, port=name)
        return at

    def _results(self, node: Node) -> tuple[str, ...]:
        """The names of the results, where more than one is read."""
        op: Any = node.op
        if sum(self._readers[value] > 0 for value in node.outputs) < 2:
            return ()
        names = tuple(op.results[: len(node.outputs)])
        if len(names) < len(node.outputs):
            names = tuple(map(str, range(len(node.outputs))))
        return names

    def _follows(self, node: Node, layer: Layer) -> bool:
        """Puts a layer into the box of the one before it, where a paper would."""
        if len(node.inputs) != 1 or len(node.outputs) != 1:
            return False
        value = node.inputs[0][1]
        maker = self._makers.get(value)
        if maker is None or maker.port or self._readers[value] != 1:
            return False
        box = self._boxes[maker.box]
        graph = self._graph
        if (
            box.kind != STACK
            or box.out_ports
            or len(box.layers) >= _MOST_ROWS
            or not (layer.family in FOLLOWERS or node.kind in ("shape", "identity"))
            or graph.values[value] != graph.values[node.outputs[0]]
        ):
            return False
        self._boxes[maker.box] = replace(
            box,
            layers=(*box.layers, layer),
            parameters=box.parameters + layer.parameters,
            macs=_total((box.macs, layer.macs)),
        )
        self._makers[node.outputs[0]] = maker
        return True

    def _sign(self, node: Node, layer: Layer) -> None:
        """A sum of a sum is one sign with three wires."""
        values = [value for _, value in node.inputs]
        inner = self._makers.get(values[0])
        if inner is not None and node.kind in ("add", "mul") and self._readers[values[0]] == 1:
            box = self._boxes[inner.box]
            if box.kind == SIGN and box.layers[0].kind == node.kind and not node.named:
                self._boxes[inner.box] = replace(box, layers=(*box.layers, layer))
                self._read(inner.box, "", values[1])
                self._makers[node.outputs[0]] = inner
                return
        at = self._add(
            Box(
                key=node.name,
                kind=SIGN,
                family=layer.family,
                title=SIGNS[node.kind],
                layers=(layer,),
                named=node.name if node.named else "",
                macs=layer.macs,
            ),
            node,
        )
        for value in values:
            self._read(at, "", value)

    # ── wires ────────────────────────────────────────────────────────────────

    def _read(self, box: int, port: str, value: str) -> None:
        self._shapes.setdefault(box, set()).add(shape_text(self._graph.values[value]))
        ends = self._reads.setdefault(value, [])
        end = End(box=box, port=port)
        if end not in ends:
            ends.append(end)

    def _wires(self) -> Iterable[Wire]:
        for value, targets in self._reads.items():
            source = self._makers[value]
            if all(end.box == source.box for end in targets):
                continue  # it flows inside the box
            outside = tuple(end for end in targets if end.box != source.box)
            type = shape_text(self._graph.values[value])
            # A pill shows its type itself, and outside of a block its result is told again.
            told = self._boxes[source.box].kind == INPUT or all(
                self._boxes[end.box].kind == OUTPUT for end in outside
            )
            shown = not told and type not in self._shapes.get(source.box, ())
            yield Wire(
                value=value, source=source, targets=outside, type=type, label=type if shown else ""
            )


def _ports(node: Node) -> tuple[str, ...]:
    """The ports in use, where telling them apart matters."""
    names = tuple(dict.fromkeys(port for port, _ in node.inputs))
    if len(names) < 2 or family_of(node.kind) == "arithmetic":
        return ()
    return names
