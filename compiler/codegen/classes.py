"""Which graphs share a class, what the class is called, and what its arguments are.

The graphs of one block that read the same but for numbers become one class; what
differs between them, and what is plainly an argument of the block, becomes an argument
of the constructor. Blocks whose code differs by an `if` become several classes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.identifiers import Names
from dlc.compiler.codegen.writer import GraphCode, ModuleCall, NodeCode, Slot, write_node
from dlc.compiler.components.text import literal
from dlc.compiler.diagnostics.catalog import code as catalogued
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.ir.graph import BlockCall, Graph, Node, Program
from dlc.compiler.ir.protocols import Literal

#: A number in the code of a class: the node's place, and `("s", 0)` for the first number in
#: its text, `("a", 1)` for an argument of its submodule's constructor, `("k", "stride")`.
SlotKey: TypeAlias = tuple[int, str, int | str]

# Integers from here on are taken for what the author meant by a block's argument of equal
# value; smaller ones (kernel sizes, strides) are equal too often by chance.
_DISTINCTIVE = 8
_MULTIPLES = (2, 3, 4, 8)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a constructor, and its value for each graph of the class."""

    name: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a number: a literal, or an argument of the constructor with what stands
    before it (`4 * `)."""

    text: str
    argument: str = ""

    def __str__(self) -> str:
        return self.text + self.argument


@dataclass(slots=True)
class ClassPlan:
    """One class of the generated module. `sources` is the text of every number."""

    name: str
    graphs: list[GraphCode]
    arguments: list[Argument] = field(default_factory=list)
    sources: dict[SlotKey, Source] = field(default_factory=dict)
    keywords: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def code(self) -> GraphCode:
        """The graph that stands for all."""
        return self.graphs[0]


class Classes:
    """The classes of a program, callees first."""

    def __init__(self, program: Program, taken: Iterable[str] = ()) -> None:
        self._program = program
        self.helpers: dict[str, str] = {}
        self._of_graph: dict[str, tuple[ClassPlan, int]] = {}
        self._by_block: dict[str, list[Graph]] = {}
        for graph in program.graphs.values():
            self._by_block.setdefault(graph.block, []).append(graph)
        # The ops write first: their helpers are classes too, and keep their names.
        self._written = {name: self._write(graph) for name, graph in program.graphs.items()}
        self._names = Names({*taken, *self.helpers})
        # The model goes before the blocks that are called like it.
        self.main_name = self._names.take(identifiers.class_name(program.name))
        self.plans: list[ClassPlan] = []
        for block in self._by_block:
            self._plan_block(block)

    @property
    def main(self) -> ClassPlan:
        return self._of_graph[self._program.main][0]

    def code(self, graph: str) -> GraphCode:
        plan, place = self._of_graph[graph]
        return plan.graphs[place]

    def _plan_block(self, block: str) -> None:
        graphs = self._by_block[block]
        if graphs[0].name in self._of_graph:
            return
        for callee in _called_blocks(self._program, graphs):
            assert callee != block, f"block `{block}` calls itself"
            self._plan_block(callee)
        variants: dict[Hashable, list[GraphCode]] = {}
        for graph in graphs:
            code = self._code(graph)
            variants.setdefault(_signature(code), []).append(code)
        groups = list(variants.values())
        main = graphs[0].name == self._program.main
        names = [self.main_name] if main else self._variant_names(block, groups)
        for name, codes in zip(names, groups, strict=True):
            plan = ClassPlan(name, codes)
            _choose_arguments(plan, [*self.helpers, *(p.name for p in self.plans), name])
            self.plans.append(plan)
            for i, code in enumerate(codes):
                self._of_graph[code.graph.name] = (plan, i)

    def _write(self, graph: Graph) -> GraphCode:
        """The ops of a graph; its calls wait for the classes of their blocks."""
        values = [*graph.inputs, *(value for node in graph.nodes for value in node.outputs)]
        code = GraphCode(graph, values, {value: i for i, value in enumerate(values)})
        for node in graph.nodes:
            if isinstance(node.op, BlockCall):
                code.nodes.append(NodeCode(node, ""))
            else:
                code.nodes.append(write_node(code, node, self.helpers))
                self._take_helpers(node)
        return code

    def _take_helpers(self, node: Node) -> None:
        """The functions that fill the parameters of a node."""
        for parameter in node.parameters:
            if parameter.initializer is None:
                continue
            start: Any = parameter.initializer
            for name, source in start.helpers().items():
                known = self.helpers.setdefault(name, source)
                assert known == source, f"two helpers are called `{name}`"

    def _code(self, graph: Graph) -> GraphCode:
        code = self._written[graph.name]
        code.nodes = [
            self._call(code, written.node, written.node.op)
            if isinstance(written.node.op, BlockCall)
            else written
            for written in code.nodes
        ]
        return code

    def _call(self, code: GraphCode, node: Node, call: BlockCall) -> NodeCode:
        plan, place = self._of_graph[call.graph]
        by_port = dict(node.inputs)
        given = [by_port[name] for name in plan.graphs[place].graph.inputs]
        values = ", ".join(f"__v{code.numbers[value]}__" for value in given)
        if call.reuses:
            self._require_same(code.graph, node, call, plan, place)
            return NodeCode(node, f"__m__({values})", reuses=call.reuses)
        slots = [Slot(a.values[place], a.name) for a in plan.arguments]
        # Two sizes read well by place; more want their names.
        if len(slots) <= 2:
            module = ModuleCall(plan.name, slots, {})
        else:
            module = ModuleCall(plan.name, [], {slot.hint: slot for slot in slots})
        return NodeCode(node, f"__m__({values})", [], module)

    def _require_same(
        self, graph: Graph, node: Node, call: BlockCall, plan: ClassPlan, place: int
    ) -> None:
        """Raises E0412 where a block would need other code, or other numbers in it, for these
        inputs than where its layers were made."""
        owner = next(n for n in graph.nodes if n.name == call.reuses)
        assert isinstance(owner.op, BlockCall)
        made, there = self._of_graph[owner.op.graph]
        same = made is plan and all(a.values[place] == a.values[there] for a in plan.arguments)
        if not same:
            raise DiagnosticError(
                Diagnostic(
                    catalogued("E0412"),
                    f"`{call.reuses}` works on other sizes here than where it was made",
                    Label(node.span) if node.span is not None else None,
                    (Label(owner.span, "it was made here"),) if owner.span is not None else (),
                    help="give both the same sizes, or call the block again with layers of its own",
                )
            )

    def _variant_names(self, block: str, groups: list[list[GraphCode]]) -> list[str]:
        """The barest variant keeps the block's name; the others say what they have more."""
        stem = identifiers.class_name(block)
        base = min(range(len(groups)), key=lambda i: (len(groups[i][0].nodes), i))
        names = [""] * len(groups)
        names[base] = self._names.take(stem)
        for i, group in enumerate(groups):
            if i != base:
                suffix = self._suffix(groups, base, i)
                names[i] = self._names.take(stem + suffix)
                assert group
        return names

    def _suffix(self, groups: list[list[GraphCode]], base: int, i: int) -> str:
        bare, other = groups[base][0], groups[i][0]
        extra = _extra_kinds(bare, other)
        if extra and _projects(bare, other):
            return "Projected"
        inherited = self._inherited_suffix(bare, other)
        if inherited:
            return inherited
        for name, value in other.graph.arguments:
            mine = {repr(dict(code.graph.arguments).get(name)) for code in groups[i]}
            rest = {
                repr(dict(code.graph.arguments).get(name))
                for j, group in enumerate(groups)
                if j != i
                for code in group
            }
            if len(mine) == 1 and not mine & rest:
                text = _argument_suffix(name, value)
                if text:
                    return text
        if extra:
            return "With" + identifiers.class_name(extra[0])
        return str(i + 1)

    def _inherited_suffix(self, bare: GraphCode, other: GraphCode) -> str:
        """What tells the classes of called blocks apart tells the callers apart too."""
        if len(bare.nodes) != len(other.nodes):
            return ""
        for mine, theirs in zip(bare.nodes, other.nodes, strict=True):
            if not (mine.module and theirs.module and isinstance(theirs.node.op, BlockCall)):
                continue
            stem = identifiers.class_name(theirs.node.op.block)
            name = theirs.module.constructor
            if mine.module.constructor != name and name.startswith(stem) and name != stem:
                return name[len(stem) :]
        return ""


def _called_blocks(program: Program, graphs: list[Graph]) -> list[str]:
    return list(
        dict.fromkeys(
            program.graphs[node.op.graph].block
            for graph in graphs
            for node in graph.nodes
            if isinstance(node.op, BlockCall)
        )
    )


def _extra_kinds(bare: GraphCode, other: GraphCode) -> list[str]:
    known = {code.node.name for code in bare.nodes}
    return [c.node.kind for c in other.nodes if c.node.name not in known]


def _projects(bare: GraphCode, other: GraphCode) -> bool:
    """Whether a sum that takes an input of the block as it is in one takes a result in the
    other: the shortcut of a residual has layers of its own."""
    sums = {c.node.name: c.node for c in bare.nodes if c.node.kind == "add"}
    for code in other.nodes:
        twin = sums.get(code.node.name)
        if code.node.kind != "add" or twin is None:
            continue
        for (_, mine), (_, theirs) in zip(twin.inputs, code.node.inputs, strict=False):
            if mine in bare.graph.inputs and theirs not in other.graph.inputs:
                return True
    return False


def _argument_suffix(name: str, value: object) -> str:
    camel = identifiers.class_name(name)
    if isinstance(value, bool):
        return f"With{camel}" if value else f"Without{camel}"
    if isinstance(value, int):
        return f"{camel}{value}" if value >= 0 else ""
    return identifiers.class_name(value) if isinstance(value, str) and value.isidentifier() else ""


def _signature(code: GraphCode) -> Hashable:
    """What two graphs must have in common to share a class."""
    return (
        code.graph.inputs,
        tuple(code.numbers[value] for _, value in code.graph.outputs),
        tuple(code.sizes),
        tuple(_node_signature(code, node) for node in code.nodes),
    )


def _node_signature(code: GraphCode, written: NodeCode) -> Hashable:
    node, module = written.node, written.module
    return (
        node.name,
        node.named,
        tuple(code.numbers[value] for value in node.outputs),
        node.shared,
        tuple(
            (p.name, _start(p.initializer) if p.initializer is not None else None)
            for p in node.parameters
        ),
        written.text,
        written.reuses,
        len(written.slots),
        module
        and (
            module.constructor,
            module.wrap,
            len(module.args),
            # A keyword that the op leaves out where it is torch's default can be filled in.
            tuple(name for name in module.kwargs if not hasattr(node.op, name)),
        ),
    )


def _start(initializer: Any) -> tuple[str, str]:
    return initializer.torch("w"), initializer.remark


def _choose_arguments(plan: ClassPlan, taken: Iterable[str]) -> None:
    """Fills `arguments`, `sources` and `keywords`. `taken` are names of the module."""
    slots = _aligned_slots(plan)
    block: dict[str, tuple[Literal, ...]] = {}
    for name, _ in plan.code.graph.arguments:
        found = tuple(dict(code.graph.arguments)[name] for code in plan.graphs)
        if all(isinstance(value, int | float | str) for value in found):
            block[name] = found  # type: ignore[assignment]
    names = Names({"self", *taken})
    safe = {name: names.take(identifiers.variable(name)) for name in block}
    own: set[str] = set()  # the block's arguments that are used
    derived: dict[Hashable, Argument] = {}  # the others, by value
    for key, (hint, values) in slots.items():
        differs = len({_typed(value) for value in values}) > 1
        source: Source | None = None
        for name, theirs in block.items():
            if (differs or _distinctive(values)) and _typed(values) == _typed(theirs):
                source = Source("", safe[name])
            elif factor := _multiple(values, theirs):
                source = Source(f"{factor} * ", safe[name])
            if source:
                own.add(name)
                break
        if not source and not differs:
            source = Source(literal(values[0]))
        if source:
            plan.sources[key] = source
            continue
        argument = derived.get(_typed(values))
        if argument is None:
            argument = Argument(names.take(identifiers.variable(hint)), values)
            derived[_typed(values)] = argument
        plan.sources[key] = Source("", argument.name)
    plan.arguments = [
        *derived.values(),
        *(Argument(safe[name], block[name]) for name in block if name in own),
    ]


def _aligned_slots(plan: ClassPlan) -> dict[SlotKey, tuple[str, tuple[Literal, ...]]]:
    """Every number of the class: the name it suggests, and its value for each graph."""
    table: dict[SlotKey, tuple[str, tuple[Literal, ...]]] = {}

    def add(key: SlotKey, found: Sequence[Slot]) -> None:
        table[key] = (found[0].hint, tuple(slot.value for slot in found))

    for i, written in enumerate(zip(*(code.nodes for code in plan.graphs), strict=True)):
        modules = [w.module for w in written if w.module is not None]
        for j in range(len(modules[0].args) if modules else 0):
            add((i, "a", j), [module.args[j] for module in modules])
        plan.keywords[i] = _keyword_order(modules)
        for name in plan.keywords[i]:
            add(
                (i, "k", name),
                [
                    m.kwargs[name] if name in m.kwargs else Slot(getattr(w.node.op, name), name)
                    for m, w in zip(modules, written, strict=True)
                ],
            )
        for j in range(len(written[0].slots)):
            add((i, "s", j), [w.slots[j] for w in written])
    return table


def _keyword_order(modules: list[ModuleCall]) -> tuple[str, ...]:
    """The keywords that any of the constructors is given, in the order of the longest."""
    longest = max((list(m.kwargs) for m in modules), key=len, default=[])
    rest = [name for m in modules for name in m.kwargs if name not in longest]
    return tuple(dict.fromkeys([*longest, *rest]))


def _typed(value: object) -> Hashable:
    """The value with its type: 1, 1.0 and True are three values."""
    if isinstance(value, tuple | list):
        return tuple(_typed(item) for item in value)
    return (type(value).__name__, repr(value))


def _distinctive(values: tuple[Literal, ...]) -> bool:
    value = values[0]
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value >= _DISTINCTIVE
    return isinstance(value, float) and not value.is_integer()


def _multiple(values: tuple[Literal, ...], theirs: tuple[Literal, ...]) -> int | None:
    """The small factor by which every value is the block's argument."""
    pairs = list(zip(values, theirs, strict=True))
    if not all(type(v) is int and type(t) is int and t >= _DISTINCTIVE for v, t in pairs):
        return None
    for factor in _MULTIPLES:
        if all(v == factor * t for v, t in pairs):  # type: ignore[operator]
            return factor
    return None
