"""Flow expressions: `tok + pos`, `a * 0.5`, `1 - gate`, `q @ k` become ops."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

from dlc.compiler.components import registry
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import Poly
from dlc.compiler.lowering.builder import UNKNOWN, GraphBuilder, Place
from dlc.compiler.ops.base import Op
from dlc.compiler.semantics.evaluate import describe, evaluate, show
from dlc.compiler.semantics.scope import error
from dlc.compiler.syntax import tree
from dlc.compiler.syntax.limits import MAX_EXPRESSION_DEPTH

if TYPE_CHECKING:
    from dlc.compiler.lowering.expander import Frame

_OPS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow", "@": "matmul"}
_COMMUTE = ("add", "mul")


class FlowExpressions:
    """Turns an expression over values into nodes."""

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph
        self._depth = 0

    def value(self, expr: tree.Expr, frame: Frame, place: Place, name: str | None = None) -> str:
        """The value of a flow expression; `name` is what the author calls the result.
        Raises `DiagnosticError`."""
        self._depth = 0
        found = self._operand(expr, frame, place, name)
        if isinstance(found, str):
            return found
        raise error(
            "E0216",
            f"a value is wanted here, and {describe(expr)} is the number {found:g}",
            expr.span,
            help="numbers join values by arithmetic: `x * 0.5`",
        )

    def _operand(
        self, expr: tree.Expr, frame: Frame, place: Place, name: str | None = None
    ) -> str | float:
        self._depth += 1
        if self._depth > MAX_EXPRESSION_DEPTH:
            raise error(
                "E0110",
                f"operations on values lie over {MAX_EXPRESSION_DEPTH} deep inside each other",
                expr.span,
                help="name a part of it on a line of its own",
            )
        found = self._read(expr, frame, place, name)
        self._depth -= 1
        return found

    def _read(self, expr: tree.Expr, frame: Frame, place: Place, name: str | None) -> str | float:
        match expr:
            case tree.Word(parts=(word,)) if (value := frame.values.get(word)) is not None:
                return value
            case tree.Word() if not frame.scope.find(expr.text)[0]:
                # Binding has reported a name that is nowhere; one that is elsewhere is not
                # in this scope (a turn of a repeat, a branch).
                raise error(
                    "E0202",
                    f"no value above is called `{expr.text}`",
                    expr.span,
                    help="values in scope: "
                    + (", ".join(f"`{value}`" for value in islice(frame.values, 8)) or "none"),
                )
            case tree.Number() | tree.Word() | tree.Conditional():
                return self._number(expr, frame)
            case tree.Unary(operator=operator, operand=operand):
                inner = self._operand(operand, frame, place)
                return self._unary(expr, operator, inner, place, name)
            case tree.Binary():
                return self._binary(expr, frame, place, name)
            case tree.Unparsed(problem=problem):
                raise DiagnosticError(problem)
            case tree.Missing():
                return UNKNOWN
            case _:
                raise error(
                    "E0115",
                    f"{describe(expr)} is no value to flow on",
                    expr.span,
                    help="name the result of a layer above, or join several by arithmetic",
                )

    def _number(self, expr: tree.Expr, frame: Frame) -> float:
        found = evaluate(expr, frame.scope)
        if isinstance(found, Poly):
            raise error(
                "E0403",
                f"the size `{found}` is not known when compiling",
                expr.span,
                help="arithmetic on values takes numbers",
            )
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise error("E0301", f"a number is wanted, got {show(found)}", expr.span)
        return float(found)

    def _unary(
        self, expr: tree.Unary, operator: str, operand: str | float, place: Place, name: str | None
    ) -> str | float:
        if operator == "not":
            raise error("E0307", "`not` works on conditions, not on values", expr.span)
        if isinstance(operand, float):
            return -operand if operator == "-" else operand
        if operator == "+" or operand == UNKNOWN:
            return operand
        return self._apply("neg", expr, [("x", operand)], place, name)

    def _binary(
        self, expr: tree.Binary, frame: Frame, place: Place, name: str | None
    ) -> str | float:
        chain: list[tree.Binary] = []
        node: tree.Expr = expr
        while isinstance(node, tree.Binary):
            chain.append(node)
            node = node.left
        left = self._operand(node, frame, place)
        for step in reversed(chain):
            right = self._operand(step.right, frame, place)
            left = self._join(step, left, right, frame, place, name if step is expr else None)
        return left

    def _join(
        self,
        expr: tree.Binary,
        left: str | float,
        right: str | float,
        frame: Frame,
        place: Place,
        name: str | None,
    ) -> str | float:
        if isinstance(left, float) and isinstance(right, float):
            return self._number(expr, frame)
        op = _OPS.get(expr.operator)
        if op is None:
            raise error(
                "E0307",
                f"`{expr.operator}` does not work on values",
                expr.span,
                help="values are joined by `+ - * / ** @`",
            )
        if UNKNOWN in (left, right):
            return UNKNOWN
        if isinstance(left, str) and isinstance(right, str):
            return self._apply(op, expr, [("x", left), ("other", right)], place, name)
        if op == "matmul":
            raise error("E0307", "`@` multiplies two values, not a number", expr.span)
        value, scalar = (left, right) if isinstance(left, str) else (right, left)
        assert isinstance(value, str)
        assert isinstance(scalar, float)
        arguments: dict[str, object] = {"scalar": scalar}
        if isinstance(right, str) and op not in _COMMUTE:
            arguments["reverse"] = True
        return self._apply(op, expr, [("x", value)], place, name, arguments)

    def _apply(
        self,
        op: str,
        expr: tree.Unary | tree.Binary,
        inputs: list[tuple[str, str]],
        place: Place,
        name: str | None,
        arguments: dict[str, object] | None = None,
    ) -> str:
        made = cast(Op, registry.load("op", op)(**(arguments or {})))
        here = Place(expr.span, id(expr), place.turns, name)
        return self.graph.apply(made, inputs, here)[0]
