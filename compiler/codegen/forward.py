"""The forward pass of a class, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TypeAlias

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.classes import ClassPlan
from dlc.compiler.codegen.containers import Container, access, containers, split_name
from dlc.compiler.codegen.identifiers import Names
from dlc.compiler.codegen.layout import INDENT, statement
from dlc.compiler.codegen.loops import Item, Line, Loop, Tokens, join_sums, roll, walk
from dlc.compiler.codegen.shape_comments import ShapeComments
from dlc.compiler.codegen.variables import MAIN, SIDE, Copy, Liveness, Variables, side_values
from dlc.compiler.codegen.writer import PLACEHOLDER, NodeCode, size_source
from dlc.compiler.components.text import literal
from dlc.compiler.diagnostics.catalog import code as catalogued
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError

_PARAGRAPH = 3
_ALIAS = re.compile(r"__v(\d+)__\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands for an attribute, or for one turn of it: its text, what it holds, and how
    many turns were gone into."""

    text: str
    here: Container
    depth: int

    def turn(self, number: int) -> _Head:
        return _Head(self.text + self.here.key(number), self.here.turns[number], self.depth + 1)


#: What stands for each attribute within loops.
Heads: TypeAlias = dict[str, _Head]


class Forward:
    """The forward pass of one class.

    `stored` are the constructor's arguments that the pass reads, by the attribute that
    keeps them; `arguments` the names of the inputs, in order.
    """

    def __init__(self, plan: ClassPlan, module_names: frozenset[str]) -> None:
        self.plan = plan
        self.code = plan.code
        self.shapes = ShapeComments(plan)
        self._module_names = module_names
        self._loop_names: set[str] = set()
        self.containers = containers(
            [(i, w.node.name) for i, w in enumerate(self.code.nodes) if w.module is not None]
        )
        self.stored: dict[str, str] = {}
        self._attributes = Names(self.containers)
        self.arguments = [self._variable(name) for name in self.code.graph.inputs]
        self._aliases: dict[int, int] = {}
        single = [line for i, w in enumerate(self.code.nodes) if (line := self._line(i, w))]
        results = (self.code.numbers[value] for _, value in self.code.graph.outputs)
        outputs = [self._alias(value) for value in results]
        lines = join_sums(single, outputs)
        fresh = count(len(self.code.numbers))
        rolled = roll(lines, outputs, lambda: next(fresh))
        self.items = rolled.items
        turns = sum(len(item.turns) for item in walk(self.items) if isinstance(item, Line))
        joined = len(single) - len(lines)
        assert turns + joined + len(self._aliases) == len(self.code.nodes), "a node was lost"
        self.outputs = [rolled.aliases.get(value, value) for value in outputs]
        self._author = {
            value: name
            for item in walk(self.items)
            if isinstance(item, Line) and item.named
            for value, name in zip(item.results, self._author_names(item), strict=True)
        }
        self._locals = Names(
            {
                *self.arguments,
                *(name for name in self._author.values() if name),
                *module_names,
                MAIN,
                SIDE,
                "self",
            }
        )
        self._sizes = [
            self._locals.take(identifiers.variable(name, module_names)) for name in self.code.sizes
        ]

    # ── reading the nodes ────────────────────────────────────────────────────

    def _variable(self, name: str) -> str:
        return identifiers.variable(name, self._module_names)

    def _alias(self, value: int) -> int:
        while value in self._aliases:
            value = self._aliases[value]
        return value

    def _line(self, place: int, written: NodeCode) -> Line | None:
        """The line of a node; None where its result is just one of its inputs."""
        results = tuple(self.code.numbers[value] for value in written.node.outputs)
        same = _ALIAS.match(written.text)
        if same and len(results) == 1:
            self._aliases[results[0]] = int(same[1])
            return None
        tokens: Tokens = []
        for piece in PLACEHOLDER.split(written.text):
            if piece.startswith("__v"):
                tokens.append(self._alias(int(piece[3:-2])))
            elif piece.startswith("__s"):
                tokens.append(self._number(place, int(piece[3:-2])))
            elif piece == "__m__" and written.reuses:
                tokens.append(access(self.containers, written.reuses))
            elif piece:
                tokens.append(piece)
        stem, turns = split_name(written.node.name)
        return Line(
            tokens=tokens,
            results=results,
            stem=stem,
            indices=turns,
            kind=written.node.kind,
            place=place,
            module=written.module is not None,
            named=written.node.named,
            turns=[results],
        )

    def _number(self, place: int, slot: int) -> str:
        source = self.plan.sources[place, "s", slot]
        if not source.argument:
            return source.text
        if source.argument not in self.stored:
            name = identifiers.attribute(source.argument)
            self.stored[source.argument] = self._attributes.take(name)
        text = f"{source.text}self.{self.stored[source.argument]}"
        return f"({text})" if source.text else text

    def _author_names(self, line: Line) -> list[str | None]:
        """The variables of a line's results that the author named."""
        if not line.named:
            return [None] * len(line.results)
        if len(line.results) == 1:
            return [self._variable(line.stem)]
        values = self.code.nodes[line.place].node.outputs
        stems = [value.partition(".")[0] for value in values]
        return [self._variable(stem) if _NAME.match(stem) else None for stem in stems]

    # ── writing the lines ────────────────────────────────────────────────────

    def body(self, depth: int, *, main: bool, learned: Sequence[str] = ()) -> Iterator[str]:
        """The lines of the method, at a depth of indentation. The main network gives a dict
        by output name, a block its only result or a tuple. `learned` are parameters that
        the loss reads, and gets by the outputs: in training, and where gradients are wanted."""
        live = Liveness(self.items, self.outputs)
        inputs = dict(enumerate(self.arguments))
        self._variables = Variables(live, side_values(self.items), self._locals, inputs)
        for symbol, name in zip(self.code.sizes, self._sizes, strict=True):
            yield from statement(f"{name} = {self._size(symbol)}", depth)
        # The last line of a block can be what it returns.
        last = self.items[-1] if self.items else None
        whole = isinstance(last, Line) and list(last.results) == self.outputs
        if isinstance(last, Line) and whole and not main and not last.named:
            yield from self._write(self.items[:-1], depth, (), {}, ())
            reads = {t: self._variables.of[t] for t in last.tokens if isinstance(t, int)}
            yield from statement(f"return {self._text(last, reads, {})}", depth, self._shape(last))
            return
        yield from self._write(self.items, depth, (), {}, ())
        found = [self._variables.of[value] for value in self.outputs]
        if main:
            pairs = zip(self.code.graph.outputs, found, strict=True)
            items = [f"{literal(name)}: {variable}" for (name, _), variable in pairs]
            if not learned:
                yield from statement(f"return {{{', '.join(items)}}}", depth)
                return
            pad = " " * (INDENT * depth)
            yield from statement(f"outputs = {{{', '.join(items)}}}", depth)
            yield f"{pad}if self.training or torch.is_grad_enabled():"
            for name in learned:
                # DDP finds what an output is made of by its graph, which a parameter itself lacks.
                yield f"{pad}    outputs[{literal(name)}] = self.{name}.clone()  # for `loss` alone"
            yield f"{pad}return outputs"
        else:
            yield from statement(f"return {', '.join(found)}", depth)

    def _size(self, symbol: str) -> str:
        found = size_source(self.code.graph, symbol)
        if found is None:
            raise DiagnosticError(
                Diagnostic(
                    catalogued("E0403"),
                    f"the size `{symbol}` is not a size of any input",
                    help="a layer needs it when the model runs: declare an input that has it",
                )
            )
        value, text = found
        name = self.arguments[self.code.graph.inputs.index(value)]
        return text.replace(".shape", f"{name}.shape", 1)

    def _write(
        self,
        items: list[Item],
        depth: int,
        loops: tuple[Loop, ...],
        heads: Heads,
        taken: tuple[str, ...],
    ) -> Iterator[str]:
        """`heads` gives, within loops, the variable and container of each attribute."""
        before: Line | None = None  # the line above, where nothing stands between
        breaks = _breaks(items)
        for item in items:
            if isinstance(item, Loop):
                yield from self._loop(item, depth, loops, heads, taken)
                before = None
                continue
            reads = {t: self._variables.of[t] for t in item.tokens if isinstance(t, int)}
            copies, targets = self._variables.assign(item, self._author_names(item), loops)
            if id(item) in breaks:
                yield ""
            for copy in copies:
                yield from statement(f"{copy.target} = {copy.source}", depth)
            shape = self._shape(item)
            shown = "" if before is not None and shape == self._shape(before) else shape
            text = self._text(item, reads, heads)
            yield from statement(f"{', '.join(targets)} = {text}", depth, shown)
            before = item

    def _shape(self, line: Line) -> str:
        """The shapes of those results of a line that are read."""
        shapes = [
            self.shapes.shape([turn[i] for turn in line.turns])
            for i, value in enumerate(line.results)
            if len(line.results) == 1 or self._variables.is_read(value)
        ]
        return ", ".join(filter(None, shapes))

    def _text(self, line: Line, reads: dict[int, str], heads: Heads) -> str:
        return "".join(self._piece(line, token, reads, heads) for token in line.tokens)

    def _piece(
        self,
        line: Line,
        token: str | int,
        reads: dict[int, str],
        heads: Heads,
    ) -> str:
        if isinstance(token, int):
            return reads[token]
        if token == "__m__":
            return self._module(line, heads)
        if token.startswith("__d"):
            return self._sizes[int(token[3:-2])]
        return token

    def _module(self, line: Line, heads: Heads) -> str:
        head = self._head_of(line, heads)
        for turn in line.indices[head.depth :]:
            head = head.turn(turn)
        return head.text

    def _head_of(self, line: Line, heads: Heads) -> _Head:
        attribute = identifiers.attribute(line.stem)
        return heads.get(attribute) or _Head(f"self.{attribute}", self.containers[attribute], 0)

    def _loop(
        self,
        loop: Loop,
        depth: int,
        loops: tuple[Loop, ...],
        heads: Heads,
        taken: tuple[str, ...],
    ) -> Iterator[str]:
        names = dict(self._author)
        for copy in self._variables.enter(loop, loops, names):
            yield from statement(f"{copy.target} = {copy.source}", depth)
        homes = {phi.value: self._variables.of[phi.value] for phi in loop.phis}
        head, inner, used = self._head(loop, heads, taken)
        yield from statement(head, depth)
        inside = (*loops, loop)
        yield from self._write(loop.body, depth + 1, inside, inner, (*taken, *used))
        copies = self._variables.leave(loop, homes)
        if copies:
            yield from statement(_copies(copies), depth + 1)

    def _head(
        self, loop: Loop, heads: Heads, taken: tuple[str, ...]
    ) -> tuple[str, Heads, list[str]]:
        """The `for` line, what it binds, and the names of its variables."""
        stems: Heads = {}
        for item in walk(loop.body):
            if isinstance(item, Line) and item.module:
                attribute = identifiers.attribute(item.stem)
                if attribute not in stems:
                    head = self._head_of(item, heads)
                    for turn in item.indices[head.depth : loop.depth]:
                        head = head.turn(turn)
                    stems[attribute] = head
        names = Names(taken)
        count = loop.stop - loop.start
        if not stems:
            return f"for _ in range({count}):", heads, []
        inner, used, sources = dict(heads), [], []
        if not all(head.here.is_list for head in stems.values()):
            index = self._loop_name("i", names)
            for attribute, head in stems.items():
                key = f"[{index}]" if head.here.is_list else f"[str({index})]"
                first = head.here.turns[loop.start]
                inner[attribute] = _Head(head.text + key, first, head.depth + 1)
            span = f"{loop.start}, {loop.stop}" if loop.start else f"{loop.stop}"
            return f"for {index} in range({span}):", inner, [index]
        for attribute, head in stems.items():
            first = head.here.turns[loop.start]
            plural = "" if first.leaf is not None else "s"
            name = self._loop_name(("layer" if len(stems) == 1 else attribute) + plural, names)
            used.append(name)
            inner[attribute] = _Head(name, first, head.depth + 1)
            start = loop.start or ""
            stop = loop.stop if loop.stop < len(head.here.turns) else ""
            whole = count == len(head.here.turns)
            sources.append(head.text if whole else f"{head.text}[{start}:{stop}]")
        source = sources[0] if len(sources) == 1 else f"zip({', '.join(sources)})"
        return f"for {', '.join(used)} in {source}:", inner, used

    def _loop_name(self, wanted: str, names: Names) -> str:
        while (wanted in self._locals and wanted not in self._loop_names) or wanted in names:
            wanted += "_"
        name = names.take(wanted)
        if name not in self._loop_names:
            # Loops share their names; a variable made up later must not take one.
            self._loop_names.add(self._locals.take(name))
        return name


def _breaks(items: list[Item]) -> set[int]:
    """The lines, by identity, before which an empty one stands: those that begin another
    chain, where both are long enough to be a paragraph."""
    chains: list[list[Item]] = []
    for item in items:
        above = chains[-1][-1] if chains else None
        reads = set(item.tokens) if isinstance(item, Line) else set()
        goes_on = not isinstance(item, Line) or not isinstance(above, Line)
        if chains and (goes_on or reads & set(above.results if isinstance(above, Line) else ())):
            chains[-1].append(item)
        else:
            chains.append([item])
    return {
        id(chain[0])
        for before, chain in pairwise(chains)
        if min(len(before), len(chain)) >= _PARAGRAPH
    }


def _copies(copies: list[Copy]) -> str:
    targets = ", ".join(copy.target for copy in copies)
    return f"{targets} = {', '.join(copy.source for copy in copies)}"
