"""PyYAML's complaints in our words, at the place that is to be changed."""

from __future__ import annotations

import re
from typing import Any, Final

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Edit, Fix, Label
from dlc.compiler.source import Source
from dlc.compiler.syntax.limits import MAX_DEPTH

_BARE_ITEM: Final = re.compile(r"[ ]*-[ ]+(?:-[ ]+)*([A-Za-z_][A-Za-z0-9_]*)[ \t\r]*(?:#.*)?\Z")
_MODIFIER: Final = re.compile(r"(?:from|name|output|as|layers|then|else|shortcut)[ \t]*:")
_INDENT_WITH_TAB: Final = re.compile(r"[ ]*\t")


def translate(source: Source, error: Any) -> Diagnostic:
    """A diagnostic for a YAMLError of the scanner, the parser or the reader."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mark = getattr(error, "problem_mark", None)
    offset = min(mark.index, len(source.text)) if mark is not None else 0
    context_mark = getattr(error, "context_mark", None)
    opened = min(context_mark.index, len(source.text)) if context_mark is not None else None
    context = str(getattr(error, "context", None) or "")
    line = source.line(source.location(offset).line)
    if "nesting depth" in problem:
        # libyaml's own bound lies far above ours, and meets brackets before their events.
        return Diagnostic(
            code("E0110"),
            f"nested more than {MAX_DEPTH} deep",
            Label(source.span(max(offset - 1, 0), offset)),
            help="split the file, or use blocks and `repeat`",
        )
    if "${" in line:
        return _interpolation(source, offset)
    if _INDENT_WITH_TAB.match(line) and ("token" in problem or "tab" in problem):
        start = source.offset(source.location(offset).line, 1)
        tab = source.text.index("\t", start)
        return _syntax(source, tab, "a tab in the indentation", "indent with spaces", tab + 1)
    if "mapping values are not allowed" in problem:
        return (
            _bare_op(source, offset)
            or _no_colon(source, offset)
            or _syntax(
                source,
                offset,
                "a second `:` in one line, or a line indented too far",
                'quote the value if the `:` belongs to it: `key: "a: b"`',
                offset + 1,
            )
        )
    if "unknown escape" in problem:
        return _syntax(
            source,
            max(offset - 1, 0),
            "a backslash that begins no known escape",
            "write `\\\\` for a backslash, or use single quotes",
            offset + 1,
        )
    if "quoted scalar" in context and opened is not None:
        return _unclosed(source, opened, source.text[opened : opened + 1], offset)
    if "flow" in context and opened is not None:
        return _flow(source, opened, offset)
    if source.text.startswith("->", offset):
        return _syntax(
            source,
            offset,
            "a flow that begins with a list is no YAML",
            "put the list behind `from:` and the op below it, or quote the whole line",
        )
    if source.text[offset - 1 : offset] in ("'", '"'):
        return _syntax(
            source,
            offset,
            "text behind a closing quote",
            "a quote inside single quotes is doubled: `'it''s'`",
        )
    if "expected" in problem and _MODIFIER.match(source.text, offset):
        # A comment behind the bare op keeps YAML from joining the lines.
        bare = _bare_op(source, offset)
        if bare is not None:
            return bare
    for words, message, help in _WORDS:
        if words in problem:
            return _syntax(source, offset, message, help)
    return _syntax(source, offset, f"not well-formed YAML: {problem}", "check the indentation")


_INDENTATION: Final = "indent it like its neighbours; lists and mappings do not mix at one level"
_WORDS: Final = (
    ("could not find expected ':'", "a line without `:`", "write `key: value`, or `- item`"),
    ("did not find expected key", "a line that fits no level of indentation", _INDENTATION),
    ("did not find expected '-'", "a line that fits no level of indentation", _INDENTATION),
    ("expected <block end>", "a line that fits no level of indentation", _INDENTATION),
    (
        "block sequence entries are not allowed",
        "a list item that does not begin its line",
        "begin the list on the next line, or write it in `[ ]`",
    ),
    (
        "cannot start any token",
        "a sign that cannot begin a value in YAML",
        "quote the value: `@`, `%` and back quotes are reserved",
    ),
    ("comment or line break", "text behind `|` or `>`", "begin the text on the next line"),
    ("tag", "a tag is not part of the language", "write the value without `!`"),
    ("did not find expected <document start>", "text after the end of the spec", _INDENTATION),
    ("anchor", "anchors and aliases are not part of the language", "write the value out"),
    ("alias", "anchors and aliases are not part of the language", "write the value out"),
)


def _syntax(
    source: Source, offset: int, message: str, help: str, end: int | None = None
) -> Diagnostic:
    if end is None:
        line_end = source.text.find("\n", offset)
        line_end = len(source.text) if line_end < 0 else line_end
        end = offset + len(source.text[offset:line_end].rstrip())
    return Diagnostic(code("E0105"), message, Label(source.span(offset, end)), help=help)


def _interpolation(source: Source, offset: int) -> Diagnostic:
    start = source.offset(source.location(offset).line, 1)
    begin = source.text.index("${", start)
    closed = re.compile(r"\$\{([^}\n]*)\}").match(source.text, begin)
    end = closed.end() if closed else begin + 2
    fix = None
    if closed:
        fix = Fix("write the name alone", (Edit(source.span(begin, end), closed.group(1)),))
    return Diagnostic(
        code("E0105"),
        "`${...}` is not part of the language",
        Label(source.span(begin, end)),
        help="write the name alone: every value may be an expression",
        fix=fix,
    )


def _bare_op(source: Source, offset: int) -> Diagnostic | None:
    """`- relu` with a modifier below it: the op needs a `:` to take modifiers."""
    number = source.location(offset).line
    above = number - 1
    while above > 0 and not source.line(above).split("#")[0].strip():
        above -= 1
    found = _BARE_ITEM.match(source.line(above)) if above > 0 else None
    if found is None:
        return None
    op = source.span(
        source.offset(above, found.start(1) + 1), source.offset(above, found.end(1) + 1)
    )
    modifier = source.line(number).strip()
    begin = source.offset(number, len(source.line(number)) - len(source.line(number).lstrip()) + 1)
    return Diagnostic(
        code("E0106"),
        f"`{found.group(1)}` needs a `:` to take a modifier",
        Label(op, "a bare op ends here"),
        (Label(source.span(begin, begin + len(modifier)), "this belongs to the same item"),),
        help=f"write `- {found.group(1)}:`",
        fix=Fix("add `:`", (Edit(source.span(op.end), ":"),)),
    )


def _no_colon(source: Source, offset: int) -> Diagnostic | None:
    """`epochs 20` above `lr: 3`: YAML joins the two lines and trips over the second."""
    number = source.location(offset).line
    above = number - 1
    while above > 0 and not source.line(above).split("#")[0].strip():
        above -= 1
    text = source.line(above).split(" #")[0].rstrip() if above > 0 else ""
    if not text or ":" in text or text.lstrip().startswith("- "):
        return None
    indent = len(text) - len(text.lstrip())
    if indent < len(source.line(number)) - len(source.line(number).lstrip()):
        return None
    start = source.offset(above, indent + 1)
    return Diagnostic(
        code("E0105"),
        "a line without `:`",
        Label(source.span(start, source.offset(above, len(text) + 1))),
        help="write `key: value`",
    )


def _flow(source: Source, opened: int, offset: int) -> Diagnostic:
    sign = source.text[opened : opened + 1]
    if sign not in "[{":
        return _syntax(
            source, offset, "a value is missing here", "write a value, or remove the comma"
        )
    if source.text[offset : offset + 1] == "[" and source.text[offset - 1 : offset].isalnum():
        return _bracket_in_flow(source, offset)
    line_end = source.text.find("\n", opened)
    line_end = len(source.text) if line_end < 0 else line_end
    closer = {"[": "]", "{": "}"}.get(sign, "")
    if offset > line_end or closer not in source.text[opened:line_end]:
        return _unclosed(source, opened, sign, line_end)
    return _syntax(
        source,
        offset,
        f"a value inside `{sign} {closer}` that YAML cannot read",
        "quote a value that holds brackets or commas, or put it on its own line",
    )


def _bracket_in_flow(source: Source, offset: int) -> Diagnostic:
    """`{x: float[N, 3]}`: the type must be quoted there."""
    start = offset
    while start > 0 and (source.text[start - 1].isalnum() or source.text[start - 1] == "_"):
        start -= 1
    line_end = source.text.find("\n", offset)
    closed = source.text.find("]", offset, None if line_end < 0 else line_end)
    span = source.span(start, closed + 1 if closed > 0 else offset + 1)
    fix = Fix("quote the value", (Edit(span, f'"{span.text}"'),)) if closed > 0 else None
    return Diagnostic(
        code("E0104"),
        "brackets inside `{ }` or `[ ]` of YAML end this value early",
        Label(span),
        help="quote the value, or put it on a line of its own",
        fix=fix,
    )


def _unclosed(source: Source, opened: int, sign: str, end: int) -> Diagnostic:
    closer = {"[": "]", "{": "}"}.get(sign, sign)
    line_end = source.text.find("\n", opened)
    line_end = len(source.text) if line_end < 0 else line_end
    label = Label(source.span(opened, opened + 1), "opened here")
    return Diagnostic(
        code("E0103"), f"`{sign}` is never closed", label, help=f"close it with `{closer}`"
    )
