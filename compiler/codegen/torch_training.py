"""The functions of a generated module beside its network: loss, optimizer, schedule.

The trainer calls these; there is no second implementation of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from dlc.compiler.codegen.layout import WIDTH, statement
from dlc.compiler.codegen.torch_freeze import freeze_function
from dlc.compiler.codegen.torch_optimizer import optimizer_function
from dlc.compiler.codegen.torch_regularization import (
    dropout_function,
    regularization_functions,
)
from dlc.compiler.codegen.torch_schedule import schedule_functions
from dlc.compiler.components.figures import figure_names
from dlc.compiler.components.schedules.constant import Constant
from dlc.compiler.components.settings import LossTerm, Settings
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program


def training_functions(program: Program, settings: Settings) -> str:
    """The source of what the settings ask for: `loss`, `penalty`, `constrain`, `optimizer`,
    `schedule`, `plateau`, `set_dropout`, `freeze`; empty where they ask for nothing."""
    functions: list[list[str]] = []
    if settings.loss:
        functions.append(list(_loss(program, settings.loss)))
    if settings.regularization is not None:
        functions += regularization_functions(program, settings.regularization)
    if settings.train.dropout:
        functions.append(dropout_function(program, settings.train))
    if settings.optimizer is not None:
        functions.append(list(optimizer_function(program, settings.optimizer, _rates(settings))))
        # Without one the rate is constant: the trainer has a single way to step.
        schedule = settings.schedule or Constant()
        rate = settings.optimizer.learning_rate
        outputs = (name for name, _ in program.graph.outputs)
        figures = figure_names(settings.metrics, outputs)
        functions += schedule_functions(schedule, rate, figures)
    functions += freeze_function(program, settings.transfer)
    return "\n\n\n".join("\n".join(lines) for lines in functions)


def _rates(settings: Settings) -> Mapping[str, float]:
    return settings.transfer.lr_scale if settings.transfer is not None else {}


# ── loss ─────────────────────────────────────────────────────────────────────


def _loss(program: Program, terms: tuple[LossTerm, ...]) -> Iterator[str]:
    graph = program.graph
    outputs = {name: graph.values[value] for name, value in graph.outputs}
    types = outputs | dict(program.targets)

    def value(name: str) -> str:
        return f"{'outputs' if name in outputs else 'targets'}[{literal(name)}]"

    texts = []
    for term in terms:
        text = term.loss.torch(value, types)
        if term.weight != 1.0:
            text = f"{literal(term.weight)} * {_atom(text)}"
        texts.append(text)
    yield "def loss(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:"
    if any(term.loss.balanced for term in terms):
        yield '    """The mean over the batch, without penalties.'
        yield ""
        yield "    `balanced` is 1 for each class here: `dlc train` writes the factors of its data."
        yield '    """'
    else:
        yield '    """The mean over the batch, without penalties."""'
    whole = f"return {' + '.join(texts)}"
    if len(texts) == 1 or len(whole) + 4 <= WIDTH:
        yield from statement(whole, 1)
        return
    yield from statement(f"total = {texts[0]}", 1)
    for text in texts[1:]:
        yield from statement(f"total = total + {text}", 1)
    yield from statement("return total", 1)


def _atom(text: str) -> str:
    """The expression in parentheses, where a factor before it would not reach all of it."""
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.Call | ast.Attribute | ast.Subscript | ast.Name | ast.Constant):
        return text
    return f"({text})"
