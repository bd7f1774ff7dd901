"""Values as YAML lists, mappings and scalars, in braces or in a block."""

from __future__ import annotations

from typing import Final

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.comments import Construct
from dlc.compiler.syntax.layout import WIDTH, Layout
from dlc.compiler.syntax.yaml_scalars import is_flow_safe, scalar, spell_key

_STEP: Final = "  "


class Collections:
    """Prints values."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._comments = layout.comments

    # ── one line ─────────────────────────────────────────────────────────────

    def flow(self, expr: tree.Expr) -> str | None:
        """The value inside `{ }` or `[ ]`; None where YAML would split it."""
        if isinstance(expr, tree.Mapping):
            return self.flow_mapping([(e.key, e.value) for e in expr.entries])
        if isinstance(expr, tree.ListExpr):
            return self.flow_list(expr.items)
        text = scalar(expr)
        return text if is_flow_safe(text) else None

    def flow_list(self, items: tuple[tree.Expr, ...]) -> str | None:
        texts = [self.flow(item) for item in items]
        known = [text for text in texts if text is not None]
        return f"[{', '.join(known)}]" if len(known) == len(texts) else None

    def flow_mapping(self, pairs: list[tuple[tree.Name, tree.Expr]]) -> str | None:
        texts = [(spell_key(key.text), self.flow(value)) for key, value in pairs]
        if any(text is None for _, text in texts):
            return None
        return f"{{{', '.join(f'{key}: {text}' for key, text in texts)}}}"

    # ── several lines ────────────────────────────────────────────────────────

    def entry(self, entry: tree.Entry, indent: str, *, top: bool = False) -> list[str]:
        """`key: value`, over as many lines as it takes, with its comments."""
        head = f"{indent}{spell_key(entry.key.text)}:"
        value = entry.value
        inside = self._comments.inside(entry)
        if inside and not isinstance(value, tree.Mapping | tree.ListExpr):
            lines = [*self.hoist(entry, indent), f"{head} {scalar(value)}"]
        else:
            expanded = inside or self._is_expanded(entry, top=top)
            lines = self.value(head, value, indent, expanded=expanded)
        return self._layout.unit(entry, lines, indent)

    def value(
        self, head: str, value: tree.Expr, indent: str, *, expanded: bool = False
    ) -> list[str]:
        """The value behind `head`, which ends in a colon."""
        if not isinstance(value, tree.Mapping | tree.ListExpr):
            return [f"{head} {scalar(value)}"]
        flat = self.flow(value)
        empty = not _children(value)
        fits = flat is not None and len(head) + 1 + len(flat) <= WIDTH
        if flat is not None and (empty or (fits and not expanded)):
            return [f"{head} {flat}"]
        return [head, *self.block(value, indent + _STEP)]

    def block(self, value: tree.Mapping | tree.ListExpr, indent: str) -> list[str]:
        """The lines of a collection that is not empty."""
        lines: list[str] = []
        if isinstance(value, tree.Mapping):
            for number, entry in enumerate(value.entries):
                if number and self._layout.is_apart(value.entries[number - 1], entry):
                    lines.append("")
                lines += self.entry(entry, indent)
            return lines
        for item in value.items:
            lines += self.item(item, indent)
        return lines

    def item(self, item: tree.Expr, indent: str) -> list[str]:
        """One item of a block list."""
        flat: str | None
        if isinstance(item, tree.Mapping | tree.ListExpr):
            flat = self.flow(item)
            single = isinstance(item, tree.Mapping) and len(item.entries) == 1
            wide = flat is not None and len(indent) + 2 + len(flat) > WIDTH
            empty = not _children(item)
            if not empty and (flat is None or single or wide or self._comments.inside(item)):
                lines = self.block(item, indent + _STEP)
                return self._layout.unit(item, _dashed(lines, indent), indent)
        else:
            flat = scalar(item)
        hoisted = self.hoist(item, indent)
        return [*hoisted, *self._layout.unit(item, [f"{indent}- {flat}"], indent)]

    # ── comments ─────────────────────────────────────────────────────────────

    def hoist(self, construct: Construct, indent: str) -> list[str]:
        """The comments inside a construct that has no lines to put them behind."""
        return [indent + text for text in self._comments.hoisted(construct)]

    def has_comments(self, construct: Construct) -> bool:
        own = self._comments.of(construct)
        found = own.leading or own.header or own.tail or own.dangling
        return bool(found) or self._comments.inside(construct)

    def _is_expanded(self, entry: tree.Entry, *, top: bool) -> bool:
        """Whether the author put a line for each part, or would have."""
        value = entry.value
        start, end = entry.span.start, value.span.end
        written = self._layout.is_expanded(start, end, entry.span.source)
        if written is not None:
            return written
        if not isinstance(value, tree.Mapping):
            return False
        return top or any(isinstance(e.value, tree.Mapping) for e in value.entries)


def _children(value: tree.Mapping | tree.ListExpr) -> tuple[object, ...]:
    return value.items if isinstance(value, tree.ListExpr) else value.entries


def _dashed(lines: list[str], indent: str) -> list[str]:
    """Put the dash of a list item where its first line's indentation ends."""
    for number, line in enumerate(lines):
        if line and not line.lstrip().startswith("#"):
            lines[number] = f"{indent}- {line[len(indent) + 2 :]}"
            # Comments before the item's first line belong above its dash.
            head = [indent + before.lstrip() for before in lines[:number]]
            return head + lines[number:]
    return lines
