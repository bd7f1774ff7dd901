"""Samples a network while it is trained, keeps what it saw, and speaks where it is bad.

A sample is a pass over a few rows before and after a step. They are taken after 1, 16, 256, ...
steps and then at even distances, so that they cost two hundredths of the time or less. The numbers
go to `monitors.jsonl`, one object a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from dlc.compiler.codegen import identifiers
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.render.text import render_one
from dlc.compiler.ir.graph import Node, Program
from dlc.compiler.ops._activation import Activation
from dlc.runtime.device import is_out_of_memory
from dlc.runtime.training.hooks import Hook
from dlc.runtime.training.monitors.effective_rank import effective_ranks
from dlc.runtime.training.monitors.judge import Finding, Judge, is_new
from dlc.runtime.training.monitors.probe import Probe
from dlc.runtime.training.monitors.reading import LayerReading, Reading
from dlc.runtime.training.monitors.recorder import WATCHED, Signals
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.records import Records
from dlc.runtime.training.run_folder import MONITORS

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer

_MOST_SAMPLES = 128
_LEAST_DISTANCE = 1024
_GROWTH = 16
_MOST_LAYERS = 64
_WIDTH = 100
_TINY = 1e-12


class Monitors(Hook):
    """`distance` is the number of steps between two samples, None for what suits the run."""

    name: ClassVar[str] = "monitors"

    def __init__(self, plan: Plan, distance: int | None = None) -> None:
        self._plan = plan
        self._asked = distance
        self._told: list[str] = []
        self._samples = 0
        self._size = 0
        self._state: dict[str, Any] = {}
        self._records: Records | None = None
        self._off = False

    def began(self, trainer: Trainer) -> None:
        self._trainer = trainer
        train = self._plan.settings.train
        self._distance = self._asked or max(_LEAST_DISTANCE, -(-trainer.total // _MOST_SAMPLES))
        self._records = trainer.folder.records(MONITORS)
        self._records.size = self._size
        self._records.cut()
        # Of a network that is divided over ranks none has the weights.
        self._off = not trainer.world.leads or trainer.world.in_step
        self._probe: Probe | None = None
        self._before: _Before | None = None
        self._chains = _chains(self._plan.program)
        self._judge = Judge(
            recurrent=any(isinstance(m, nn.RNNBase) for m in trainer.model.modules()),
            clipped=train.clip_grad_norm is not None or train.clip_grad_value is not None,
        )
        if self._state:
            self._judge.restore(self._state)

    def is_due(self, step: int) -> bool:
        """Whether the step that comes after `step` steps is sampled."""
        done = step + 1
        if done >= self._distance:
            return done % self._distance == 0
        while done % _GROWTH == 0:
            done //= _GROWTH
        return done == 1

    def before_step(self, step: int) -> None:
        if self._off or not self.is_due(step):
            return
        self._guarded(self._take)

    def after_step(self, step: int) -> None:
        before, self._before = self._before, None
        if before is not None:
            self._guarded(lambda: self._finish(before, step))

    def _guarded(self, action: Callable[[], None]) -> None:
        """A network that just fits the memory is trained without being watched."""
        try:
            action()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._off = True
            self._trainer.progress.say("the monitors are off from here on: memory is short")

    # ── a sample ─────────────────────────────────────────────────────────────

    def _take(self) -> None:
        if self._probe is None:
            self._probe = Probe(self._trainer)
        signals, gradients = self._probe.gradients()
        weights = {
            name: parameter.detach().clone()
            for name, parameter in self._probe.model.named_parameters()
            if parameter.requires_grad
        }
        self._before = _Before(signals, gradients, weights)

    def _finish(self, before: _Before, step: int) -> None:
        assert self._probe is not None
        parameters = dict(self._probe.model.named_parameters())
        after = self._probe.signals()
        ranks: dict[str, float] = {}
        if self._samples == 0 or _is_power_of(4, self._samples):
            matrices = {
                name.rpartition(".")[0]: parameter
                for name, parameter in parameters.items()
                if name.rpartition(".")[2] in ("weight", "weight_v")
            }
            ranks = effective_ranks(matrices, self._chains)
        self._samples += 1
        reading = reading_of(before, after, parameters, step, ranks, self._names(after))
        self._say(reading)

    def _names(self, signals: Signals) -> list[str]:
        """What the recorded activations are called in the spec."""
        found = [kind for kind, _, _ in signals.flat]
        nodes = [
            (path, node.kind)
            for path, _, node in (self._plan.program.walk() if self._plan.program else ())
            if isinstance(node.op, Activation) and node.kind in WATCHED
        ]
        if [kind for _, kind in nodes[: len(found)]] == found:
            return [path for path, _ in nodes[: len(found)]]
        return [f"{kind} after {layer}" if layer else kind for kind, layer, _ in signals.flat]

    def _say(self, reading: Reading) -> None:
        trainer = self._trainer
        halfway = reading.step * 2 < trainer.total
        record = reading.record(_MOST_LAYERS)
        found = []
        for finding in self._judge.findings(reading, halfway=halfway):
            if not is_new(finding, self._told):
                continue
            self._told.append(finding.number)
            diagnostic = self._diagnostic(finding, reading.step)
            found.append(
                {
                    "code": finding.number,
                    "name": diagnostic.code.name,
                    "layer": finding.layer,
                    "message": finding.message,
                    "help": finding.help,
                }
            )
            trainer.progress.say(render_one(diagnostic, color=False, width=_WIDTH))
        assert self._records is not None
        self._records.append(record | ({"findings": found} if found else {}))

    def _diagnostic(self, finding: Finding, step: int) -> Diagnostic:
        node = _node_of(self._plan.program, finding.layer)
        return Diagnostic(
            code(finding.number),
            f"{finding.message}, after {step:,} steps",
            Label(node.span) if node is not None and node.span is not None else None,
            help=finding.help,
        )

    # ── state ────────────────────────────────────────────────────────────────

    def state(self) -> dict[str, Any]:
        if self._records is None:
            return {}  # a checkpoint of the weights that a run begins with
        return {
            "bytes": self._records.size,
            "samples": self._samples,
            "told": self._told,
            "judge": self._judge.state(),
        }

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        if state:
            self._size = state["bytes"]
            self._samples = state["samples"]
            self._told = [*state["told"]]
            self._state = dict(state["judge"])


class _Before:
    """What was taken before a step: the signals, gradients and weights by parameter."""

    def __init__(
        self,
        signals: Signals,
        gradients: Mapping[str, torch.Tensor],
        weights: Mapping[str, torch.Tensor],
    ) -> None:
        self.signals = signals
        self.gradients = gradients
        self.weights = weights


def reading_of(
    before: _Before,
    after: Signals,
    parameters: Mapping[str, torch.Tensor],
    step: int,
    ranks: Mapping[str, float],
    names: list[str],
) -> Reading:
    """The numbers of a sample; the one place where the monitors wait for the device."""
    wanted: dict[tuple[str, str], torch.Tensor] = {}
    layers: dict[str, dict[str, float]] = {name: {} for name in before.signals.units}
    for layer, names_of in _matrices(before).items():
        old = [before.weights[name] for name in names_of]
        changed = [parameters[name].detach() - before.weights[name] for name in names_of]
        gradients = [before.gradients[name] for name in names_of]
        size = _norm(old)
        wanted[layer, "weight"] = size / math.sqrt(sum(weight.numel() for weight in old))
        # An embedding's gradient is that of the rows that were used.
        used = sum(gradient.numel() for gradient in gradients)
        wanted[layer, "gradient"] = _norm(gradients) / math.sqrt(max(used, 1))
        wanted[layer, "update"] = _norm(changed) / size.clamp_min(_TINY)
    if before.gradients:
        wanted["", "gradient_norm"] = _norm([*before.gradients.values()])
    for name, (mean, variance) in before.signals.units.items():
        wanted[name, "mean"] = mean.mean()
        deviation = (variance.mean() + mean.var(correction=0)).sqrt()
        wanted[name, "std"] = deviation
        now = after.units.get(name)
        if now is not None and now.shape[1] == len(mean):
            wanted[name, "drift"] = (now[0] - mean).abs().median() / deviation.clamp_min(_TINY)
    for place, (_, _, share) in enumerate(after.flat):
        wanted[names[place], "flat"] = share
    numbers = torch.stack([value.float() for value in wanted.values()]).tolist() if wanted else []
    found = dict(zip(wanted, numbers, strict=True))
    for (name, figure), value in found.items():
        if figure not in ("flat", "gradient_norm"):
            layers.setdefault(name, {})[figure] = value
    return Reading(
        step=step,
        gradient_norm=found.get(("", "gradient_norm")),
        layers={name: LayerReading(**figures) for name, figures in layers.items() if figures},
        flat={name: value for (name, figure), value in found.items() if figure == "flat"},
        kinds={names[place]: kind for place, (kind, _, _) in enumerate(after.flat)},
        ranks=ranks,
    )


def _matrices(before: _Before) -> dict[str, list[str]]:
    """The parameters that are matrices or kernels and got a gradient, by their layer."""
    found: dict[str, list[str]] = {}
    for name, weight in before.weights.items():
        if weight.dim() >= 2 and name in before.gradients:
            found.setdefault(name.rpartition(".")[0], []).append(name)
    return found


def _norm(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    norms = torch.stack([torch.linalg.vector_norm(tensor.float()) for tensor in tensors])
    norm: torch.Tensor = torch.linalg.vector_norm(norms)
    return norm


def _is_power_of(base: int, number: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1


def _node_of(program: Program | None, name: str) -> Node | None:
    """The node of the spec that a module or an activation is."""
    for path, _, node in program.walk() if program is not None and name else ():
        if name in (path, identifiers.module_path(f"{path}.")[:-1]):
            return node
    return None


def _chains(program: Program | None) -> list[list[str]]:
    """Linear layers that follow each other with nothing but activations and dropout between."""
    chains: list[list[str]] = []
    last: tuple[int, str] | None = None
    for path, graph, node in program.walk() if program is not None else ():
        taken = {(id(graph), value) for _, value in node.inputs}
        result = id(graph), node.outputs[0]
        if node.kind == "linear" and not node.shared:
            if last not in taken:
                chains.append([])
            chains[-1].append(identifiers.module_path(f"{path}.")[:-1])
            last = result
        elif last in taken:
            last = result if _keeps_layers_apart(node) else None
    return [chain for chain in chains if len(chain) > 1]


def _keeps_layers_apart(node: Node) -> bool:
    return isinstance(node.op, Activation) or node.kind == "dropout"


def monitors_of(plan: Plan) -> Monitors | None:
    """The hook of a plan, unless its spec turns it off."""
    return Monitors(plan) if plan.settings.train.monitors else None
