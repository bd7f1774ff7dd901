"""The list `layers` of a YAML spec to steps."""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree, yaml_nodes
from dlc.compiler.syntax.yaml_nodes import Mapping, Node, Scalar
from dlc.compiler.syntax.yaml_values import Values, is_null

_MODIFIERS: Final = frozenset({"from", "name", "output"})
# What may stand beside the key that makes an item one of these.
_PARTS: Final = {
    "repeat": frozenset({"as", "layers"}),
    "if": frozenset({"then", "else"}),
    "residual": frozenset({"shortcut"}),
}

KEYWORDS: Final = _MODIFIERS | frozenset(_PARTS)  # no op can have these names

_JOINED_ITEM: Final = re.compile(r"\n[ ]*- ")

_Pair = tuple[Scalar, Node]


class Layers:
    """Reads lists of layers."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def steps(self, node: Node, what: str = "`layers`") -> tuple[tree.Step, ...]:
        """The steps of a list; a single layer may stand without one."""
        if isinstance(node, yaml_nodes.Sequence):
            items = self._values.items(node, what)
            return tuple(step for item in items for step in self._item(item))
        if isinstance(node, Scalar) and not is_null(node):
            return tuple(self._item(node))
        self._values.items(node, what, "begin each layer with `- `")
        return ()

    def _item(self, node: Node) -> list[tree.Step]:
        values = self._values
        if isinstance(node, Scalar):
            if is_null(node):
                values.report("E0115", "an empty layer", values.span(node), "name an op")
                return []
            if node.plain and _JOINED_ITEM.search(values.source.text, node.start, node.end):
                self._report_joined(node)
                return []
            return values.read(node, "flow") or []
        if isinstance(node, Mapping):
            step = self._mapping(node)
            return [] if step is None else [step]
        values.wrong_structure(node, "a layer", "an op, alone or with settings")
        return []

    def _mapping(self, node: Mapping) -> tree.Step | None:
        values = self._values
        pairs = {key.value: (key, value) for key, value in values.pairs(node, "a layer")}
        kind = next((word for word in _PARTS if word in pairs), None)
        allowed = _MODIFIERS | (_PARTS[kind] | {kind} if kind else frozenset())
        ops = [pair for word, pair in pairs.items() if word not in allowed]
        if kind is not None:
            ops.insert(0, pairs[kind])
        span = values.span(node)
        if len(ops) > 1:
            self._report_two(ops, kind)
        names, output = self._names(pairs)
        inputs = self._inputs(pairs.get("from"))
        if not ops:
            if inputs is None:
                values.report("E0115", "a layer without an op", span, "add the op, as in `relu:`")
                return None
            return tree.Step(inputs, None, names, output, span=span)
        operation = self._operation(kind, ops[0], pairs, span)
        return tree.Step(inputs, operation, names, output, span=span)

    def _operation(
        self, kind: str | None, op: _Pair, pairs: dict[str, _Pair], span: Span
    ) -> tree.Operation:
        if kind == "repeat":
            return self._repeat(op, pairs, span)
        if kind == "if":
            return self._if(op, pairs, span)
        if kind == "residual":
            body = self.steps(op[1], "`residual`")
            shortcut = pairs.get("shortcut")
            branch = None if shortcut is None else self.steps(shortcut[1], "`shortcut`")
            return tree.Residual(body, branch, span)
        return self._call(*op)

    def _repeat(self, op: _Pair, pairs: dict[str, _Pair], span: Span) -> tree.Repeat:
        values = self._values
        variables = pairs.get("as")
        names = () if variables is None else values.names(variables[1], "`as`")
        body = self._part("layers", "repeat", op[0], pairs)
        return tree.Repeat(self._required(op), names, body, span)

    def _if(self, op: _Pair, pairs: dict[str, _Pair], span: Span) -> tree.If:
        then = self._part("then", "if", op[0], pairs)
        other = pairs.get("else")
        otherwise = None if other is None else self.steps(other[1], "`else`")
        return tree.If(self._required(op), then, otherwise, span)

    def _part(
        self, word: str, kind: str, key: Scalar, pairs: dict[str, _Pair]
    ) -> tuple[tree.Step, ...]:
        if word in pairs:
            return self.steps(pairs[word][1], f"`{word}`")
        self._values.report(
            "E0115",
            f"`{kind}` without `{word}`",
            self._values.span(key),
            f"add `{word}:` with a list of layers below `{kind}`",
        )
        return ()

    def _required(self, op: _Pair) -> tree.Expr:
        """The count of a repeat, the condition of an if."""
        key, node = op
        values = self._values
        if is_null(node):
            values.report(
                "E0115", f"`{key.value}` needs a value", values.span(key), "write it after the `:`"
            )
            return tree.Missing(values.span(node))
        if isinstance(node, Scalar):
            return values.read(node, "expr") or tree.Missing(values.span(node))
        return values.value(node)

    def _call(self, key: Scalar, node: Node) -> tree.Call:
        values = self._values
        name = values.name(key, "an op")
        span = values.source.span(key.start, max(key.end, node.end))
        arguments: tuple[tree.Argument, ...]
        if isinstance(node, Mapping):
            arguments = tuple(
                tree.Argument(
                    values.name(name_node, "an argument's name"),
                    values.value(value),
                    values.source.span(name_node.start, max(name_node.end, value.end)),
                )
                for name_node, value in values.pairs(node, "arguments")
            )
            if node.merges:
                hole = values.span(key)
                arguments += (tree.Argument(None, tree.Missing(hole), hole),)
        elif isinstance(node, yaml_nodes.Sequence):
            items = values.items(node, "arguments")
            arguments = tuple(
                tree.Argument(None, values.value(item), values.span(item)) for item in items
            )
        elif node.plain and not node.value:
            arguments = ()
        else:
            arguments = (tree.Argument(None, values.scalar(node), values.span(node)),)
        return tree.Call(name, arguments, span)

    def _names(self, pairs: dict[str, _Pair]) -> tuple[tuple[tree.Name, ...], bool]:
        named, output = pairs.get("name"), pairs.get("output")
        if named is not None and output is not None:
            values = self._values
            values.collector.add(
                Diagnostic(
                    code("E0311"),
                    "a layer has either a `name` or an `output`, not both",
                    Label(values.span(output[0]), "the output's name serves as the layer's"),
                    (Label(values.span(named[0]), "and it has a name here"),),
                    help="keep `output`, and use that name everywhere",
                )
            )
        if output is not None:
            return self._values.names(output[1], "`output`"), True
        return (() if named is None else self._values.names(named[1], "`name`")), False

    def _inputs(self, pair: _Pair | None) -> tuple[tree.Expr, ...] | None:
        if pair is None:
            return None
        key, node = pair
        values = self._values
        if is_null(node):
            values.report("E0115", "`from` needs a value", values.span(key), "name the input")
            return None
        if isinstance(node, yaml_nodes.Sequence):
            return tuple(self._input(item) for item in values.items(node, "`from`"))
        expr = self._input(node)
        return expr.items if isinstance(expr, tree.ListExpr) else (expr,)

    def _input(self, node: Node) -> tree.Expr:
        values = self._values
        if isinstance(node, Scalar):
            return values.read(node, "expr") or tree.Missing(values.span(node))
        values.wrong_structure(node, "an input", "a name or an expression")
        return tree.Missing(values.span(node))

    def _report_joined(self, node: Scalar) -> None:
        values = self._values
        found = _JOINED_ITEM.search(values.source.text, node.start, node.end)
        assert found is not None
        dash = values.source.span(found.end() - 2, found.end() - 1)
        values.report(
            "E0105",
            "a list item indented more than the one above it",
            dash,
            "indent all items of a list alike",
            "YAML joins this line to the line above",
        )

    def _report_two(self, ops: list[_Pair], kind: str | None) -> None:
        values = self._values
        (first, _), (second, value) = ops[0], ops[1]
        known = sorted(_MODIFIERS | (_PARTS[kind] if kind else frozenset()))
        spelled = ", ".join(f"`{word}`" for word in known)
        values.collector.add(
            Diagnostic(
                code("E0107"),
                f"one item of `layers` holds one op, and this has `{first.value}` and "
                f"`{second.value}`",
                Label(values.span(second), "a second op, or a modifier that does not exist"),
                (Label(values.span(first), "the item's op"),),
                notes=(f"an item may also have {spelled}",),
                help=f"begin a new item: `- {second.value}:`"
                if not is_null(value)
                else f"begin a new item: `- {second.value}`",
            )
        )
