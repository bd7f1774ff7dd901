"""Expressions to text, with no more parentheses than needed.

The text reads back as the same tree in both surfaces. Places are used for two things
only, both checked against the tree: how a number was spelled (`1e-3`), and whether
`data/faces.csv` or `1/255` was written without blanks, which a path must keep.
"""

from __future__ import annotations

import re
from typing import Final

from dlc.compiler.source import Span
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.numbers import FLOAT, INTEGER
from dlc.compiler.syntax.strings import quote

(_RANGE, _CONDITIONAL, _OR, _AND, _NOT, _COMPARE, _SUM, _TERM, _UNARY, _POWER, _ATOM) = range(11)
_LEVELS: Final = {
    **dict.fromkeys(("or",), _OR),
    **dict.fromkeys(("and",), _AND),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), _COMPARE),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%", "@"), _TERM),
    "**": _POWER,
}
_TIGHT: Final = re.compile(r"[A-Za-z0-9_.]+(?:[/-][A-Za-z0-9_.]+)+\Z")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
# A file's own words cannot begin a setting there, and these before a brace go on a line.
_RESERVED: Final = frozenset({"dlc", "param", "dim", "from", "target", "block", "model"})
_JOINING: Final = frozenset({"else", "shortcut"})


def format_expression(expr: tree.Expr) -> str:
    """The canonical text of an expression, in one line."""
    return _text(expr, _RANGE)


def format_type(kind: tree.TypeExpr) -> str:
    if kind.dims is None:
        return kind.dtype.text
    return f"{kind.dtype.text}[{', '.join(format_expression(dim) for dim in kind.dims)}]"


def format_argument(argument: tree.Argument) -> str:
    value = format_expression(argument.value)
    return value if argument.name is None else f"{argument.name.text}={value}"


def format_call(call: tree.Call, *, parentheses: bool = True) -> str:
    """`linear(10)`; a call without arguments may go without parentheses as a layer."""
    if not call.arguments and not parentheses:
        return call.name.text
    return f"{call.name.text}({', '.join(format_argument(a) for a in call.arguments)})"


def format_key(name: tree.Name, *, top: bool = False) -> str:
    """The key of a `.dlc` setting."""
    reserved = name.text in _JOINING or (top and name.text in _RESERVED)
    plain = _WORD.match(name.text) and not reserved
    return name.text if plain else quote(name.text)


def format_entry(entry: tree.Entry, *, top: bool = False) -> str:
    key = format_key(entry.key, top=top)
    if isinstance(entry.value, tree.Mapping):
        return f"{key} {format_mapping(entry.value)}"
    return f"{key} = {format_expression(entry.value)}"


def format_mapping(mapping: tree.Mapping) -> str:
    if not mapping.entries:
        return "{}"
    return f"{{ {', '.join(format_entry(entry) for entry in mapping.entries)} }}"


def format_binding(step: tree.Step) -> str:
    """`output logits = `, or nothing."""
    if not step.names:
        return ""
    return ("output " if step.output else "") + ", ".join(n.text for n in step.names) + " = "


def format_inputs(step: tree.Step) -> str:
    """What stands before a step's first arrow."""
    inputs = step.inputs or ()
    if len(inputs) == 1:
        only = inputs[0]
        # A call or a lone word would be read as an op, a list as several inputs.
        lone_word = step.operation is None and isinstance(only, tree.Word) and len(only.parts) == 1
        if not isinstance(only, tree.Call | tree.ListExpr) and not lone_word:
            return format_expression(only)
    return f"[{', '.join(format_expression(expr) for expr in inputs)}]"


def format_number(number: tree.Number) -> str:
    """As it was spelled, where that says the same; else Python's shortest spelling."""
    spelled = _text_of(number.span)
    plain = spelled.removeprefix("-")
    if isinstance(number.value, int):
        if INTEGER.match(plain) and int(spelled) == number.value:
            return spelled
    elif FLOAT.match(plain) and not INTEGER.match(plain) and float(spelled) == number.value:
        return spelled
    return repr(number.value)


def _text(expr: tree.Expr, least: int) -> str:
    """The text of an operand that must bind at least so tightly."""
    level, text = _spell(expr)
    return text if level >= least else f"({text})"


def _spell(expr: tree.Expr) -> tuple[int, str]:
    match expr:
        case tree.Number():
            text = format_number(expr)
            return (_UNARY if text.startswith("-") else _ATOM), text
        case tree.Text():
            return _ATOM, quote(expr.value)
        case tree.Unparsed():
            return _ATOM, quote(expr.text)
        case tree.Boolean():
            return _ATOM, "true" if expr.value else "false"
        case tree.Null() | tree.Missing():
            return _ATOM, "null"
        case tree.Word():
            return _ATOM, expr.text
        case tree.Rest():
            return _ATOM, "..."
        case tree.ListExpr():
            return _ATOM, f"[{', '.join(format_expression(item) for item in expr.items)}]"
        case tree.Mapping():
            return _ATOM, format_mapping(expr)
        case tree.Call():
            return _ATOM, format_call(expr)
        case tree.Unary():
            if expr.operator == "not":
                return _NOT, f"not {_text(expr.operand, _NOT)}"
            return _UNARY, f"{expr.operator}{_text(expr.operand, _UNARY)}"
        case tree.Binary():
            return _LEVELS[expr.operator], _binary(expr)
        case tree.Conditional():
            then, condition = _text(expr.then, _OR), _text(expr.condition, _OR)
            return _CONDITIONAL, f"{then} if {condition} else {_text(expr.otherwise, _CONDITIONAL)}"
        case tree.Range():
            low, high = _text(expr.low, _CONDITIONAL), _text(expr.high, _CONDITIONAL)
            step = "" if expr.step is None else f" step {_text(expr.step, _CONDITIONAL)}"
            return _RANGE, f"{low}..{high}{step}"


def _binary(expr: tree.Binary) -> str:
    level = _LEVELS[expr.operator]
    if expr.operator == "**":
        return f"{_text(expr.left, _ATOM)}**{_text(expr.right, _UNARY)}"
    # Comparisons do not chain; all others lean to the left.
    left = _text(expr.left, level + 1 if level == _COMPARE else level)
    text = f"{left} {expr.operator} {_text(expr.right, level + 1)}"
    if expr.operator in "/-":
        written = _text_of(expr.span)
        if _TIGHT.match(written) and written == text.replace(" ", ""):
            return written
    return text


def _text_of(span: Span) -> str:
    # The places of a tree made by the compiler may lie outside of their source.
    return span.text if span.end - span.start <= 200 else ""
