"""YAML text to plain nodes with exact places.

Built from the events of the YAML parser, which come one by one: no recursion, nothing
constructed, nothing resolved. What the language refuses (anchors, aliases, tags, merge
keys, second documents, keys that are not scalars) is found here, as are the limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax.limits import MAX_DEPTH, MAX_EVENTS
from dlc.compiler.syntax.tree import Comment
from dlc.compiler.syntax.yaml_errors import translate

# The C loader is ten times faster; the pure one takes the same text and gives the same marks.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMENT: Final = re.compile(r"(?:^|(?<=[\s,\[\]{}]))#[^\n]*", re.MULTILINE)


@dataclass(slots=True)
class Scalar:
    value: str
    start: int
    end: int
    plain: bool
    refused: bool = False  # an alias: reported, and without a value


@dataclass(slots=True)
class Sequence:
    items: list[Node]
    start: int
    end: int
    flow: bool


@dataclass(slots=True)
class Mapping:
    pairs: list[tuple[Scalar, Node]]
    start: int
    end: int
    flow: bool
    key: Scalar | None = field(default=None, repr=False)  # waits for its value
    merges: bool = False  # a merge key was refused: what it would have brought is missing
    seen: dict[str, Scalar] = field(default_factory=dict, repr=False)


Node: TypeAlias = Scalar | Sequence | Mapping


class NodeReader:
    """Reads one text. Findings go to the collector; `comments` are filled on the way."""

    def __init__(self, source: Source, collector: Collector) -> None:
        self.source = source
        self.comments: tuple[Comment, ...] = ()
        self._collector = collector
        self._stack: list[Sequence | Mapping] = []
        self._skipping = 0  # inside a key that is not a scalar
        self._root: Node | None = None
        self._scalars: list[tuple[int, int]] = []

    def read(self) -> Node | None:
        """The root node; None where the text is no YAML, or empty."""
        try:
            self._read_events(yaml.parse(self.source.text, Loader=_LOADER))
        except yaml.YAMLError as error:
            self._collector.add(translate(self.source, error))
            return None
        self.comments = tuple(self._find_comments())
        return self._root

    def _read_events(self, events: Iterator[Any]) -> None:
        documents = 0
        for count, event in enumerate(events):
            if count > MAX_EVENTS:
                self._refuse_size(event, f"more than {MAX_EVENTS} values")
                return
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._check_node(event)
                self._take(self._scalar(event))
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if len(self._stack) + self._skipping >= MAX_DEPTH:
                    self._refuse_size(event, f"nested more than {MAX_DEPTH} deep")
                    return
                self._check_node(event)
                self._open(event, kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close(event)
            elif kind is yaml.AliasEvent:
                if not self._is_merged():
                    self._refuse(event, f"an alias, `*{event.anchor}`")
                start, end = event.start_mark.index, event.end_mark.index
                self._take(Scalar(f"*{event.anchor}", start, end, True, refused=True))
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self._refuse(event, "a second document")
                    return
                if event.version or event.tags:
                    self._refuse(event, "a `%` directive")

    # ── building ─────────────────────────────────────────────────────────────

    def _scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        # The C loader marks a plain scalar with '', the other with None.
        plain = not event.style
        if event.anchor is not None or event.tag is not None:
            start = max(start, end - len(event.value)) if plain else start
        if plain and (event.anchor or event.tag):
            # The mark begins at the anchor, which is reported; the value is read all the same.
            start = max(start, end - len(event.value))
        self._scalars.append((start, end))
        return Scalar(event.value, start, end, plain)

    def _open(self, event: Any, is_mapping: bool) -> None:
        start = event.start_mark.index
        flow = bool(event.flow_style)
        node: Sequence | Mapping
        node = Mapping([], start, start, flow) if is_mapping else Sequence([], start, start, flow)
        parent = self._stack[-1] if self._stack else None
        if self._skipping or (isinstance(parent, Mapping) and parent.key is None):
            if not self._skipping:
                self._refuse(event, "a key that is not a plain word")
            self._skipping += 1
            return
        self._attach(node)
        self._stack.append(node)

    def _close(self, event: Any) -> None:
        if self._skipping:
            self._skipping -= 1
            if not self._skipping:
                mapping = self._stack[-1]
                assert isinstance(mapping, Mapping)
                end = event.end_mark.index
                mapping.key = Scalar("", end, end, False)
            return
        node = self._stack.pop()
        if node.flow:
            node.end = event.end_mark.index
        else:
            # A block collection ends, to PyYAML, where the next thing begins.
            last = (
                node.items[-1:] if isinstance(node, Sequence) else [v for _, v in node.pairs[-1:]]
            )
            node.end = last[0].end if last else node.start

    def _take(self, scalar: Scalar) -> None:
        if self._skipping:
            return
        parent = self._stack[-1] if self._stack else None
        if isinstance(parent, Mapping) and parent.key is None:
            # A key without text is not attached: what is wrong with it was said.
            fits = self._check_key(parent, scalar)
            parent.key = scalar if fits else Scalar("", scalar.start, scalar.end, True)
            return
        self._attach(scalar)

    def _attach(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key, parent.key = parent.key, None
        assert key is not None
        if isinstance(node, Scalar) and node.plain and node.start == node.end:
            # `key:` with nothing after it: the place is that of the key's end.
            node.start = node.end = max(key.end, min(node.start, node.end))
        if key.value:
            parent.pairs.append((key, node))

    def _is_merged(self) -> bool:
        """Whether the value of a refused merge key comes now."""
        parent = self._stack[-1] if self._stack else None
        if not isinstance(parent, Mapping) or parent.key is None:
            return False
        return parent.merges and not parent.key.value

    # ── checks ───────────────────────────────────────────────────────────────

    def _check_node(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(event, f"an anchor, `&{event.anchor}`")
        if event.tag is not None:
            self._refuse(event, "a tag")

    def _check_key(self, mapping: Mapping, key: Scalar) -> bool:
        if not key.value:
            self._add("E0116", "a key without a name", key, "write a name before the `:`")
            return False
        if key.plain and key.value == "<<":
            self._add("E0109", "a merge key, `<<`, is not part of the language", key, _ADVICE)
            mapping.merges = True
            return False
        first = mapping.seen.setdefault(key.value, key)
        if first is key:
            return True
        self._collector.add(
            Diagnostic(
                code("E0108"),
                f"the key `{key.value}` is given twice",
                Label(self._span(key), "given again here"),
                (Label(self._span(first), "first given here"),),
                help="keep one of the two",
            )
        )
        return False

    def _refuse(self, event: Any, what: str) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        span = self.source.span(start, max(start, min(end, self._line_end(start))))
        self._collector.add(
            Diagnostic(
                code("E0109"), f"{what} is not part of the language", Label(span), help=_ADVICE
            )
        )

    def _refuse_size(self, event: Any, what: str) -> None:
        span = self.source.span(event.start_mark.index, event.end_mark.index)
        self._collector.add(
            Diagnostic(
                code("E0110"), what, Label(span), help="split the file, or use blocks and `repeat`"
            )
        )
        self._root = None

    def _add(self, number: str, message: str, node: Node, help: str | None = None) -> None:
        self._collector.add(Diagnostic(code(number), message, Label(self._span(node)), help=help))

    def _span(self, node: Node) -> Span:
        return self.source.span(node.start, node.end)

    def _line_end(self, offset: int) -> int:
        end = self.source.text.find("\n", offset)
        return len(self.source.text) if end < 0 else end

    # ── comments ─────────────────────────────────────────────────────────────

    def _find_comments(self) -> Iterator[Comment]:
        """Every `#` that stands between scalars and after white space."""
        text = self.source.text
        if "#" not in text:
            return
        position = 0
        for start, end in [*self._scalars, (len(text), len(text))]:
            for found in _COMMENT.finditer(text, position, start):
                begin = found.start()
                words = found.group().rstrip()
                line_start = text.rfind("\n", 0, begin) + 1
                own_line = not text[line_start:begin].strip()
                yield Comment(words, own_line, self.source.span(begin, begin + len(words)))
            position = max(position, end)


_ADVICE: Final = "write the values out, or declare a block and use it by name"
