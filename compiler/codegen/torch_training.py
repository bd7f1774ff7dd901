"""The functions of a generated module beside its network: loss, optimizer, schedule.

The trainer calls these; there is no second implementation of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.codegen.torch_freeze import freeze_function
from dlc.compiler.codegen.torch_loss import loss_function
from dlc.compiler.codegen.torch_optimizer import optimizer_function
from dlc.compiler.codegen.torch_regularization import (
    dropout_function,
    regularization_functions,
)
from dlc.compiler.codegen.torch_schedule import schedule_functions
from dlc.compiler.components.figures import figure_names
from dlc.compiler.components.schedules.constant import Constant
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.graph import Program


def training_functions(program: Program, settings: Settings) -> str:
    """The source of what the settings ask for: `loss`, `penalty`, `constrain`, `optimizer`,
    `schedule`, `plateau`, `set_dropout`, `freeze`; empty where they ask for nothing."""
    functions: list[list[str]] = []
    if settings.loss:
        helpers = dict.fromkeys(term.loss.helper for term in settings.loss if term.loss.helper)
        functions += (helper.splitlines() for helper in helpers)
        functions.append(list(loss_function(program, settings.loss)))
    if settings.regularization is not None:
        freezes = settings.transfer is not None and bool(settings.transfer.freeze)
        functions += regularization_functions(program, settings.regularization, freezes=freezes)
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
