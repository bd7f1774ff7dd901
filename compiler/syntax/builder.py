"""What each rule of the grammar becomes in the tree.

A method bears the name of its rule (or of the alternative's alias) and gets the rule's
parts, tokens included, with the offsets that they cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.source import Source, Span
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.brackets import too_deep
from dlc.compiler.syntax.lexer import Token, too_long
from dlc.compiler.syntax.limits import MAX_DEPTH, MAX_EXPRESSION_HEIGHT, MAX_NAME, TooLarge
from dlc.compiler.syntax.numbers import read_number
from dlc.compiler.syntax.strings import BadEscape, unquote


class Builder:
    """Makes nodes of the tree; findings about their contents go into the collector."""

    def __init__(self, source: Source, collector: Collector) -> None:
        self.source = source
        self.collector = collector

    # ── shared ───────────────────────────────────────────────────────────────

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def name_of(self, token: Token) -> tree.Name:
        """An identifier; its text is empty where recovery put it in."""
        if token.end - token.start > MAX_NAME:
            self.report(
                "E0116",
                f"a name of {token.end - token.start} characters; the limit is {MAX_NAME}",
                self.span(token.start, token.end),
            )
        return tree.Name(self.text_of(token), self.span(token.start, token.end))

    def text_of(self, token: Token) -> str:
        return self.source.text[token.start : token.end]

    def names(self, parts: Sequence[Any]) -> tuple[tree.Name, ...]:
        return tuple(self.name_of(p) for p in parts if _is(p, "NAME"))

    def report(self, number: str, message: str, span: Span, help: str | None = None) -> None:
        self.collector.add(Diagnostic(code(number), message, Label(span), help=help))

    def too_high(self, start: int, end: int) -> TooLarge:
        return too_long(
            self.span(start, end), f"{MAX_EXPRESSION_HEIGHT} operations on each other's results"
        )

    # ── a file ───────────────────────────────────────────────────────────────

    def start(self, parts: list[Any], start: int, end: int) -> list[Any]:
        return [part for part in parts if not isinstance(part, Token)]

    def version(self, parts: list[Any], start: int, end: int) -> tree.Number | tree.Missing:
        return self.number(parts[1:], parts[1].start, end)

    def param(self, parts: list[Any], start: int, end: int) -> tree.ParamDecl:
        decl: tree.ParamDecl = parts[1]
        return tree.ParamDecl(decl.name, decl.type, decl.default, self.span(start, end))

    def parameter(self, parts: list[Any], start: int, end: int) -> tree.ParamDecl:
        typed = _is(parts[1], "COLON")
        return tree.ParamDecl(
            self.name_of(parts[0]),
            self.name_of(parts[2]) if typed else None,
            None if typed and len(parts) == 3 else parts[-1],
            self.span(start, end),
        )

    def dim(self, parts: list[Any], start: int, end: int) -> tree.DimDecl:
        return tree.DimDecl(self.name_of(parts[1]), parts[3], self.span(start, end))

    def import_(self, parts: list[Any], start: int, end: int) -> tree.ImportDecl:
        path = self.text(parts[1:2], parts[1].start, parts[1].end)
        return tree.ImportDecl(path, self.names(parts[3:]), self.span(start, end))

    def target(self, parts: list[Any], start: int, end: int) -> tree.ValueDecl:
        decl: tree.ValueDecl = parts[1]
        return tree.ValueDecl(decl.name, decl.type, self.span(start, end))

    def value(self, parts: list[Any], start: int, end: int) -> tree.ValueDecl:
        return tree.ValueDecl(self.name_of(parts[0]), parts[2], self.span(start, end))

    def tensor_type(self, parts: list[Any], start: int, end: int) -> tree.TypeExpr:
        dims = None if len(parts) == 1 else _without_tokens(parts)
        return tree.TypeExpr(self.name_of(parts[0]), dims, self.span(start, end))

    def block(self, parts: list[Any], start: int, end: int) -> tree.BlockDecl:
        inputs, steps = _split(parts[-1])
        return tree.BlockDecl(
            self.name_of(parts[1]),
            tuple(part for part in parts if isinstance(part, tree.ParamDecl)),
            inputs,
            steps,
            self.span(start, end),
        )

    def model(self, parts: list[Any], start: int, end: int) -> tree.ModelDecl:
        inputs, steps = _split(parts[-1])
        name = self.name_of(parts[1]) if len(parts) == 3 else None
        return tree.ModelDecl(name, inputs, steps, self.span(start, end))

    # ── settings ─────────────────────────────────────────────────────────────

    def entry(self, parts: list[Any], start: int, end: int) -> tree.Entry:
        return tree.Entry(parts[0], parts[-1], self.span(start, end))

    def key(self, parts: list[Any], start: int, end: int) -> tree.Name:
        part = parts[0]
        if isinstance(part, Token):
            return tree.Name(self.text(parts, start, end).value, self.span(start, end))
        text = part.text if isinstance(part, tree.Word) else self.source.text[start:end]
        return tree.Name(text, self.span(start, end))

    def mapping(self, parts: list[Any], start: int, end: int) -> tree.Mapping:
        entries = self.unique(_without_tokens(parts))
        return tree.Mapping(entries, self.span(start, end))

    def unique(self, entries: Sequence[tree.Entry]) -> tuple[tree.Entry, ...]:
        """The entries without those whose key was given before, which are reported."""
        first: dict[str, tree.Entry] = {}
        for entry in entries:
            known = first.setdefault(entry.key.text, entry)
            if known is not entry:
                self.collector.add(
                    Diagnostic(
                        code("E0108"),
                        f"the key `{entry.key.text}` is given twice",
                        Label(entry.key.span, "given again here"),
                        (Label(known.key.span, "first given here"),),
                        help="keep one of the two",
                    )
                )
        return tuple(first.values())

    # ── the flow ─────────────────────────────────────────────────────────────

    def body(self, parts: list[Any], start: int, end: int) -> list[Any]:
        return list(_without_tokens(parts))

    def input(self, parts: list[Any], start: int, end: int) -> tree.ValueDecl:
        decl: tree.ValueDecl = parts[1]
        return tree.ValueDecl(decl.name, decl.type, self.span(start, end))

    def step(self, parts: list[Any], start: int, end: int) -> list[tree.Step]:
        chain: list[tree.Step] = parts[-1]
        if len(parts) == 1:
            return chain
        last = chain[-1]
        names = self.names(parts)
        output = _is(parts[0], "OUTPUT")
        # A step begins where its line does, so that a name belongs to its step's span.
        begin = start if len(chain) == 1 else last.span.start
        chain[-1] = tree.Step(
            last.inputs,
            last.operation,
            names,
            output,
            last.chained,
            span=self.span(begin, last.span.end),
        )
        return chain

    def chain(self, parts: list[Any], start: int, end: int) -> list[tree.Step]:
        links = [part for part in parts if not isinstance(part, Token)]
        first = links[0]
        alone = len(links) == 1
        if isinstance(first, tree.Word) and len(first.parts) == 1 and alone:
            return [self._applied(None, _bare(first), first.span, chained=False)]
        if isinstance(first, tree.Call | tree.Repeat | tree.If | tree.Residual):
            steps = [self._applied(None, first, first.span, chained=False)]
        else:
            inputs = first.items if isinstance(first, tree.ListExpr) else (first,)
            if alone:
                return [tree.Step(inputs, None, span=self.span(start, end))]
            steps = [self._applied(inputs, links[1], first.span.to(links[1].span), chained=False)]
            links = links[1:]
        steps += [self._applied(None, link, link.span, chained=True) for link in links[1:]]
        return steps

    def bare(self, parts: list[Any], start: int, end: int) -> tree.Call:
        return tree.Call(self.name_of(parts[0]), (), self.span(start, end))

    def repeat(self, parts: list[Any], start: int, end: int) -> tree.Repeat:
        return tree.Repeat(
            parts[1], self.names(parts[2:]), self._steps(parts[-1]), self.span(start, end)
        )

    def if_(self, parts: list[Any], start: int, end: int) -> tree.If:
        otherwise: tuple[tree.Step, ...] | None = None
        if len(parts) == 5:
            last = parts[4]
            if isinstance(last, tree.If):
                self._check_ladder(last, start, end)
                otherwise = (tree.Step(None, last, span=last.span),)
            else:
                otherwise = self._steps(last)
        return tree.If(parts[1], self._steps(parts[2]), otherwise, self.span(start, end))

    def residual(self, parts: list[Any], start: int, end: int) -> tree.Residual:
        shortcut = self._steps(parts[3]) if len(parts) == 4 else None
        return tree.Residual(self._steps(parts[1]), shortcut, self.span(start, end))

    def _check_ladder(self, branch: tree.If, start: int, end: int) -> None:
        """`else if` nests the tree without nesting brackets: it has the same limit."""
        inner: tree.Operation | None = branch
        for _ in range(MAX_DEPTH - 1):
            if not isinstance(inner, tree.If) or inner.otherwise is None:
                return
            inner = inner.otherwise[0].operation if len(inner.otherwise) == 1 else None
        raise too_deep(self.source, start, MAX_DEPTH, "branches of `else if`")

    def _applied(
        self,
        inputs: tuple[tree.Expr, ...] | None,
        operation: tree.Operation,
        span: Span,
        *,
        chained: bool,
    ) -> tree.Step:
        return tree.Step(inputs, operation, chained=chained, span=span)

    def _steps(self, items: list[Any]) -> tuple[tree.Step, ...]:
        inputs, steps = _split(items)
        for decl in inputs:
            self.report(
                "E0101",
                "`input` stands at the top of a block or model only",
                decl.span,
                help="what flows in is the value of the step above",
            )
        return steps

    # ── expressions ──────────────────────────────────────────────────────────

    def range_(self, parts: list[Any], start: int, end: int) -> tree.Range:
        step = parts[4] if len(parts) == 5 else None
        return tree.Range(parts[0], parts[2], step, self.span(start, end))

    def conditional(self, parts: list[Any], start: int, end: int) -> tree.Conditional:
        return tree.Conditional(parts[0], parts[2], parts[4], self.span(start, end))

    def binary(self, parts: list[Any], start: int, end: int) -> tree.Binary:
        operator = self.text_of(parts[1])
        # Recovery takes `=` for `==` in a condition.
        operator = "==" if operator == "=" else operator
        return tree.Binary(operator, parts[0], parts[2], self.span(start, end))

    def unary(self, parts: list[Any], start: int, end: int) -> tree.Expr:
        operator, operand = self.text_of(parts[0]), parts[1]
        if operator == "-" and isinstance(operand, tree.Number) and _unsigned(operand):
            return tree.Number(-operand.value, self.span(start, end))
        return tree.Unary(operator, operand, self.span(start, end))

    def grouped(self, parts: list[Any], start: int, end: int) -> tree.Expr:
        expr: tree.Expr = parts[1]
        return expr

    def number(self, parts: list[Any], start: int, end: int) -> tree.Number | tree.Missing:
        span = self.span(start, end)
        if start == end:
            return tree.Missing(span)
        value = read_number(self.source.text[start:end], span)
        if isinstance(value, Diagnostic):
            self.collector.add(value)
            return tree.Missing(span)
        return tree.Number(value, span)

    def text(self, parts: list[Any], start: int, end: int) -> tree.Text:
        quoted, span = self.source.text[start:end], self.span(start, end)
        if start == end:
            return tree.Text("", span)
        try:
            return tree.Text(unquote(quoted), span)
        except BadEscape as bad:
            self.report(
                "E0101",
                "a backslash that begins no known escape",
                self.span(start + bad.index, min(start + bad.index + 2, end)),
                help='write `\\\\` for a backslash; known are `\\n`, `\\t`, `\\"` and `\\u0041`',
            )
            return tree.Text(quoted[1:-1], span)

    def boolean(self, parts: list[Any], start: int, end: int) -> tree.Boolean:
        return tree.Boolean(_is(parts[0], "TRUE"), self.span(start, end))

    def null(self, parts: list[Any], start: int, end: int) -> tree.Null:
        return tree.Null(self.span(start, end))

    def rest(self, parts: list[Any], start: int, end: int) -> tree.Rest:
        return tree.Rest(self.span(start, end))

    def word(self, parts: list[Any], start: int, end: int) -> tree.Expr:
        span = self.span(start, end)
        if len(parts) == 1:
            if start == end:
                return tree.Missing(span)
            name = self.name_of(parts[0])
            if name.text == "inf":
                return tree.Number(float("inf"), span)
            return tree.Word((name.text,), span)
        before = parts[0]
        head = before.parts if isinstance(before, tree.Word) else (before.span.text,)
        return tree.Word((*head, self.name_of(parts[2]).text), span)

    def list_(self, parts: list[Any], start: int, end: int) -> tree.ListExpr:
        return tree.ListExpr(_without_tokens(parts), self.span(start, end))

    def call(self, parts: list[Any], start: int, end: int) -> tree.Call:
        arguments = tuple(part for part in parts if isinstance(part, tree.Argument))
        return tree.Call(self.name_of(parts[0]), arguments, self.span(start, end))

    def argument(self, parts: list[Any], start: int, end: int) -> tree.Argument:
        name = self.name_of(parts[0]) if len(parts) == 3 else None
        return tree.Argument(name, parts[-1], self.span(start, end))


def _is(part: object, kind: str) -> bool:
    return isinstance(part, Token) and part.type == kind


def _without_tokens(parts: Sequence[Any]) -> tuple[Any, ...]:
    flat: list[Any] = []
    for part in parts:
        if isinstance(part, list):
            flat.extend(part)
        elif not isinstance(part, Token):
            flat.append(part)
    return tuple(flat)


def _split(items: list[Any]) -> tuple[tuple[tree.ValueDecl, ...], tuple[tree.Step, ...]]:
    inputs = tuple(item for item in items if isinstance(item, tree.ValueDecl))
    return inputs, tuple(item for item in items if isinstance(item, tree.Step))


def _bare(word: tree.Word) -> tree.Call:
    return tree.Call(tree.Name(word.parts[0], word.span), (), word.span)


def _unsigned(number: tree.Number) -> bool:
    return number.span.source.text[number.span.start] not in "-("
