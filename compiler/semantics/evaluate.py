"""Computing expressions: numbers, flags and sizes, bounded in every direction.

Nothing from a spec reaches Python's own evaluator. Integers stay within 2**53,
exponents within 64, texts take no part in arithmetic, and a comparison of sizes that
may go either way is an error that says so.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.diagnostics.suggest import closest
from dlc.compiler.ir.dims import Answer, Dim, DimError, Poly, bounds, compare, difference
from dlc.compiler.semantics.scope import Evaluated, Scope, error
from dlc.compiler.syntax import tree

MAX_INT = 2**53
MAX_EXPONENT = 64

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def evaluate(expr: tree.Expr, scope: Scope) -> Evaluated:
    """The value of an expression. Raises `DiagnosticError`."""
    match expr:
        case tree.Number(value=value):
            return value
        case tree.Boolean(value=flag):
            return flag
        case tree.Text(value=text):
            return text
        case tree.Null():
            return None
        case tree.Word():
            return _name(expr, scope)
        case tree.Unary():
            return _unary(expr, scope)
        case tree.Binary():
            return _binary(expr, scope)
        case tree.Conditional():
            return evaluate(_taken(expr, scope), scope)
        case tree.ListExpr(items=items):
            return [evaluate(item, scope) for item in items]
        case tree.Unparsed(problem=problem):
            raise DiagnosticError(problem)
        case tree.Missing():
            raise DiagnosticError()
        case _:
            raise error(
                "E0307",
                f"{describe(expr)} has no value here",
                expr.span,
                help="write a number, a flag, or arithmetic over parameters and sizes",
            )


def truth(expr: tree.Expr, scope: Scope) -> bool:
    """The value of a condition. Raises `DiagnosticError`."""
    return _flag(evaluate(expr, scope), expr)


def _flag(value: Evaluated, expr: tree.Expr) -> bool:
    if not isinstance(value, bool):
        raise error(
            "E0301",
            f"a condition is true or false, got {show(value)}",
            expr.span,
            help="compare it with something: `stride != 1`",
        )
    return value


def _name(word: tree.Word, scope: Scope) -> Evaluated:
    found, value = scope.find(word.text)
    if found:
        return value
    near = closest(word.text, set(scope.all_names()))
    raise error(
        "E0202",
        f"nothing is called `{word.text}` here",
        word.span,
        help=f"there is a similar name: `{near}`" if near else _names_help(scope),
    )


def _names_help(scope: Scope) -> str:
    names = sorted(set(scope.all_names()))
    if not names:
        return "declare it as a parameter: `params: {name: value}`"
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return f"names in scope: {shown}" + (", ..." if len(names) > 8 else "")


# Chains (`1 + 1 + ...`, `- - 1`, `a if p else b if q else c`) are as deep as they are long:
# walking them in loops keeps Python's stack out of it. What is left is the depth of brackets.


def _taken(expr: tree.Conditional, scope: Scope) -> tree.Expr:
    node: tree.Expr = expr
    while isinstance(node, tree.Conditional):
        node = node.then if truth(node.condition, scope) else node.otherwise
    return node


def _unary(expr: tree.Unary, scope: Scope) -> Evaluated:
    chain: list[tree.Unary] = []
    node: tree.Expr = expr
    while isinstance(node, tree.Unary):
        chain.append(node)
        node = node.operand
    value = evaluate(node, scope)
    for step in reversed(chain):
        if step.operator == "not":
            value = not _flag(value, step.operand)
        elif isinstance(value, bool) or not isinstance(value, int | float | Poly):
            raise error("E0307", f"`{step.operator}` wants a number, got {show(value)}", step.span)
        elif step.operator == "-":
            value = -value
    return value


def _binary(expr: tree.Binary, scope: Scope) -> Evaluated:
    if expr.operator == "**":
        return _powers(expr, scope)
    logic = expr.operator in ("and", "or")
    chain: list[tree.Binary] = []
    node: tree.Expr = expr
    while (
        isinstance(node, tree.Binary)
        and node.operator != "**"
        and (node.operator in ("and", "or")) == logic
    ):
        chain.append(node)
        node = node.left
    value = evaluate(node, scope)
    for step in reversed(chain):
        if not logic:
            value = _apply(step, value, evaluate(step.right, scope))
        elif _flag(value, step.left) == (step.operator == "and"):
            value = truth(step.right, scope)
    return _flag(value, expr) if logic else value


def _powers(expr: tree.Binary, scope: Scope) -> Evaluated:
    chain: list[tree.Binary] = []
    node: tree.Expr = expr
    while isinstance(node, tree.Binary) and node.operator == "**":
        chain.append(node)
        node = node.right
    value = evaluate(node, scope)
    for step in reversed(chain):
        value = _apply(step, evaluate(step.left, scope), value)
    return value


def _apply(expr: tree.Binary, left: Evaluated, right: Evaluated) -> Evaluated:
    if expr.operator in ("==", "!="):
        return _equal(expr, left, right) == (expr.operator == "==")
    for value, side in ((left, expr.left), (right, expr.right)):
        if isinstance(value, bool) or not isinstance(value, int | float | Poly):
            raise error("E0307", f"`{expr.operator}` wants numbers, got {show(value)}", side.span)
    if expr.operator in _ORDER:
        return _ordered(expr, left, right)
    return _compute(expr, left, right)


def _compute(expr: tree.Binary, left: Any, right: Any) -> Evaluated:
    symbolic = isinstance(left, Poly) or isinstance(right, Poly)
    if symbolic and (isinstance(left, float) or isinstance(right, float) or expr.operator == "/"):
        raise error(
            "E0307",
            "a named size takes part in whole-number arithmetic only",
            expr.span,
            help="use `//` for division",
        )
    try:
        if expr.operator == "**":
            if isinstance(right, Poly) or abs(right) > MAX_EXPONENT:
                raise error("E0307", f"an exponent is at most {MAX_EXPONENT}", expr.right.span)
            if isinstance(left, Poly):
                return _power(expr, left, right)
            result: Any = left**right
        elif expr.operator in _ARITHMETIC:
            result = _ARITHMETIC[expr.operator](left, right)
        else:
            raise error("E0307", f"`{expr.operator}` joins layers, not numbers", expr.span)
    except ZeroDivisionError:
        raise error("E0307", "division by zero", expr.span) from None
    except DimError as problem:
        raise error("E0307", str(problem), expr.span) from None
    except OverflowError:
        raise error("E0307", "the number is too large", expr.span) from None
    if isinstance(result, complex) or (isinstance(result, float) and math.isnan(result)):
        raise error("E0307", "the expression has no real value", expr.span)
    if isinstance(result, float) and math.isinf(result) and math.inf not in (abs(left), abs(right)):
        raise error("E0307", "the number is too large", expr.span)
    if isinstance(result, int) and abs(result) > MAX_INT:
        raise error("E0307", "a whole number stays within 2**53", expr.span)
    assert isinstance(result, int | float | Poly)
    return result


def _power(expr: tree.Binary, base: Poly, exponent: int) -> Dim:
    if not isinstance(exponent, int) or not 0 <= exponent <= 4:
        raise error("E0307", "a named size is raised to 0, 1, 2, 3 or 4 only", expr.right.span)
    result: Dim = 1
    for _ in range(exponent):
        result = result * base
    return result


def _equal(expr: tree.Binary, left: Evaluated, right: Evaluated) -> bool:
    if isinstance(left, Poly) or isinstance(right, Poly):
        if isinstance(left, int | Poly) and isinstance(right, int | Poly):
            answer = compare(left, right)
            if answer is Answer.UNKNOWN:
                raise _undecided(expr, left, right)
            return answer is Answer.EQUAL
        return False
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return left == right


def _ordered(expr: tree.Binary, left: Any, right: Any) -> bool:
    if not isinstance(left, Poly) and not isinstance(right, Poly):
        return _ORDER[expr.operator](left, right)
    if isinstance(left, float) or isinstance(right, float):
        raise error("E0307", "a named size is compared with whole numbers only", expr.span)
    low, high = bounds(difference(left, right))
    test = _ORDER[expr.operator]
    if test(low, 0) == test(high, 0) and (test(low, 0) == test(0, 0) or not low <= 0 <= high):
        return test(low, 0)
    raise _undecided(expr, left, right)


def _undecided(expr: tree.Binary, left: Evaluated, right: Evaluated) -> DiagnosticError:
    return error(
        "E0407",
        f"whether `{left}` {expr.operator} `{right}` cannot be known when compiling",
        expr.span,
        help="declare the range of the size: `dims: {T: 1..512}`, or give a number",
    )


def show(value: object) -> str:
    """A value as a message names it."""
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number `{value}`"
    if isinstance(value, Poly):
        return f"the size `{value}`"
    if isinstance(value, str):
        return f"the text `{value}`" if len(value) <= 40 else "a text"
    if isinstance(value, list | tuple):
        return "a list"
    return f"`{getattr(value, 'name', value)}`"


def describe(expr: tree.Expr) -> str:
    """An expression as a message names it, without computing it."""
    match expr:
        case tree.Number() | tree.Boolean() | tree.Word():
            return f"`{expr.span.text}`"
        case tree.Text():
            return "a text"
        case tree.Null():
            return "nothing"
        case tree.ListExpr():
            return "a list"
        case tree.Mapping():
            return "a section"
        case tree.Call(name=name):
            return f"the call `{name}(...)`"
        case tree.Range():
            return "a range"
        case tree.Rest():
            return "`...`"
        case _:
            return "an expression"
