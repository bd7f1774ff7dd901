"""Calls: an op, a block, or what was applied above once more; with which values.

A call of an op is instantiated once for all turns of a repeat in which its arguments
stand for the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, cast

from dlc.compiler.components import registry
from dlc.compiler.components.plugins import BrokenPlugin
from dlc.compiler.diagnostics.model import Label
from dlc.compiler.ir.graph import BlockCall, Node, Program
from dlc.compiler.lowering.builder import UNKNOWN, GraphBuilder, Place
from dlc.compiler.lowering.flow import FlowExpressions
from dlc.compiler.ops.base import Op
from dlc.compiler.semantics.evaluate import show
from dlc.compiler.semantics.forms import words_in
from dlc.compiler.semantics.instantiate import Context, instantiate
from dlc.compiler.semantics.network import LAYER, REUSE
from dlc.compiler.semantics.scope import Evaluated, error
from dlc.compiler.syntax import tree

if TYPE_CHECKING:
    from dlc.compiler.lowering.expander import Frame
    from dlc.compiler.lowering.lower import Lowerer


@dataclass(slots=True)
class CallCache:
    """What is known of a call after its first turn: the arguments that are no fields of the
    op, the words in the others, and the op by what the words stand for."""

    skip: frozenset[str]
    words: tuple[str, ...]
    ops: dict[tuple[object, ...], Op] = field(default_factory=dict)


def _key(found: tuple[bool, Evaluated]) -> object:
    # By the text too: 1, 1.0 and true are equal, and mean different things.
    return (found[0], repr(found[1]))


class Calls:
    """Applies calls within one graph."""

    def __init__(self, lowerer: Lowerer, graph: GraphBuilder, flow: FlowExpressions) -> None:
        self.lowerer = lowerer
        self.graph = graph
        self.flow = flow

    def needs_nothing(self, operation: tree.Operation | None) -> bool:
        """Whether it is an op that makes its value of its arguments alone."""
        if not isinstance(operation, tree.Call) or operation.name.text in self.lowerer.blocks:
            return False
        try:
            return not cast(type[Op], registry.load("op", operation.name.text)).ports
        except (registry.UnknownComponent, BrokenPlugin):
            return False

    def apply(
        self,
        call: tree.Call,
        inputs: tuple[str, ...],
        frame: Frame,
        place: Place,
        names: tuple[str, ...],
    ) -> tuple[str, ...]:
        block = self.lowerer.blocks.get(call.name.text)
        if block is not None:
            return self._block(block, call, inputs, frame, place, names)
        if call.name.text == REUSE:
            return self._reuse(call, inputs, frame, place, names)
        try:
            cls = cast(type[Op], registry.load("op", call.name.text))
        except (registry.UnknownComponent, BrokenPlugin):
            return (UNKNOWN,)  # binding has reported it
        ports = self._ports(cls, call, inputs, frame, place)
        op = self._op(call, cls, frame)
        shared = self._shared(cls, place, frame)
        return self.graph.apply(op, ports, place, names, shared)

    def _op(self, call: tree.Call, cls: type[Op], frame: Frame) -> Op:
        """The op with its arguments computed; once for all turns in which the names that the
        arguments speak of stand for the same."""
        calls = self.lowerer.calls
        known = calls.get(id(call))
        if known is None:
            extra = frozenset([*(port.name for port in cls.ports), *cls.shareable])
            own = [a.value for a in call.arguments if a.name and a.name.text not in extra]
            known = calls[id(call)] = CallCache(extra, tuple(words_in(own)))
        key = tuple([_key(frame.scope.find(word)) for word in known.words])
        op = known.ops.get(key)
        if op is None:
            made = instantiate(call, cls, Context(frame.scope), skip=known.skip)
            op = known.ops[key] = cast(Op, made)
        return op

    def _ports(
        self, cls: type[Op], call: tree.Call, inputs: tuple[str, ...], frame: Frame, place: Place
    ) -> list[tuple[str, str]]:
        ports: list[tuple[str, str]] = []
        declared = cls.ports
        if not declared:
            if inputs:
                raise error(
                    "E0410",
                    f"`{cls.name}` takes no value, got {len(inputs)}",
                    call.name.span,
                    help="let it stand at the head of a line, and join it by name below",
                )
            return ports
        if declared[0].variadic:
            ports.extend((declared[0].name, value) for value in inputs)
        else:
            positional = [port for port in declared if not port.variadic]
            if len(inputs) > len(positional):
                raise error(
                    "E0410",
                    f"`{cls.name}` takes {len(positional)} "
                    f"value{'s' if len(positional) != 1 else ''}, got {len(inputs)}",
                    call.name.span,
                    help="join several values first: `[a, b] -> concat(dim=1)`",
                )
            ports.extend(
                (port.name, value) for port, value in zip(positional, inputs, strict=False)
            )
        given = {name for name, _ in ports}
        for port in declared:
            expr = place.arguments.get(port.name)
            if expr is not None:
                _require_free(port.name, given, expr)
                ports.append((port.name, self.flow.value(expr, frame, place)))
            elif port.name not in given and not port.optional and not port.variadic:
                raise error(
                    "E0303",
                    f"`{cls.name}` needs its input `{port.name}`",
                    call.name.span,
                    help=f"`{port.name}`: {port.doc}" if port.doc else None,
                )
        return ports

    def _shared(self, cls: type[Op], place: Place, frame: Frame) -> tuple[tuple[str, str], ...]:
        shared: list[tuple[str, str]] = []
        for parameter in cls.shareable:
            expr = place.arguments.get(parameter)
            if expr is None or isinstance(expr, tree.Null):
                continue
            if not isinstance(expr, tree.Word) or len(expr.parts) < 2:
                raise error(
                    "E0216",
                    f"`{parameter}` takes a layer's parameter, got {show(expr.span.text)}",
                    expr.span,
                    help="name the layer above, and write `name.weight`",
                )
            layer = frame.layers.get(expr.parts[0])
            if layer is None or layer not in self.graph.by_name:
                known = ", ".join(f"`{name}`" for name in islice(frame.layers, 8)) or "none"
                raise error(
                    "E0212",
                    f"no layer above is called `{expr.parts[0]}`",
                    expr.span,
                    help=f"named layers: {known}",
                )
            shared.append((parameter, ".".join([layer, *expr.parts[1:]])))
        return tuple(shared)

    def _reuse(
        self,
        call: tree.Call,
        inputs: tuple[str, ...],
        frame: Frame,
        place: Place,
        names: tuple[str, ...],
    ) -> tuple[str, ...]:
        word = place.arguments.get(LAYER)
        layer = frame.layers.get(word.parts[0]) if isinstance(word, tree.Word) else None
        node = self.graph.by_name.get(layer or "")
        if node is None:
            return (UNKNOWN,)  # binding has reported it, or the layer itself failed
        if isinstance(node.op, BlockCall):
            return self._reuse_block(node, node.op, call, inputs, frame, place, names)
        op = cast(Op, node.op)
        self._require_ports(call, place, node.name, [port.name for port in op.ports])
        shared = tuple((p.name, f"{node.name}.{p.name}") for p in node.parameters) + node.shared
        ports = self._ports(type(op), call, inputs, frame, place)
        return self.graph.apply(op, ports, place, names, shared)

    def _reuse_block(
        self,
        node: Node,
        made: BlockCall,
        call: tree.Call,
        inputs: tuple[str, ...],
        frame: Frame,
        place: Place,
        names: tuple[str, ...],
    ) -> tuple[str, ...]:
        owner = self.graph.by_name[made.reuses] if made.reuses else node
        assert isinstance(owner.op, BlockCall)
        first = self.lowerer.graphs[owner.op.graph]
        block = self.lowerer.blocks[first.block]
        self._require_ports(call, place, node.name, [decl.name.text for decl in block.inputs])
        for decl in block.inputs[len(inputs) :]:
            if decl.name.text not in place.arguments:
                raise error(
                    "E0303",
                    f"`{node.name}` needs its input `{decl.name}`",
                    call.span,
                    secondary=(Label(decl.name.span, "declared here"),),
                    help=f"write `{REUSE}({node.name}, {decl.name}=...)`",
                )
        arguments = cast(tuple[tuple[str, Evaluated], ...], first.arguments)
        results = self._applied(block, arguments, call, inputs, frame, place, names, owner.name)
        again = self.graph.producers.get(results[0])
        if again is not None and isinstance(again.op, BlockCall):
            self._require_like(owner, owner.op.graph, again.op.graph, call)
        return results

    def _require_ports(self, call: tree.Call, place: Place, layer: str, ports: list[str]) -> None:
        """Nothing but inputs of the layer stands beside its name."""
        for argument in call.arguments:
            if argument.name is not None and argument.name.text not in (LAYER, *ports):
                raise error(
                    "E0205",
                    f"`{layer}` has no input `{argument.name}`",
                    argument.name.span,
                    help="a layer that is applied again keeps its arguments; its inputs are "
                    + ", ".join(f"`{port}`" for port in ports),
                )

    def _require_like(self, owner: Node, first: str, second: str, call: tree.Call) -> None:
        """Raises E0412 where a block has other parameters for these inputs."""
        mine, theirs = (
            {
                f"{path}.{p.name}": p.shape
                for path, _, node in Program(name="", graphs=self.lowerer.graphs, main=graph).walk()
                for p in node.parameters
            }
            for graph in (second, first)
        )
        if mine == theirs:
            return
        path = next(p for p in {**theirs, **mine} if mine.get(p) != theirs.get(p))
        shapes = [
            f"[{', '.join(map(str, found[path]))}]" if path in found else "absent"
            for found in (mine, theirs)
        ]
        raise error(
            "E0412",
            f"the layers of `{owner.name}` do not fit here: `{path}` would be {shapes[0]}, "
            f"and is {shapes[1]}",
            call.span,
            secondary=(Label(owner.span, "they were made here"),) if owner.span else (),
            help="give both the same sizes, or call the block again with layers of its own",
        )

    def _block(
        self,
        block: tree.BlockDecl,
        call: tree.Call,
        inputs: tuple[str, ...],
        frame: Frame,
        place: Place,
        names: tuple[str, ...],
    ) -> tuple[str, ...]:
        arguments = self.lowerer.block_arguments(block, place.arguments, frame.scope)
        return self._applied(block, arguments, call, inputs, frame, place, names)

    def _applied(
        self,
        block: tree.BlockDecl,
        arguments: tuple[tuple[str, Evaluated], ...],
        call: tree.Call,
        inputs: tuple[str, ...],
        frame: Frame,
        place: Place,
        names: tuple[str, ...],
        reuses: str = "",
    ) -> tuple[str, ...]:
        decls = block.inputs
        if len(inputs) > max(1, len(decls)):
            raise error(
                "E0410",
                f"`{block.name}` takes {max(1, len(decls))} values, got {len(inputs)}",
                call.name.span,
                secondary=(Label(block.name.span, "declared here"),),
            )
        ports: list[tuple[str, str]] = []
        if not decls:
            ports.append(("x", inputs[0]))
        given = {decl.name.text for decl in decls[: len(inputs)]}
        for index, decl in enumerate(decls):
            expr = place.arguments.get(decl.name.text)
            if expr is not None:
                _require_free(decl.name.text, given, expr)
            if index < len(inputs):
                ports.append((decl.name.text, inputs[index]))
            elif expr is not None:
                ports.append((decl.name.text, self.flow.value(expr, frame, place)))
            else:
                return (UNKNOWN,)  # binding has reported it
        if any(value == UNKNOWN for _, value in ports):
            return (UNKNOWN,)
        types = tuple((port, self.graph.types[value]) for port, value in ports)
        graph = self.lowerer.instance(block, arguments, types, call.span, self.graph.trail)
        if graph is None:
            self.graph.failed = True
            return (UNKNOWN,)
        layers = self.lowerer.sizes[graph.name]
        return self.graph.call_block(block.name.text, graph, ports, place, names, layers, reuses)


def _require_free(port: str, given: set[str], expr: tree.Expr) -> None:
    if port in given:
        raise error(
            "E0306",
            f"the input `{port}` is given twice",
            expr.span,
            help="let it flow in or give it by name, not both",
        )
