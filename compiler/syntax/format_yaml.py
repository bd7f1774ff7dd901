"""A tree as canonical YAML text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.comments import Comments
from dlc.compiler.syntax.layout import WIDTH, Layout
from dlc.compiler.syntax.printing import format_expression, format_number, format_type
from dlc.compiler.syntax.yaml import TYPES
from dlc.compiler.syntax.yaml_collections import Collections
from dlc.compiler.syntax.yaml_scalars import is_flow_safe, plain, scalar, spell_key, through_quotes
from dlc.compiler.syntax.yaml_steps import Steps

_STEP: Final = "  "


def format_yaml(file: tree.File) -> str:
    return _Printer(file).text()


class _Printer:
    def __init__(self, file: tree.File) -> None:
        self._file = file
        self._comments = Comments(file, "yaml")
        self._layout = Layout(file.source, self._comments)
        self._values = Collections(self._layout)
        self._steps = Steps(self._layout, self._values)

    def text(self) -> str:
        file = self._file
        model = file.model
        head: list[str] = []
        if file.version is not None:
            line = f"dlc: {format_number(file.version)}"
            head += self._layout.unit(file.version, [line], "")
        if model is not None and model.name is not None:
            head += self._layout.unit(model, [f"name: {model.name.text}"], "")
        groups = [
            head,
            [
                *self._section("params", self._params(file.params, "params", "")),
                *self._section("dims", self._dims()),
            ],
            self._section("import", self._imports()),
            self._section("blocks", self._blocks()),
        ]
        if model is not None:
            inputs = self._section("inputs", self._declared("inputs", model.inputs, ""))
            layers = self._section("layers", self._layers(model))
            if model.name is None:
                # What is said about a model without a name goes where it begins.
                first_lines = inputs or layers
                first_lines[:] = self._layout.unit(model, first_lines, "")
            groups += [inputs, layers]
        first = 1 if file.settings and file.settings[0].key.text == "init" else 0
        groups.append(self._settings(file.settings[:first]))
        groups.append(self._section("targets", self._declared("targets", file.targets, "")))
        groups.append(self._settings(file.settings[first:]))
        groups.append(self._comments.at_end)
        return "\n".join(self._layout.separated(groups)) + "\n"

    def _section(self, name: str, lines: list[str]) -> list[str]:
        return self._layout.unit(self._comments.header(name), lines, "") if lines else []

    # ── declarations ─────────────────────────────────────────────────────────

    def _params(self, params: Sequence[tree.ParamDecl], name: str, indent: str) -> list[str]:
        texts = [(p, spell_key(p.name.text), self._param(p)) for p in params]
        return self._flat_or_block(name, texts, indent)

    def _param(self, decl: tree.ParamDecl) -> str:
        default = decl.default
        if default is None:
            return decl.type.text if decl.type is not None else "null"
        if decl.type is not None:
            return plain(f"{decl.type.text} = {format_expression(default)}")
        text = scalar(default)
        # A lone `int` would be read as a type.
        return f"({text})" if text in TYPES else text

    def _dims(self) -> list[str]:
        texts = [
            (d, d.name.text, through_quotes(format_expression(d.value))) for d in self._file.dims
        ]
        return self._flat_or_block("dims", texts, "")

    def _flat_or_block(
        self, name: str, pairs: Sequence[tuple[Any, str, str]], indent: str
    ) -> list[str]:
        """A mapping of scalars: in braces where it fits and nothing forbids."""
        if not pairs:
            return []
        commented = any(self._values.has_comments(node) for node, _, _ in pairs)
        if not commented and all(is_flow_safe(text) for _, _, text in pairs):
            flat = ", ".join(f"{key}: {text}" for _, key, text in pairs)
            if len(indent) + len(name) + len(flat) + 4 <= WIDTH:
                return [f"{indent}{name}: {{{flat}}}"]
        lines = [f"{indent}{name}:"]
        for node, key, text in pairs:
            deeper = indent + _STEP
            lines += self._values.hoist(node, deeper)
            lines += self._layout.unit(node, [f"{deeper}{key}: {text}"], deeper)
        return lines

    def _imports(self) -> list[str]:
        lines: list[str] = []
        for decl in self._file.imports:
            names = ", ".join(name.text for name in decl.names)
            line = f"{_STEP}{spell_key(decl.path.value)}: [{names}]"
            lines += self._layout.unit(decl, [line], _STEP)
        return ["import:", *lines] if lines else []

    def _declared(self, name: str, decls: Sequence[tree.ValueDecl], indent: str) -> list[str]:
        lines: list[str] = []
        for decl in decls:
            deeper = indent + _STEP
            line = f"{deeper}{spell_key(decl.name.text)}: {through_quotes(format_type(decl.type))}"
            lines += self._layout.unit(decl, [line], deeper)
        return [f"{indent}{name}:", *lines] if lines else []

    def _blocks(self) -> list[str]:
        blocks = [
            self._layout.unit(block, self._block(block), _STEP) for block in self._file.blocks
        ]
        return ["blocks:", *self._layout.separated(blocks)] if blocks else []

    def _block(self, block: tree.BlockDecl) -> list[str]:
        indent = _STEP * 2
        return [
            f"{_STEP}{spell_key(block.name.text)}:",
            *self._params(block.params, "params", indent),
            *self._declared("inputs", block.inputs, indent),
            *self._steps.section("layers", block.body, indent),
        ]

    def _layers(self, model: tree.ModelDecl) -> list[str]:
        named_only = model.name is not None or model.inputs
        if not model.body and named_only:
            return []
        return self._steps.section("layers", model.body, "")

    # ── settings ─────────────────────────────────────────────────────────────

    def _settings(self, entries: Sequence[tree.Entry]) -> list[str]:
        lines: list[str] = []
        for number, entry in enumerate(entries):
            if number and self._layout.is_apart(entries[number - 1], entry):
                lines.append("")
            lines += self._values.entry(entry, "", top=True)
        return lines
