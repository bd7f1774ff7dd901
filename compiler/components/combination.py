"""How the outputs of several networks become those of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.compiler.components.postprocessing.sigmoid import Sigmoid
from dlc.compiler.components.postprocessing.softmax import Softmax
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import record


@record
class Combination:
    """What is done with one output: `classes` in the dim `dim` exclude each other, `yes_or_no`
    are independent logits, `numbers` are averaged as they are. `vote` counts answers."""

    kind: Literal["classes", "yes_or_no", "numbers"]
    dim: int = -1
    vote: bool = False


def combinations(
    settings: Settings,
    outputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
    how: Literal["mean", "vote"],
) -> dict[str, Combination]:
    """The combination of each output. Raises `ComponentError` E0632 for an output that has
    no mean, or of which there is nothing to vote on."""
    types = {**outputs, **targets}
    return {name: _combination(name, settings, types, how) for name in outputs}


def _combination(
    name: str, settings: Settings, types: Mapping[str, TensorType], how: Literal["mean", "vote"]
) -> Combination:
    type_ = types[name]
    if not type_.dtype.is_float:
        raise ComponentError(
            "E0632",
            f"the output `{name}` is {type_}: there is no mean of what is no float",
            blame="combine",
            help="give out scores, such as logits, and let `postprocess` choose",
        )
    vote = how == "vote"
    for step in settings.postprocess.get(name, ()):
        if isinstance(step, Softmax):
            return Combination("classes", step.dim % type_.rank, vote)
        if isinstance(step, Sigmoid):
            return Combination("yes_or_no", vote=vote)
    for term in settings.loss:
        if term.loss.names[0] != name:
            continue
        if term.loss.applies == "softmax" or isinstance(term.loss, NllLoss):
            return Combination("classes", _class_dim(term.loss, types), vote)
        if term.loss.applies == "sigmoid":
            return Combination("yes_or_no", vote=vote)
    if vote:
        raise ComponentError(
            "E0632",
            f"members cannot vote on `{name}`: nothing says that it stands for classes",
            blame="combine",
            help=f"write `combine: mean`, or `postprocess: {{{name}: softmax}}`",
        )
    return Combination("numbers")


def _class_dim(loss: Loss, types: Mapping[str, TensorType]) -> int:
    """Where the classes are; the second dim for targets that hold a probability for each."""
    output, target = loss.names[:2]
    type_ = types[output]
    if type_.rank == 2 or types[target].rank == type_.rank:
        return 1
    return Pair(loss.name, output, type_, target, types[target]).class_dim() % type_.rank
