"""The textual form of a program: one line a layer, read back as it was written.

    dlc graph 1
    program Net
    dim T = 1..512
    target label: int[N]

    graph Layer of Layer(dim=8)
      input x: float[N, T, 8]
      linear = linear(out_features=8) x=x -> float[N, T, 8]
        init weight = normal(std=0.02)
      output y = linear

    graph Net
      input tokens: int[N, T]
      @tok = embedding(num_embeddings=50, embedding_dim=8) x=tokens -> float[N, T, 8]
      layer.0 = call Layer x=tok -> float[N, T, 8]
      @logits = linear(out_features=50) x=layer.0 -> float[N, T, 50]
        share weight = tok.weight
      output logits = logits

`@` stands before names that the author gave. A layer with several results, or with one
that is not called like it, names them: `-> lstm float[N, T, 8], lstm:h float[2, N, 4]`.
Parameters are not written, as the ops declare them; how they start is, where it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dlc.compiler.ir.dims import INFINITY, Dim, Symbol, symbol, symbols
from dlc.compiler.ir.graph import BlockCall, Graph, Node, Parameter, Program
from dlc.compiler.ir.literal_text import (
    Make,
    Reader,
    TextError,
    write_component,
    write_type,
    write_value,
)
from dlc.compiler.ir.types import TensorType

HEADER = "dlc graph 1"

_PATH = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*"
_VALUE = rf"{_PATH}(?::{_PATH})?"
_NODE = re.compile(rf"(@?)({_PATH}) = (.+)\Z")
_INPUTS = re.compile(rf"(?: {_PATH}={_VALUE})*\Z")
_NAMED_TYPE = re.compile(rf"({_VALUE}) (.+)\Z")
_GRAPH = re.compile(r"graph ([A-Za-z_]\w*)(?: of ([A-Za-z_]\w*)(\(.*\)))?\Z")
_INPUT = re.compile(rf"input ({_VALUE}): (.+)\Z")
_OUTPUT = re.compile(rf"output ({_PATH}) = ({_VALUE})\Z")
_INIT = re.compile(rf"init ({_PATH}) = (.+)\Z")
_SHARE = re.compile(rf"share ({_PATH}) = ({_PATH})\Z")
_DIM = re.compile(r"dim ([A-Za-z_]\w*) = (\d+)\.\.(\d*)\Z")
_TARGET = re.compile(rf"target ({_PATH}): (.+)\Z")
_CALL = re.compile(rf"call ([A-Za-z_]\w*)(?: reusing ({_PATH}))?\Z")


# ── writing ──────────────────────────────────────────────────────────────────


def print_program(program: Program) -> str:
    """The text of a program, ending in a line break; equal programs give equal texts."""
    lines = [HEADER, f"program {program.name}"]
    for found in _symbols(program).values():
        if (found.low, found.high) != (1, INFINITY):
            high = "" if found.high >= INFINITY else str(found.high)
            lines.append(f"dim {found.name} = {found.low}..{high}")
    lines.extend(f"target {name}: {write_type(type)}" for name, type in program.targets)
    for graph in program.graphs.values():
        lines += ["", *_graph_lines(graph)]
    return "\n".join(lines) + "\n"


def _symbols(program: Program) -> dict[str, Symbol]:
    types = [type for graph in program.graphs.values() for type in graph.values.values()]
    types += [type for _, type in program.targets]
    found: dict[str, Symbol] = {}
    for type in types:
        for size in type.shape:
            found |= symbols(size)
    return found


def _graph_lines(graph: Graph) -> Iterator[str]:
    if graph.block:
        given = ", ".join(f"{name}={write_value(value)}" for name, value in graph.arguments)
        yield f"graph {graph.name} of {graph.block}({given})"
    else:
        yield f"graph {graph.name}"
    for value in graph.inputs:
        yield f"  input {value}: {write_type(graph.values[value])}"
    for node in graph.nodes:
        yield from _node_lines(graph, node)
    for name, value in graph.outputs:
        yield f"  output {name} = {value}"


def _node_lines(graph: Graph, node: Node) -> Iterator[str]:
    op = node.op
    if isinstance(op, BlockCall):
        text = f"call {op.graph}" + (f" reusing {op.reuses}" if op.reuses else "")
    else:
        text = write_component(op)
    inputs = "".join(f" {port}={value}" for port, value in node.inputs)
    types = [write_type(type) for type in graph.node_results(node)]
    if node.outputs != (node.name,):
        types = [f"{v} {t}" for v, t in zip(node.outputs, types, strict=True)]
    mark = "@" if node.named else ""
    yield f"  {mark}{node.name} = {text}{inputs} -> {', '.join(types)}"
    for parameter in node.parameters:
        if parameter.initializer is not None:
            yield f"    init {parameter.name} = {write_value(parameter.initializer)}"
    for name, path in node.shared:
        yield f"    share {name} = {path}"


# ── reading ──────────────────────────────────────────────────────────────────


def parse_program(text: str, make: Make) -> Program:
    """The program of a text. `make` builds ops and initializers by name.

    Parameters come from the ops; nothing else is checked here, see `verify`. Raises
    `TextError` with the number of the line.
    """
    return _Parser(make).program(text)


@dataclass
class _GraphDraft:
    name: str
    block: str = ""
    arguments: tuple[tuple[str, object], ...] = ()
    inputs: list[str] = field(default_factory=list)
    outputs: list[tuple[str, str]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    inits: dict[str, Any] = field(default_factory=dict)
    last: int = 0  # the line of the last node
    values: dict[str, TensorType] = field(default_factory=dict)


class _Parser:
    def __init__(self, make: Make) -> None:
        self._make = make
        self._sizes: dict[str, Dim] = {}
        self._graphs: dict[str, Graph] = {}
        self._draft: _GraphDraft | None = None
        self._number = 0

    def program(self, text: str) -> Program:
        lines = text.splitlines()
        if not lines or lines[0] != HEADER:
            raise TextError(f"a textual graph begins with `{HEADER}`", 1)
        name = ""
        targets: list[tuple[str, TensorType]] = []
        for self._number, line in enumerate(lines[1:], 2):
            try:
                if line.startswith("program "):
                    name = line.removeprefix("program ")
                elif found := _TARGET.match(line):
                    targets.append((found[1], self._type(found[2])))
                elif line:
                    self._line(line)
            except TextError as problem:
                raise TextError(problem.message, problem.line or self._number) from None
        self._close()
        if not self._graphs:
            raise TextError("the text holds no graph", len(lines))
        main = list(self._graphs)[-1]
        return Program(name=name, graphs=self._graphs, main=main, targets=tuple(targets))

    def _reader(self, text: str) -> Reader:
        return Reader(text, self._sizes, self._make)

    def _type(self, text: str) -> TensorType:
        reader = self._reader(text)
        found = reader.type()
        _all_read(reader, text)
        return found

    def _line(self, line: str) -> None:
        if found := _DIM.match(line):
            low, high = int(found[2]), int(found[3]) if found[3] else INFINITY
            self._sizes[found[1]] = symbol(found[1], low, high)
        elif found := _GRAPH.match(line):
            self._close()
            self._open(found[1], found[2] or "", found[3] or "")
        elif self._draft is None:
            raise TextError(f"`{line.strip()[:40]}` stands outside of a graph")
        elif line.startswith("    "):
            self._detail(self._draft, line.strip())
        elif line.startswith("  "):
            self._item(self._draft, line.strip())
        else:
            raise TextError(f"`{line[:40]}` cannot be read")

    def _open(self, name: str, block: str, arguments: str) -> None:
        if name in self._graphs:
            raise TextError(f"two graphs are called `{name}`")
        self._draft = _GraphDraft(name, block)
        if arguments:
            reader = self._reader(arguments)
            self._draft.arguments = tuple(reader.arguments().items())
            _all_read(reader, arguments)

    def _item(self, draft: _GraphDraft, line: str) -> None:
        if found := _INPUT.match(line):
            draft.inputs.append(found[1])
            draft.values[found[1]] = self._type(found[2])
        elif found := _OUTPUT.match(line):
            draft.outputs.append((found[1], found[2]))
        elif found := _NODE.match(line):
            self._finish_node(draft)
            draft.last = self._number
            self._node(draft, found)
        else:
            raise TextError(f"`{line[:60]}` is no input, layer or output")

    def _node(self, draft: _GraphDraft, found: re.Match[str]) -> None:
        mark, name, rest = found.groups()
        # Texts among the arguments may hold an arrow; types hold none.
        left, arrow, results = rest.rpartition(" -> ")
        if not arrow:
            raise TextError(f"`{name}` says no type: `-> float[N, 8]`")
        inputs = _INPUTS.search(left)
        assert inputs is not None
        pairs = (item.split("=") for item in inputs[0].split())
        outputs = []
        for part in _split(results):
            own = _NAMED_TYPE.match(part)
            value, type = (own[1], own[2]) if own else (name, part)
            outputs.append(value)
            draft.values[value] = self._type(type)
        draft.nodes.append(
            Node(
                name=name,
                op=self._operation(left[: inputs.start()]),
                inputs=tuple((port, value) for port, value in pairs),
                outputs=tuple(outputs),
                named=bool(mark),
            )
        )

    def _operation(self, text: str) -> Any:
        if call := _CALL.match(text):
            graph = self._graphs.get(call[1])
            if graph is None:
                raise TextError(f"no graph above is called `{call[1]}`")
            return BlockCall(graph.name, graph.block, call[2] or "")
        reader = self._reader(text)
        kind, arguments = reader.name(), reader.arguments()
        _all_read(reader, text)
        try:
            return self._make("op", kind, arguments)
        except ValueError as problem:
            raise TextError(str(problem)) from None

    def _detail(self, draft: _GraphDraft, line: str) -> None:
        if not draft.nodes:
            raise TextError("no layer stands before this line")
        node = draft.nodes[-1]
        if found := _INIT.match(line):
            reader = self._reader(found[2])
            draft.inits[found[1]] = reader.value()
            _all_read(reader, found[2])
        elif found := _SHARE.match(line):
            draft.nodes[-1] = replace(node, shared=(*node.shared, (found[1], found[2])))
        else:
            raise TextError(f"`{line[:60]}` tells nothing of a layer")

    def _finish_node(self, draft: _GraphDraft) -> None:
        """Gives the last layer its parameters, once its lines are read."""
        inits, draft.inits = draft.inits, {}
        if not draft.nodes:
            return
        node = draft.nodes[-1]
        for _, value in node.inputs:
            if value not in draft.values:
                message = f"`{node.name}` reads `{value}`, which is not made before"
                raise TextError(message, draft.last)
        own: list[Parameter] = []
        if not isinstance(node.op, BlockCall):
            graph = Graph(name="", block="", inputs=(), outputs=(), nodes=(), values=draft.values)
            try:
                declared = node.op.parameters(graph.node_inputs(node))
            except ValueError as problem:
                raise TextError(f"`{node.name}`: {problem}", draft.last) from None
            shared = dict(node.shared)
            own = [p for p in declared if p.name not in shared]
        for name in sorted(inits.keys() - {p.name for p in own}):
            raise TextError(f"`{node.name}` has no parameter `{name}` of its own", draft.last)
        parameters = tuple(replace(p, initializer=inits.get(p.name)) for p in own)
        draft.nodes[-1] = replace(node, parameters=parameters)

    def _close(self) -> None:
        draft = self._draft
        if draft is None:
            return
        self._finish_node(draft)
        self._graphs[draft.name] = Graph(
            name=draft.name,
            block=draft.block,
            inputs=tuple(draft.inputs),
            outputs=tuple(draft.outputs),
            nodes=tuple(draft.nodes),
            values=draft.values,
            arguments=draft.arguments,
        )


def _all_read(reader: Reader, text: str) -> None:
    if not reader.at_end():
        raise TextError(f"`{text}` goes on after its end")


def _split(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket."""
    parts, level, start = [], 0, 0
    for i, c in enumerate(text):
        level += (c in "([") - (c in ")]")
        if c == "," and level == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]
