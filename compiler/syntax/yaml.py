"""YAML text to the tree."""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.source import Source
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.yaml_layers import Layers
from dlc.compiler.syntax.yaml_nodes import Mapping, Node, NodeReader, Scalar
from dlc.compiler.syntax.yaml_values import Values, is_null

TYPES: Final = frozenset({"int", "float", "bool", "text"})
_TYPED: Final = re.compile(r"(int|float|bool|text)[ \t]*=[ \t]*(?=\S)")


def parse_yaml(source: Source, collector: Collector) -> tree.File | None:
    """The tree of a YAML text; None where it is no YAML at all. After errors, of the rest."""
    reader = NodeReader(source, collector)
    root = reader.read()
    if root is None:
        if not collector.has_errors:
            where = Label(source.span(0))
            help = "begin with `dlc: 1`, then `inputs:` and `layers:`"
            collector.add(Diagnostic(code("E0115"), "an empty spec", where, help=help))
        return None
    file = _File(source, collector)
    if not isinstance(root, Mapping):
        file.values.wrong_structure(root, "a spec", "a mapping", "begin with `dlc: 1`")
        return None
    return file.read(root, reader.comments)


class _File:
    """The sections of one spec."""

    def __init__(self, source: Source, collector: Collector) -> None:
        self.values = Values(source, collector)
        self._source = source
        self._layers = Layers(self.values)

    def read(self, root: Mapping, comments: tuple[tree.Comment, ...]) -> tree.File:
        sections = {key.value: (key, node) for key, node in self.values.pairs(root, "a spec")}
        settings = tuple(
            self.values.entry(key, node)
            for word, (key, node) in sections.items()
            if word not in _SECTIONS
        )
        nodes = {word: node for word, (_, node) in sections.items()}
        return tree.File(
            self._source,
            self._version(nodes.get("dlc")),
            params=self._params(nodes.get("params"), "`params`"),
            dims=self._dims(nodes.get("dims")),
            imports=self._imports(nodes.get("import")),
            blocks=self._blocks(nodes.get("blocks")),
            model=self._model(sections),
            targets=self._declared(nodes.get("targets"), "`targets`"),
            settings=settings,
            comments=comments,
        )

    def _version(self, node: Node | None) -> tree.Number | None:
        if node is None:
            return None
        value = self.values.value(node)
        if isinstance(value, tree.Number):
            return value
        if not isinstance(value, tree.Missing):
            span = self.values.span(node)
            self.values.report("E0301", "the version is a number", span, "write `dlc: 1`")
        return None

    def _params(self, node: Node | None, what: str) -> tuple[tree.ParamDecl, ...]:
        if node is None:
            return ()
        return tuple(
            self._param(key, value)
            for key, value in self.values.pairs(node, what, "write `name: default`")
        )

    def _param(self, key: Scalar, node: Node) -> tree.ParamDecl:
        name = self.values.name(key)
        span = self._source.span(key.start, max(key.end, node.end))
        if isinstance(node, Scalar) and node.plain:
            if node.value in TYPES:
                return tree.ParamDecl(
                    name, tree.Name(node.value, self.values.span(node)), None, span
                )
            typed = _TYPED.match(node.value)
            if typed is not None:
                kind = self._source.span(node.start, node.start + typed.end(1))
                rest = Scalar(node.value[typed.end() :], node.start + typed.end(), node.end, True)
                default = self.values.scalar(rest)
                return tree.ParamDecl(name, tree.Name(typed.group(1), kind), default, span)
            if is_null(node) and not node.value:
                self.values.report(
                    "E0115",
                    f"the param `{key.value}` has neither a default nor a type",
                    self.values.span(key),
                    f"write `{key.value}: 0.5`, or `{key.value}: int` where one must be given",
                )
        return tree.ParamDecl(name, None, self.values.value(node), span)

    def _dims(self, node: Node | None) -> tuple[tree.DimDecl, ...]:
        if node is None:
            return ()
        found = []
        for key, value in self.values.pairs(node, "`dims`", "write `T: 1..512`"):
            if not isinstance(value, Scalar):
                self.values.wrong_structure(value, "a dim", "a range, as in `T: 1..512`")
                continue
            span = self._source.span(key.start, max(key.end, value.end))
            expr = self._required(value, "range", f"the dim `{key.value}`", "`1..512`")
            found.append(tree.DimDecl(self.values.name(key), expr, span))
        return tuple(found)

    def _required(self, node: Scalar, rule: str, what: str, example: str) -> tree.Expr:
        if is_null(node):
            span = self.values.span(node)
            self.values.report("E0115", f"{what} needs a value", span, f"write {example}")
            return tree.Missing(span)
        return self.values.read(node, rule) or tree.Missing(self.values.span(node))

    def _imports(self, node: Node | None) -> tuple[tree.ImportDecl, ...]:
        if node is None:
            return ()
        found = []
        help = "write `blocks/conv.dlc: [ConvBnRelu]`"
        for key, value in self.values.pairs(node, "`import`", help):
            names = self.values.names(value, "an import")
            span = self._source.span(key.start, max(key.end, value.end))
            found.append(tree.ImportDecl(tree.Text(key.value, self.values.span(key)), names, span))
        return tuple(found)

    def _declared(self, node: Node | None, what: str) -> tuple[tree.ValueDecl, ...]:
        if node is None:
            return ()
        found = []
        for key, value in self.values.pairs(node, what, "write `image: float[N, 3, 224, 224]`"):
            name = self.values.name(key)
            kind = self._type(value, key)
            if kind is not None:
                span = self._source.span(key.start, max(key.end, value.end))
                found.append(tree.ValueDecl(name, kind, span))
        return tuple(found)

    def _type(self, node: Node, key: Scalar) -> tree.TypeExpr | None:
        example = f"write `{key.value}: float[N, 3]`"
        if isinstance(node, Scalar) and not is_null(node):
            kind: tree.TypeExpr | None = self.values.read(node, "tensor_type")
            return kind
        if is_null(node):
            span = self.values.span(key)
            self.values.report("E0115", f"`{key.value}` needs a type", span, example)
        else:
            self.values.wrong_structure(node, f"the type of `{key.value}`", "a type", example)
        return None

    def _blocks(self, node: Node | None) -> tuple[tree.BlockDecl, ...]:
        if node is None:
            return ()
        found = []
        for key, value in self.values.pairs(node, "`blocks`", "write `Name: {params, layers}`"):
            name = self.values.name(key, "a block's name")
            span = self._source.span(key.start, max(key.end, value.end))
            parts = {
                k.value: (k, v) for k, v in self.values.pairs(value, f"the block `{key.value}`")
            }
            for word, (part, _) in parts.items():
                if word not in ("params", "inputs", "layers"):
                    self.values.report(
                        "E0206",
                        f"a block has no `{word}`",
                        self.values.span(part),
                        "a block has `params`, `inputs` and `layers`",
                    )
            if "layers" not in parts:
                self.values.report(
                    "E0115",
                    f"the block `{key.value}` has no `layers`",
                    self.values.span(key),
                    "add `layers:` with a list of ops",
                )
            found.append(
                tree.BlockDecl(
                    name,
                    self._params(_node(parts, "params"), "`params`"),
                    self._declared(_node(parts, "inputs"), "`inputs`"),
                    () if "layers" not in parts else self._layers.steps(parts["layers"][1]),
                    span,
                )
            )
        return tuple(found)

    def _model(self, sections: dict[str, tuple[Scalar, Node]]) -> tree.ModelDecl | None:
        present = [sections[word] for word in ("name", "inputs", "layers") if word in sections]
        if not present:
            return None
        start = min(key.start for key, _ in present)
        end = max(max(key.end, node.end) for key, node in present)
        layers = _node(sections, "layers")
        return tree.ModelDecl(
            self._model_name(_node(sections, "name")),
            self._declared(_node(sections, "inputs"), "`inputs`"),
            () if layers is None else self._layers.steps(layers),
            self._source.span(start, end),
        )

    def _model_name(self, node: Node | None) -> tree.Name | None:
        if node is None or is_null(node):
            return None
        if isinstance(node, Scalar):
            return self.values.name(node, "a model's name")
        self.values.wrong_structure(node, "`name`", "a name")
        return None


_SECTIONS: Final = frozenset(
    {"dlc", "name", "params", "dims", "import", "blocks", "inputs", "layers", "targets"}
)


def _node(parts: dict[str, tuple[Scalar, Node]], word: str) -> Node | None:
    return parts[word][1] if word in parts else None
