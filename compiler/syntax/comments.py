"""Which comment belongs to which construct.

A comment on a line of its own goes before what follows it; one behind code stays with
that code. Constructs are those that a printer may put on a line of their own; a printer
asks for the comments of each and prints them where the construct then stands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


@dataclass(frozen=True, slots=True)
class Header:
    """The line `layers:` of a YAML file, which is no node of the tree."""

    name: str
    span: Span = field(compare=False)


Construct: TypeAlias = (
    Header
    | tree.ModelDecl
    | tree.BlockDecl
    | tree.ParamDecl
    | tree.DimDecl
    | tree.ImportDecl
    | tree.ValueDecl
    | tree.Step
    | tree.Entry
    | tree.Argument
    | tree.Expr
)

_HEADER: Final = re.compile(
    r"^(params|dims|import|blocks|inputs|layers|targets)[ \t]*:", re.MULTILINE
)
_ALWAYS: Final = (tree.Entry, tree.Step, tree.ValueDecl, tree.ParamDecl)
_CONTROLS: Final = (tree.Repeat, tree.If, tree.Residual)


@dataclass(slots=True)
class _Anchor:
    construct: Construct
    start: int
    end: int
    parent: _Anchor | None


@dataclass(slots=True)
class Attached:
    """The comments of one construct."""

    leading: list[str] = field(default_factory=list)  # on lines of their own, before it
    header: list[str] = field(default_factory=list)  # behind its first line
    tail: list[str] = field(default_factory=list)  # behind its last line
    dangling: list[str] = field(default_factory=list)  # after the last thing inside it


_NONE: Final = Attached()


class Comments:
    """The comments of a file, by construct, for printing as `surface`."""

    def __init__(self, file: tree.File, surface: str) -> None:
        self.at_end: list[str] = []
        self._file = file
        self._attached: dict[int, Attached] = {}
        self._around: set[int] = set()  # constructs that have comments inside
        self._headers: dict[str, Header] = {}
        if not file.comments:
            return
        self._anchors = sorted(self._walk(surface), key=lambda a: (a.start, -a.end))
        self._starts = [anchor.start for anchor in self._anchors]
        for comment in file.comments:
            self._attach(comment, surface)

    def of(self, construct: Construct | None) -> Attached:
        return _NONE if construct is None else self._attached.get(id(construct), _NONE)

    def header(self, name: str) -> Header | None:
        """The header line of a YAML section, where the file has it."""
        return self._headers.get(name)

    def inside(self, construct: Construct) -> bool:
        """Whether anything inside has comments, so that it cannot be put on one line."""
        attached = self.of(construct)
        return id(construct) in self._around or bool(attached.dangling)

    def hoisted(self, construct: Construct) -> list[str]:
        """All comments inside a construct that is printed on one line, in order."""
        found: list[str] = []
        for child in _children(construct):
            own = self.of(child)
            found += own.leading + own.header
            found += self.hoisted(child)
            found += own.tail + own.dangling
        return found

    # ── attaching ────────────────────────────────────────────────────────────

    def _attach(self, comment: tree.Comment, surface: str) -> None:
        index = bisect_right(self._starts, comment.span.start)
        before = self._anchors[index - 1] if index else None
        after = self._anchors[index] if index < len(self._anchors) else None
        around = before
        while around is not None and not around.start <= comment.span.start < around.end:
            around = around.parent
        if not comment.own_line and self._attach_behind(comment, before):
            return
        if around is not None and not _is_inside(after, around):
            if surface == "dlc" and _has_body(around.construct):
                self._put(around, "dangling", comment)
                return
            if not _has_body(around.construct):
                self._put(around, "leading", comment)
                return
        if after is None:
            self.at_end.append(comment.text)
        else:
            self._put(after, "leading", comment)

    def _attach_behind(self, comment: tree.Comment, anchor: _Anchor | None) -> bool:
        """Attach a comment to what stands before it on its line; False where nothing does."""
        line = self._line(comment.span.start)
        while anchor is not None:
            parent = anchor.parent
            if anchor.end > comment.span.start:
                # Inside: behind the opening line, if that is where it stands.
                kind = "header" if self._line(anchor.start) == line else "leading"
                if kind == "leading" and _has_body(anchor.construct):
                    return False
                self._put(anchor, kind, comment)
                return True
            if self._line(max(anchor.start, anchor.end - 1)) == line:
                same = parent is not None and self._line(parent.start) == line
                if not same or parent is None or parent.end > comment.span.start:
                    if same and parent is not None and isinstance(anchor.construct, tree.ParamDecl):
                        self._put(parent, "header", comment)  # behind `block B(p = 1) {`
                    else:
                        self._put(anchor, "tail", comment)
                    return True
            anchor = parent
        return False

    def _put(self, anchor: _Anchor, kind: str, comment: tree.Comment) -> None:
        attached = self._attached.setdefault(id(anchor.construct), Attached())
        getattr(attached, kind).append(comment.text)
        parent = anchor.parent
        while parent is not None:
            self._around.add(id(parent.construct))
            parent = parent.parent

    def _line(self, offset: int) -> int:
        return self._file.source.location(offset).line

    # ── constructs in the text ───────────────────────────────────────────────

    def _walk(self, surface: str) -> Iterator[_Anchor]:
        file = self._file
        yaml = file.source.surface != "dlc"
        if yaml and surface == "yaml":
            for found in _HEADER.finditer(file.source.text):
                header = Header(found.group(1), file.source.span(found.start(), found.end()))
                self._headers[header.name] = header
                yield _Anchor(header, found.start(), found.end(), None)
        tops: list[Construct] = [*file.params, *file.dims, *file.imports, *file.blocks]
        tops += [*file.targets, *file.settings]
        if file.version is not None:
            tops.append(file.version)
        model = file.model
        if model is not None and yaml:
            # A YAML model is scattered over the file: its name stands for it.
            if model.name is not None:
                yield _Anchor(model, model.name.span.start, model.name.span.end, None)
            tops += [*model.inputs, *model.body]
        elif model is not None:
            tops.append(model)
        for top in tops:
            yield from self._descend(top, None)

    def _descend(self, construct: Construct, parent: _Anchor | None) -> Iterator[_Anchor]:
        span = construct.span
        if span.source is not self._file.source:
            return
        anchor = _Anchor(construct, span.start, span.end, parent)
        yield anchor
        for child in _children(construct):
            # An argument or list item counts only where it has a line of its own.
            if isinstance(child, _ALWAYS) or self._leads_line(child.span.start):
                yield from self._descend(child, anchor)

    def _leads_line(self, offset: int) -> bool:
        text = self._file.source.text
        start = text.rfind("\n", 0, offset) + 1
        return not text[start:offset].strip(" \t-")


def _children(construct: Construct) -> tuple[Construct, ...]:
    """The constructs directly inside, in the order of the text."""
    match construct:
        case tree.BlockDecl():
            return (*construct.params, *construct.inputs, *construct.body)
        case tree.ModelDecl():
            return (*construct.inputs, *construct.body)
        case tree.Step():
            return _operation_children(construct.operation)
        case tree.Entry() | tree.Argument():
            return _expr_children(construct.value)
        case tree.ListExpr() | tree.Mapping() | tree.Call():
            return _expr_children(construct)
    return ()


def _operation_children(operation: tree.Operation | None) -> tuple[Construct, ...]:
    match operation:
        case tree.Call():
            return operation.arguments
        case tree.Repeat():
            return operation.body
        case tree.If():
            return (*operation.then, *(operation.otherwise or ()))
        case tree.Residual():
            return (*operation.body, *(operation.shortcut or ()))
    return ()


def _expr_children(expr: tree.Expr) -> tuple[Construct, ...]:
    match expr:
        case tree.Mapping():
            return expr.entries
        case tree.ListExpr():
            return expr.items
        case tree.Call():
            return expr.arguments
    return ()


def _has_body(construct: Construct) -> bool:
    """Whether a construct prints as an opening line, contents and a closing line."""
    if isinstance(construct, tree.BlockDecl | tree.ModelDecl):
        return True
    if isinstance(construct, tree.Entry):
        return isinstance(construct.value, tree.Mapping)
    return isinstance(construct, tree.Step) and isinstance(construct.operation, _CONTROLS)


def _is_inside(anchor: _Anchor | None, around: _Anchor) -> bool:
    while anchor is not None and anchor is not around:
        anchor = anchor.parent
    return anchor is around
