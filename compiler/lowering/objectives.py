"""The objective of a spec, checked against the inputs that it reads and what it fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.objectives._frame import frame_of
from dlc.compiler.components.objectives.base import Objective, Types
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.semantics.instantiate import blamed
from dlc.compiler.semantics.scope import error
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


class CheckedObjective:
    """The objective with all names written out; None where there is none, or a wrong one.
    `fills` are what it fills, and `given` the types that columns give to inputs, where those
    are not what the network takes."""

    def __init__(
        self,
        settings: Settings,
        inputs: Types,
        targets: Types,
        call: tree.Call | None,
        collector: Collector,
    ) -> None:
        self.found: Objective | None = None
        self.fills: tuple[str, ...] = ()
        self.given: Types = inputs
        self.wrong = False
        data = settings.data
        if data is None or data.objective is None or call is None:
            return
        losses = [term.loss for term in settings.loss]
        frame = frame_of(data, inputs, targets, settings.preprocess, losses)
        try:
            found = data.objective.resolved(frame)
        except ComponentError as problem:
            places = {a.name.text: a.value for a in call.arguments if a.name is not None}
            collector.add(blamed(problem, call.span, places))
            self.wrong = True
            return
        self._refuse_beside(found, data, losses, call, collector)
        self.found = found
        self.fills = found.fills
        reads = found.reads(frame).items()
        # Lengths that differ are a matter of the objective; a word is not a text.
        unlike = {n: t for n, t in reads if n in inputs and t.rank != inputs[n].rank}
        self.given = {**inputs, **unlike}

    def _refuse_beside(
        self,
        found: Objective,
        data: Data,
        losses: Sequence[Loss],
        call: tree.Call,
        collector: Collector,
    ) -> None:
        """What cannot be done together with the objective."""
        if data.balance in found.fills or (data.balance and found.regroups):
            message = f"`balance` draws rows by `{data.balance}`, and `{found.name}` makes samples"
            help = "leave `balance` out"
            collector.extend(error("E0311", message, call.span, help=help).diagnostics)
        for loss in losses:
            made = [name for name in loss.names if name in found.fills]
            if loss.balanced and made:
                message = (
                    f"`balanced` counts the classes of `{made[0]}`, which `{found.name}` makes"
                )
                help = f"give `{loss.name}` the factors themselves, or none"
                collector.extend(error("E0311", message, call.span, help=help).diagnostics)
        for step in data.augment:
            if found.draws or (found.regroups and step.takes == "images"):
                message = f"`{step.name}` changes samples of rows, and `{found.name}` makes others"
                help = f"leave `{step.name}` out of `augment`"
                collector.extend(error("E0311", message, call.span, help=help).diagnostics)

    def check_columns(self, columns: Mapping[str, Span], collector: Collector) -> None:
        """What the objective fills has no column, unless it is made of that."""
        found = self.found
        if found is None:
            return
        for name in found.fills:
            if name in columns and name not in found.may_have_columns:
                message = f"`{name}` has a column, and `{found.name}` fills it"
                help = "leave the column out, or the objective"
                collector.extend(error("E0311", message, columns[name], help=help).diagnostics)
