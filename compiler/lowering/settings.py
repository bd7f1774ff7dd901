"""The sections of a bound spec as typed settings, checked against the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from dlc.compiler.components import registry
from dlc.compiler.components.arguments import ReferenceType, UnionType
from dlc.compiler.components.base import Component, ComponentError, arguments
from dlc.compiler.components.figures import check_monitor
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.metrics.base import Metric
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.components.settings import LossTerm, Settings
from dlc.compiler.diagnostics.model import Collector, DiagnosticError, Label
from dlc.compiler.diagnostics.suggest import did_you_mean, listed
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.lowering.chains import check_chain
from dlc.compiler.lowering.loss_terms import LossTerms
from dlc.compiler.lowering.monitors import check_monitors
from dlc.compiler.lowering.objectives import CheckedObjective
from dlc.compiler.lowering.optimizing import check_optimizing
from dlc.compiler.lowering.regularizing import check_regularizing
from dlc.compiler.lowering.text_steps import by_step, check_text_step
from dlc.compiler.lowering.transferring import check_transferring
from dlc.compiler.semantics.instantiate import Context, blamed, instantiate
from dlc.compiler.semantics.scope import Scope, error
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

_C = TypeVar("_C")


def initializers(spec: tree.File, scope: Scope, collector: Collector) -> Mapping[str, Initializer]:
    """The `init` section: initializers by kind of layer, and for `bias`."""
    entry = next((e for e in spec.settings if e.key.text == "init"), None)
    found: dict[str, Initializer] = {}
    if entry is None or not isinstance(entry.value, tree.Mapping):
        return found
    for item in entry.value.entries:
        if isinstance(item.value, tree.Call):
            try:
                cls = registry.load("initializer", item.value.name.text)
                made = instantiate(item.value, cls, Context(scope))
                found[item.key.text] = cast(Initializer, made)
            except DiagnosticError as problem:
                collector.extend(problem.diagnostics)
    return found


class SettingsBuilder:
    """Evaluates the sections. Findings go to the collector."""

    def __init__(
        self, spec: tree.File, program: Program | None, scope: Scope, collector: Collector
    ) -> None:
        self.spec = spec
        self.program = program
        self.collector = collector
        self.outputs: dict[str, TensorType] = {}
        self.inputs: dict[str, TensorType] = {}
        self.targets: dict[str, TensorType] = {}
        if program is not None:
            graph = program.graph
            self.outputs = {name: graph.values[value] for name, value in graph.outputs}
            self.inputs = {name: graph.values[name] for name in graph.inputs}
            self.targets = dict(program.targets)
        dims = frozenset(name for name in scope.names if name.isupper())
        self.context = Context(
            scope,
            {
                "output": frozenset(self.outputs),
                "input": frozenset(self.inputs),
                "target": frozenset(self.targets),
                "dim": dims,
            }
            if program is not None
            else {},
        )
        self.values = {e.key.text: e.value for e in spec.settings}
        self.keys = {e.key.text: e.key.span for e in spec.settings}
        # Whether a step with an error might fill an input.
        self.unsure = False
        self.text_chains: list[tuple[str, list[Preprocess], list[tree.Call]]] = []

    def build(self) -> Settings:
        """The settings; sections with errors are left out, the errors reported. Without a
        program (it has errors itself) only what needs no types is looked at."""
        sections = {
            name: self._section(name)
            for name in (
                "data",
                "regularization",
                "train",
                "transfer",
                "search",
                "ensemble",
                "export",
            )
            if name in self.values
        }
        kept: dict[str, Any] = {name: made for name, made in sections.items() if made is not None}
        if "transfer" in kept:
            self._check_rename(kept["transfer"])
        if self.program is None:
            optimizer, schedule = self._one("optimizer", Optimizer), self._one("schedule", Schedule)
            return Settings(optimizer=optimizer, schedule=schedule, **kept)
        loss = self._loss()
        settings = Settings(
            preprocess=self._steps("preprocess", self.inputs, Preprocess),
            postprocess=self._steps("postprocess", self.outputs, Postprocess),
            loss=loss,
            metrics=self._metrics([term.loss for term in loss]),
            optimizer=self._one("optimizer", Optimizer),
            schedule=self._one("schedule", Schedule),
            **kept,
        )
        objective = CheckedObjective(
            settings, self.inputs, self.targets, self._objective_call(), self.collector
        )
        if not objective.wrong:
            self._check_texts(objective.given)
        self._check_chains(settings)
        self._check_filled(settings, objective)
        self._check_augmented(settings)
        self._check_training(settings)
        self.collector.extend(tuple(check_optimizing(self.spec, self.program, settings)))
        self.collector.extend(tuple(check_regularizing(self.spec, self.program, settings)))
        self.collector.extend(tuple(check_transferring(self.spec, self.program, settings)))
        self._check_monitors(settings)
        if settings.ensemble is not None or settings.train.average is not None:
            # Imported on use: few specs have one.
            from dlc.compiler.lowering.members import check_combined

            check_combined(self.spec, settings, self.outputs, self.targets, self.collector)
        return settings

    # ── sections ─────────────────────────────────────────────────────────────

    def _guard(self, make: Callable[[], _C]) -> _C | None:
        try:
            return make()
        except DiagnosticError as problem:
            self.collector.extend(problem.diagnostics)
            return None

    def _section(self, name: str) -> Component | None:
        value = self.values[name]
        if not isinstance(value, tree.Mapping):
            return None
        cls = registry.load("section", name)
        return self._guard(lambda: instantiate(value, cls, self.context))

    def _one(self, name: str, base: type[_C]) -> _C | None:
        value = self.values.get(name)
        if not isinstance(value, tree.Call):
            return None
        cls = registry.load(name, value.name.text)
        made = self._guard(lambda: instantiate(value, cls, self.context))
        return made if isinstance(made, base) else None

    def _component(self, kind: str, call: tree.Call) -> Component:
        return instantiate(call, registry.load(kind, call.name.text), self.context)

    def _steps(
        self, section: str, known: Mapping[str, TensorType], base: type[_C]
    ) -> dict[str, tuple[_C, ...]]:
        value = self.values.get(section)
        found: dict[str, tuple[_C, ...]] = {}
        if not isinstance(value, tree.Mapping):
            return found
        what = "input" if section == "preprocess" else "output"
        for entry in value.entries:
            if entry.key.text not in known:
                _, help = did_you_mean(entry.key.text, known, what)
                self.collector.extend(
                    error(
                        "E0202",
                        f"`{section}` names no {what} `{entry.key}`",
                        entry.key.span,
                        help=help or f"its {what}s: {listed(known)}",
                    ).diagnostics
                )
                continue
            made: list[_C] = []
            items = entry.value.items if isinstance(entry.value, tree.ListExpr) else ()
            calls: list[tree.Call] = []
            type_now: TensorType | None = known[entry.key.text]
            for item in items:
                if not isinstance(item, tree.Call):
                    continue
                step = self._guard(lambda item=item: self._component(section, item))  # type: ignore[misc]
                if not isinstance(step, base):
                    self.unsure = True
                    continue
                made.append(step)
                calls.append(item)
                if isinstance(step, Postprocess) and type_now is not None:
                    # Each step reads the output itself, not the step before it.
                    self._check(lambda s=step, t=type_now: s.infer(t), item)  # type: ignore[misc]
            found[entry.key.text] = tuple(made)
            chain: list[Preprocess] = [s for s in made if isinstance(s, Preprocess)]
            if any(isinstance(step, TokenStep) for step in chain):
                self.text_chains.append((entry.key.text, chain, calls))
        return found

    def _check_texts(self, given: Mapping[str, TensorType]) -> None:
        """The steps on texts can run one after the other, and give what is taken."""
        for name, chain, calls in self.text_chains:
            for place, call in enumerate(calls):
                self._check(
                    lambda n=name, c=chain, p=place: check_text_step(n, c, p, given),  # type: ignore[misc]
                    call,
                )

    def _check(self, run: Callable[[], object], call: tree.Call) -> None:
        places = {a.name.text: a.value for a in call.arguments if a.name is not None}
        try:
            run()
        except ComponentError as problem:
            self.collector.add(blamed(problem, call.span, places))

    def _check_chains(self, settings: Settings) -> None:
        """The steps of each input lead from some column to its declared type. Those with a
        token step are looked at by `check_text_step`."""
        value = self.values.get("preprocess")
        declared = {d.name.text: d.span for d in self.spec.model.inputs} if self.spec.model else {}
        for entry in value.entries if isinstance(value, tree.Mapping) else ():
            name = entry.key.text
            steps = settings.preprocess.get(name, ())
            items = entry.value.items if isinstance(entry.value, tree.ListExpr) else ()
            calls = [item for item in items if isinstance(item, tree.Call)]
            whole = steps and len(steps) == len(calls) == len(items)
            if whole and not any(isinstance(step, TokenStep) for step in steps):
                links = list(zip(steps, calls, strict=True))
                self.collector.extend(
                    check_chain(name, self.inputs[name], links, declared.get(name))
                )

    # ── loss and metrics ─────────────────────────────────────────────────────

    def _loss(self) -> tuple[LossTerm, ...]:
        value, program = self.values.get("loss"), self.program
        if value is None or isinstance(value, tree.Missing) or program is None:
            return ()
        terms = LossTerms(self.outputs | self.targets, self.context, self._check)
        loss = self._guard(lambda: terms.of(value)) or ()
        self._guard(lambda: terms.refuse_taken(program, value))
        self.program = replace(program, learned=terms.learned)
        return loss

    def _metrics(self, losses: Sequence[Loss]) -> tuple[Metric, ...]:
        value = self.values.get("metrics")
        found: list[Metric] = []
        for item in value.items if isinstance(value, tree.ListExpr) else ():
            if not isinstance(item, tree.Call):
                continue
            made = self._guard(lambda item=item: self._component("metric", item))  # type: ignore[misc]
            if isinstance(made, Metric):
                self._check(lambda m=made: m.check(self.outputs | self.targets), item)  # type: ignore[misc]
                found.append(made.following(losses))
        return tuple(found)

    # ── what belongs together ────────────────────────────────────────────────

    def _check_filled(self, settings: Settings, objective: CheckedObjective) -> None:
        """Every input and target is filled by a column, a step or the objective."""
        data = settings.data
        if not isinstance(data, Data) or not data.columns:
            return
        known = {**self.inputs, **self.targets}
        filled = set(data.columns)
        for steps in settings.preprocess.values():
            for step in steps:
                filled |= _named(step, known)
        filled |= set(objective.fills)
        self.unsure |= objective.wrong
        columns = self._columns_entry()
        self._check_filled_once(settings, columns)
        objective.check_columns(columns, self.collector)
        for name in data.columns:
            if name not in known:
                _, help = did_you_mean(name, known, "input")
                self._report(
                    "E0202",
                    f"`columns` names no input or target `{name}`",
                    columns.get(name, self.keys["data"]),
                    help or f"inputs and targets: {listed(known)}",
                )
        declared = {d.name.text: d.span for d in self.spec.targets}
        if self.spec.model is not None:
            declared |= {d.name.text: d.span for d in self.spec.model.inputs}
        for name in known:
            if name not in filled and not self.unsure:
                self._report(
                    "E0213",
                    f"nothing fills `{name}`",
                    declared[name],
                    f"add it to `data.columns`: `{name}: column`"
                    + by_step(settings.preprocess, known[name]),
                    (Label(self.keys["data"], "the data has columns for the others"),),
                )

    def _check_filled_once(self, settings: Settings, columns: Mapping[str, Span]) -> None:
        """No input that a step fills has a column, or another step, too."""
        by: dict[str, str] = {}
        for source, steps in settings.preprocess.items():
            for step in steps:
                for name in step.fills:
                    other = by.setdefault(name, source)
                    if other != source:
                        self._report(
                            "E0311",
                            f"steps of `{other}` and of `{source}` fill `{name}`",
                            self.keys["preprocess"],
                            "name an input of its own for each",
                        )
                    if name in columns:
                        self._report(
                            "E0311",
                            f"`{name}` has a column, and `{step.name}` of `{source}` fills it",
                            columns[name],
                            "leave the column out, or do not name the input in the step",
                        )

    def _check_augmented(self, settings: Settings) -> None:
        """Every augmentation finds an input to change and can change the targets with it."""
        data = self.values.get("data")
        entries = data.entries if isinstance(data, tree.Mapping) else ()
        augment = next((e.value for e in entries if e.key.text == "augment"), None)
        items = augment.items if isinstance(augment, tree.ListExpr) else (augment,)
        steps = settings.data.augment if settings.data is not None else ()
        losses = [term.loss for term in settings.loss]
        for step, item in zip(steps, items, strict=False):
            assert isinstance(item, tree.Call)
            self._check(
                lambda s=step: s.check(self.inputs, self.targets, self.outputs, losses),  # type: ignore[misc]
                item,
            )

    def _check_rename(self, transfer: Transfer) -> None:
        """Every entry of `rename` can be done; whether it matches, only a file can tell."""
        from dlc.compiler.semantics.rename_maps import rules_in

        self._guard(lambda: rules_in(self.spec, transfer))

    def _objective_call(self) -> tree.Call | None:
        data = self.values.get("data")
        entries = data.entries if isinstance(data, tree.Mapping) else ()
        found = next((e.value for e in entries if e.key.text == "objective"), None)
        return found if isinstance(found, tree.Call) else None

    def _columns_entry(self) -> dict[str, Span]:
        data = self.values.get("data")
        for entry in data.entries if isinstance(data, tree.Mapping) else ():
            if entry.key.text == "columns" and isinstance(entry.value, tree.Mapping):
                return {e.key.text: e.key.span for e in entry.value.entries}
        return {}

    def _check_training(self, settings: Settings) -> None:
        """What needs another section says so here, not in the middle of training."""
        needs = {"optimizer": "loss", "schedule": "optimizer", "metrics": "targets"}
        for section, needed in needs.items():
            present = bool(self.targets) if needed == "targets" else needed in self.values
            if section in self.values and not present:
                self._report(
                    "E0309",
                    f"`{section}` needs `{needed}`, and the spec has none",
                    self.keys[section],
                    f"add `{needed}`",
                )

    def _check_monitors(self, settings: Settings) -> None:
        """What is watched is given by a validation. A metric with an error is not known."""
        value = self.values.get("metrics")
        named = len(value.items) if isinstance(value, tree.ListExpr) else 0
        if named == len(settings.metrics):
            types = self.outputs | self.targets
            self.collector.extend(
                check_monitors(
                    self.values,
                    lambda name: check_monitor(name, settings.metrics, self.outputs, types),
                )
            )

    def _report(
        self,
        number: str,
        message: str,
        span: Span,
        help: str | None,
        secondary: tuple[Label, ...] = (),
    ) -> None:
        self.collector.extend(
            error(number, message, span, help=help, secondary=secondary).diagnostics
        )


def _named(component: Component, known: Mapping[str, object]) -> set[str]:
    """The inputs and targets that a component's arguments name."""
    found: set[str] = set()
    for spec in arguments(type(component)).values():
        options = spec.type.options if isinstance(spec.type, UnionType) else (spec.type,)
        value = getattr(component, spec.field)
        if any(isinstance(o, ReferenceType) for o in options) and value in known:
            found.add(value)
    return found
