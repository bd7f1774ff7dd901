"""From a syntax tree to a bound spec: names, imports, arguments, sections.

The bound spec is a tree again, in canonical form: every argument by name, every default
written out, imported blocks inlined, sections in a fixed order. Both surfaces of a spec
give equal bound trees; its canonical text is what digests are taken of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import ComponentType, ListType
from dlc.compiler.diagnostics.model import Collector, Label
from dlc.compiler.semantics.bind import Binder, similar
from dlc.compiler.semantics.evaluate import describe
from dlc.compiler.semantics.imports import Importer, Parser
from dlc.compiler.semantics.network import NetworkBinder
from dlc.compiler.semantics.relocate import parse_quoted
from dlc.compiler.semantics.scope import Layered
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

#: Sections in the order in which a canonical spec has them.
SECTIONS = (
    "init",
    "data",
    "preprocess",
    "postprocess",
    "loss",
    "metrics",
    "regularization",
    "optimizer",
    "schedule",
    "train",
    "transfer",
    "search",
    "ensemble",
    "export",
)
_PLAIN_SECTIONS = ("data", "regularization", "train", "transfer", "search", "ensemble", "export")
_PARAM_TYPES = ("int", "float", "bool", "text")


class Resolver:
    """Binds one spec. Findings go to the collector; what failed stays as it was, so that
    one mistake does not hide the next."""

    def __init__(
        self, collector: Collector, parse: Parser, path: Path | None, root: Path | None
    ) -> None:
        self.collector = collector
        self.binder = Binder(collector)
        self.importer = Importer(root, parse, collector)
        self.path = path
        self.whole = True

    def resolve(self, file: tree.File) -> tree.File:
        """The bound spec of a parsed one."""
        # A model that could not be read is not one that is absent.
        self.whole = not self.collector.has_errors
        self._params(file.params)
        self.binder.known = frozenset(p.name.text for p in file.params)
        self._distinct("dim", [d.name for d in file.dims])
        for decl in file.dims:
            if not decl.name.text.isupper():
                self.binder.report(
                    "E0116",
                    f"the dim `{decl.name}` is not in upper case",
                    decl.name.span,
                    help=f"write `{decl.name.text.upper()}`",
                )
        params = {p.name.text: p.name.span for p in file.params}
        for decl in file.dims:
            if decl.name.text in params:
                self._hides("dim", decl.name, params[decl.name.text])
        params = {d.name.text: d.name.span for d in file.dims} | params
        blocks = self._blocks(file)
        model = self._model(file, blocks, params)
        settings = self._settings(file)
        return replace(
            file,
            params=file.params,
            imports=(),
            blocks=tuple(blocks.values()),
            model=model,
            settings=settings,
            comments=(),
        )

    # ── declarations ─────────────────────────────────────────────────────────

    def _distinct(self, what: str, names: Iterable[tree.Name]) -> None:
        seen: dict[str, Span] = {}
        for name in names:
            if name.text in seen:
                self.binder.report(
                    "E0203",
                    f"the {what} `{name}` is declared twice",
                    name.span,
                    secondary=(Label(seen[name.text], "first declared here"),),
                    help="remove or rename one of them",
                )
            seen.setdefault(name.text, name.span)

    def _params(self, params: tuple[tree.ParamDecl, ...]) -> None:
        self._distinct("parameter", [p.name for p in params])
        for param in params:
            if param.type is not None and param.type.text not in _PARAM_TYPES:
                self.collector.add(
                    similar(
                        "E0304",
                        f"`{param.type}` is not a parameter's type",
                        param.type.text,
                        param.type.span,
                        _PARAM_TYPES,
                        "type",
                        otherwise="a parameter is an int, a float, a bool or a text",
                    )
                )
            if isinstance(param.default, tree.Unparsed):
                self.collector.add(param.default.problem)

    def _blocks(self, file: tree.File) -> dict[str, tree.BlockDecl]:
        imported = self.importer.blocks(file, self.path)
        own = {block.name.text: block for block in file.blocks}
        self._distinct("block", [b.name for b in file.blocks])
        for decl in file.imports:
            for imported_name in decl.names:
                if imported_name.text in own:
                    self.binder.report(
                        "E0203",
                        f"the block `{imported_name}` is both imported and declared",
                        imported_name.span,
                        secondary=(Label(own[imported_name.text].name.span, "declared here"),),
                        help="rename one of them",
                    )
        done: dict[str, tree.BlockDecl] = {}
        every = imported | own
        for name, block in every.items():
            if not name[:1].isupper():
                self.binder.report(
                    "E0116",
                    f"the block `{name}` does not begin with a capital letter",
                    block.name.span,
                    help="blocks are CamelCase, built-in ops lower case, dims UPPER CASE",
                )
            self._params(block.params)
            self._distinct("input", [i.name for i in block.inputs])
            params = {p.name.text: p.name.span for p in block.params}
            body = self._body(block.body, block.inputs, params, done, every)
            done[name] = replace(block, body=body)
        return done

    def _body(
        self,
        body: tuple[tree.Step, ...],
        inputs: tuple[tree.ValueDecl, ...],
        params: dict[str, Span],
        blocks: dict[str, tree.BlockDecl],
        later: dict[str, tree.BlockDecl],
    ) -> tuple[tree.Step, ...]:
        """The bound steps of a block or of the model. `later` are known by name only."""
        for decl in inputs:
            if decl.name.text in params:
                self._hides("input", decl.name, params[decl.name.text])
        sizes = {
            word.text: word.span
            for decl in inputs
            for word in decl.type.dims or ()
            if isinstance(word, tree.Word) and word.text.isupper()
        }
        taken = Layered(sizes | params)
        names = Layered({decl.name.text: decl.name.span for decl in inputs})
        inner = NetworkBinder(self.binder, blocks, later, taken, self.importer.failed)
        return inner.steps(body, names)

    def _hides(self, what: str, name: tree.Name, other: Span) -> None:
        self.binder.report(
            "E0211",
            f"the {what} `{name}` hides a parameter",
            name.span,
            help="rename one of them",
            secondary=(Label(other, "the parameter"),),
        )

    def _model(
        self, file: tree.File, blocks: dict[str, tree.BlockDecl], params: dict[str, Span]
    ) -> tree.ModelDecl | None:
        self._distinct(
            "input or target",
            [d.name for d in (*(file.model.inputs if file.model else ()), *file.targets)],
        )
        if file.model is None:
            if self.whole and (file.settings or file.targets or not file.blocks):
                yaml = file.source.surface == "yaml"
                self.binder.report(
                    "E0309",
                    "the spec has no network",
                    Span(file.source, 0, min(1, len(file.source.text))),
                    help="give `inputs` and `layers`"
                    if yaml
                    else "give `model Name { input x: float[N, 4] ... }`",
                )
            return None
        model = file.model
        return replace(model, body=self._body(model.body, model.inputs, params, blocks, {}))

    # ── sections ─────────────────────────────────────────────────────────────

    def _settings(self, file: tree.File) -> tuple[tree.Entry, ...]:
        bound: dict[str, tree.Entry] = {}
        for entry in file.settings:
            key = entry.key.text
            if key not in SECTIONS:
                known = [*SECTIONS, "params", "dims", "blocks", "inputs", "layers", "targets"]
                self.collector.add(
                    similar(
                        "E0207",
                        f"a spec has no section `{key}`",
                        key,
                        entry.key.span,
                        known,
                        "section",
                        otherwise="sections: " + ", ".join(f"`{s}`" for s in SECTIONS),
                    )
                )
                continue
            if key in bound:
                self.binder.report(
                    "E0108",
                    f"the section `{key}` is given twice",
                    entry.key.span,
                    secondary=(Label(bound[key].key.span, "first given here"),),
                    help="put both parts in one",
                )
                continue
            bound[key] = replace(entry, value=self._section(key, entry.value))
        return tuple(bound[key] for key in SECTIONS if key in bound)

    def _section(self, key: str, value: tree.Expr) -> tree.Expr:
        if key in _PLAIN_SECTIONS:
            bound = self.binder.section(value, key, key)
            return self._with_maps(bound) if key == "transfer" else bound
        if key in ("optimizer", "schedule"):
            return self.binder.component(value, key)
        if key == "metrics":
            return self.binder.value(ListType(ComponentType("metric")), value, key)
        if key == "loss":
            return self._loss(value)
        if key == "init":
            return self._init(value)
        return self._steps(key, value)

    def _with_maps(self, section: tree.Expr) -> tree.Expr:
        # Imported on use: few specs start from trained weights.
        from dlc.compiler.semantics.rename_maps import Maps

        return Maps(self.binder, self.importer, self.path).inlined(section)

    def _loss(self, expr: tree.Expr) -> tree.Expr:
        """A weighted sum: calls of losses, numbers, `+`, `-`, `*`, `/`."""
        if isinstance(expr, tree.Binary):
            left, right = self._loss(expr.left), self._loss(expr.right)
            return replace(expr, left=left, right=right)
        if isinstance(expr, tree.Unary):
            return replace(expr, operand=self._loss(expr.operand))
        if isinstance(expr, tree.Call | tree.Mapping) or (
            isinstance(expr, tree.Word) and expr.text in registry.names("loss")
        ):
            return self.binder.component(expr, "loss")
        if isinstance(expr, tree.Text):
            inner = parse_quoted(expr, self.collector)
            return tree.Missing(expr.span) if inner is None else self._loss(inner)
        if isinstance(expr, tree.Unparsed):
            self.collector.add(expr.problem)
        elif isinstance(expr, tree.ListExpr):
            self.binder.report(
                "E0115",
                "`loss` is one expression, got a list",
                expr.span,
                help="add the parts up: `cross_entropy(a, b) + 0.2 * mse_loss(c, d)`",
            )
        return expr

    def _init(self, value: tree.Expr) -> tree.Expr:
        if not isinstance(value, tree.Mapping):
            self.binder.report(
                "E0115",
                f"`init` holds a key for each kind of layer, got {describe(value)}",
                value.span,
                help="write `init: {conv2d: kaiming_normal, bias: zeros}`",
            )
            return tree.Missing(value.span)
        entries = []
        for entry in value.entries:
            if entry.key.text != "bias" and not registry.has("op", entry.key.text):
                self.collector.add(
                    similar(
                        "E0201",
                        f"`init` names no kind of layer `{entry.key}`",
                        entry.key.text,
                        entry.key.span,
                        (*registry.all_names("op"), "bias"),
                        "op",
                        otherwise="a key is an op such as `linear`, or `bias` for all biases",
                    )
                )
                continue
            entries.append(replace(entry, value=self.binder.component(entry.value, "initializer")))
        return tree.Mapping(tuple(entries), value.span)

    def _steps(self, key: str, value: tree.Expr) -> tree.Expr:
        """`preprocess` and `postprocess`: a list of steps for each input or output."""
        if not isinstance(value, tree.Mapping):
            what = "input" if key == "preprocess" else "output"
            self.binder.report(
                "E0115",
                f"`{key}` holds a key for each {what}, got {describe(value)}",
                value.span,
                help=f"write `{key}: {{name: step}}`",
            )
            return tree.Missing(value.span)
        wanted = ListType(ComponentType(key))
        return tree.Mapping(
            tuple(
                replace(e, value=self.binder.value(wanted, e.value, e.key.text))
                for e in value.entries
            ),
            value.span,
        )
