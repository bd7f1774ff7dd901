"""Which outputs are scores of classes: of these the greatest one is an answer."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.postprocessing._classes import class_axis
from dlc.compiler.components.postprocessing.labels import Labels
from dlc.compiler.components.postprocessing.softmax import Softmax
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import TensorType


def class_scores(program: Program, settings: Settings) -> dict[str, int]:
    """The dim of the classes for each output that a loss over classes compares, or whose
    greatest score a postprocess step takes."""
    outputs = {name: program.graph.values[value] for name, value in program.graph.outputs}
    types: Mapping[str, TensorType] = {**outputs, **dict(program.targets)}
    found = {}
    for term in settings.loss:
        loss = term.loss
        if isinstance(loss, ClassLoss) and loss.input in outputs:
            x, t = types[loss.input], types[loss.target]
            whole = t.dtype.is_int
            pair = Pair(loss.name, loss.input, x, loss.target, t)
            found[loss.input] = pair.class_dim() % x.rank if whole else 1
    for name, steps in settings.postprocess.items():
        for step in steps:
            if isinstance(step, Labels | Softmax):
                found[name] = class_axis(step.name, outputs[name], step.dim)
    return found
