"""The loss of a bound spec: the terms of a weighted sum, and what is learned of their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from dlc.compiler.components import registry
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.uncertainty import LOG_VARIANCES, Uncertainty
from dlc.compiler.components.settings import LossTerm
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.graph import Parameter, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.semantics.evaluate import evaluate, show
from dlc.compiler.semantics.instantiate import Context, instantiate
from dlc.compiler.semantics.scope import error
from dlc.compiler.syntax import tree


class LossTerms:
    """Reads the terms of a loss. `types` are those of outputs and targets; `check` runs what a
    component checks and reports at its call."""

    def __init__(
        self,
        types: Mapping[str, TensorType],
        context: Context,
        check: Callable[[Callable[[], object], tree.Call], None],
    ) -> None:
        self.types = types
        self.context = context
        self._check = check
        self.variances = 0

    @property
    def learned(self) -> tuple[Parameter, ...]:
        """The parameter that `uncertainty` learns, where the loss has one."""
        if not self.variances:
            return ()
        return (Parameter(name=LOG_VARIANCES, shape=(self.variances,), role="variance"),)

    def of(self, expr: tree.Expr) -> tuple[LossTerm, ...]:
        """The terms of the section. Raises `DiagnosticError`."""
        return self._terms(expr, 1.0)

    def refuse_taken(self, program: Program, expr: tree.Expr) -> None:
        """Raises `DiagnosticError` where a name of the spec is that of what is learned."""
        taken = {node.name for node in program.graph.nodes} | set(self.types)
        if self.variances and LOG_VARIANCES in taken:
            raise error(
                "E0203",
                f"`{LOG_VARIANCES}` is the parameter of `uncertainty`, and a name of the spec too",
                expr.span,
                help="give the layer, output or target another name",
            )

    def _terms(self, expr: tree.Expr, weight: float) -> tuple[LossTerm, ...]:
        match expr:
            case tree.Call(name=tree.Name(text=Uncertainty.name)):
                return self._uncertain(expr, weight)
            case tree.Call():
                return self._term(expr, weight)
            case tree.Binary(operator="+", left=left, right=right):
                return self._terms(left, weight) + self._terms(right, weight)
            case tree.Binary(operator="-", left=left, right=right):
                return self._terms(left, weight) + self._terms(right, -weight)
            case tree.Unary(operator="-", operand=operand):
                return self._terms(operand, -weight)
            case tree.Binary(operator="*", left=left, right=right):
                if _has_call(left) and not _has_call(right):
                    return self._terms(left, weight * self._weight(right))
                if not _has_call(left):
                    return self._terms(right, weight * self._weight(left))
            case tree.Binary(operator="/", left=left, right=right) if not _has_call(right):
                divisor = self._weight(right)
                if divisor == 0:
                    raise error("E0307", "division by zero", expr.span)
                return self._terms(left, weight / divisor)
            case tree.Missing():
                raise DiagnosticError()
        raise error(
            "E0115",
            "the loss is not a weighted sum of losses",
            expr.span,
            help="write `cross_entropy(logits, label) + 0.2 * mse_loss(age, age_value)`",
        )

    def _weight(self, expr: tree.Expr) -> float:
        found = evaluate(expr, self.context.scope)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise error("E0301", f"a weight is a number, got {show(found)}", expr.span)
        return float(found)

    def _term(self, call: tree.Call, weight: float) -> tuple[LossTerm, ...]:
        made = self._component(call)
        self._check(lambda: made.check(self.types), call)
        return (LossTerm(weight=weight, loss=made),)

    def _uncertain(self, call: tree.Call, weight: float) -> tuple[LossTerm, ...]:
        """The terms of `uncertainty`; each is looked at in its own place."""
        self._component(call)
        if weight <= 0:
            raise error(
                "E0315",
                f"the weight of `uncertainty` is {show(weight)}: what is learned would grow "
                "without end",
                call.span,
                help="give it a weight above 0, or none",
            )
        (given,) = call.arguments
        items = given.value.items if isinstance(given.value, tree.ListExpr) else ()
        found: list[LossTerm] = []
        for item in items:
            assert isinstance(item, tree.Call)
            for term in self._term(item, weight):
                found.append(replace(term, variance=self.variances))
                self.variances += 1
        return tuple(found)

    def _component(self, call: tree.Call) -> Loss:
        made = instantiate(call, registry.load("loss", call.name.text), self.context)
        assert isinstance(made, Loss)
        return made


def _has_call(expr: tree.Expr) -> bool:
    match expr:
        case tree.Call():
            return True
        case tree.Binary(left=left, right=right):
            return _has_call(left) or _has_call(right)
        case tree.Unary(operand=operand):
            return _has_call(operand)
    return False
