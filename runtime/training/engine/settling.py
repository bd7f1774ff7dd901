"""The choices of a run: by the spec, by a trial or what an earlier one found, else by rule."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from dlc.compiler.version import VERSION
from dlc.runtime.device import describe
from dlc.runtime.training.engine import trial_cache
from dlc.runtime.training.engine.blocks import blocks_of
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.engine.rules import alternatives, compiled_form, settled
from dlc.runtime.training.engine.traits import Traits
from dlc.runtime.training.engine.trial import Measured, Trial, fastest
from dlc.runtime.training.plan import Plan

# Less than this is within what one machine differs from itself.
_MARGIN = 1.05
#: A shorter run, in seconds, follows the rules alone: there is little to gain, and runs of equal
#: specs are equal then.
SHORTEST_RUN = 60.0
# What compiling takes in a fresh process, at the least; a run must be ten times as long.
_COMPILE_SECONDS = 30.0
# Seconds of a step without arithmetic, and multiply-accumulates of a forward pass in a second,
# of a slow machine.
_SLOWEST_OVERHEAD = 0.01
_SLOWEST_RATE = 1e8


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The choices of a run and what they rest on. `gain` is their speed over that of float32
    in torch's own memory format, uncompiled, where both were measured."""

    choices: Choices
    by: Literal["rule", "trial", "cache"]
    measured: tuple[Measured, ...] = ()
    gain: float | None = None

    def record(self) -> dict[str, Any]:
        """As `run.json` keeps it."""
        return {
            **self.choices.record(),
            "settled": self.by,
            "gain": self.gain,
            "measured": [trial_cache.record_of(found) for found in self.measured],
        }


def settle(
    plan: Plan,
    model: torch.nn.Module,
    traits: Traits,
    trial: Trial,
    *,
    whole: bool,
    adapt: Callable[[Choices], Choices] = lambda choices: choices,
) -> Settled:
    """What a new run settles. `whole` says whether its step can be compiled as a whole; `adapt`
    makes choices fit the memory. The trial's model is left as it is."""
    train, device = plan.settings.train, trial.device
    default = adapt(settled(train, traits, device))
    key = _key(plan, trial, default)
    known = trial_cache.load(key) if plan.graph_digest else ()
    if any(m.choices == default for m in known):
        return _conclusion(known, default, trial.total, "cache")
    others = [adapt(c) for c in alternatives(default, train, traits, device)]
    measured: tuple[Measured, ...] = ()
    if others and _lasts(trial, default, traits, SHORTEST_RUN):
        measured = trial.compare(default, others)
    best = fastest(measured, default, trial.total, _MARGIN) if measured else None
    chosen = best.choices if best is not None else default
    blocks = bool(blocks_of(model))
    compiled = compiled_form(chosen, train, traits, blocks=blocks, whole=whole)
    if compiled is not None and _lasts(trial, chosen, traits, 10 * _COMPILE_SECONDS):
        measured = _merged(measured, trial.compare_compiled(chosen, compiled))
    if not measured:
        return Settled(choices=default, by="rule")
    if plan.graph_digest:
        trial_cache.store(key, measured)
    return _conclusion(measured, default, trial.total, "trial")


def _lasts(trial: Trial, choices: Choices, traits: Traits, seconds: float) -> bool:
    """Whether the run takes so long at least."""
    # By the slowest that a step can be; a short run is not measured for the answer.
    if trial.total * (_SLOWEST_OVERHEAD + traits.macs / _SLOWEST_RATE) < seconds:
        return False
    return trial.total * trial.seconds_of_a_step(choices) >= seconds


def _merged(found: Sequence[Measured], later: Sequence[Measured]) -> tuple[Measured, ...]:
    """All of both, as one trial would have measured them. How fast a machine is changes from one
    to the other, with what else runs on it: the figures of the first are brought to the speed of
    the second, by those of the choices that are in both."""
    again = {m.choices: m.steps_per_second for m in later}
    shared = [again[m.choices] / m.steps_per_second for m in found if m.choices in again]
    factor = shared[0] if shared else 1.0
    earlier = (m for m in found if m.choices not in again)
    return (
        *(replace(m, steps_per_second=m.steps_per_second * factor) for m in earlier),
        *later,
    )


def _conclusion(
    measured: tuple[Measured, ...],
    default: Choices,
    steps: int,
    by: Literal["trial", "cache"],
) -> Settled:
    best = fastest(measured, default, steps, _MARGIN)
    plain = next((m for m in measured if m.choices == _plain(best.choices)), None)
    gain = None if plain is None else best.steps_per_second / plain.steps_per_second
    return Settled(
        choices=best.choices,
        by=by,
        measured=measured,
        gain=None if gain is None else round(gain, 3),
    )


def told(record: Mapping[str, Any]) -> str:
    """The choices of `run.json` in words: `bf16, channels last, 2.08 times plain float32`."""
    choices = Choices.of(record)
    gain = record.get("gain")
    if gain is None or choices == _plain(choices):
        return str(choices)
    return f"{choices}, {gain:.2f} times plain float32"


def _plain(choices: Choices) -> Choices:
    return Choices(checkpointing=choices.checkpointing, micro_batch=choices.micro_batch)


def _key(plan: Plan, trial: Trial, default: Choices) -> Mapping[str, Any]:
    train, optimizer = plan.settings.train, plan.settings.optimizer
    return {
        "graph": plan.graph_digest,
        "device": describe(trial.device),
        "processor": _processor(),
        "batch": [trial.epochs.batch_size, trial.epochs.group],
        "optimizer": optimizer.name if optimizer is not None else None,
        "stated": [
            str(getattr(train, key))
            for key in ("precision", "compile", "channels_last", "tf32", "cuda_graphs")
        ],
        "default": default.record(),
        "versions": [VERSION, str(torch.__version__), platform.python_version()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
