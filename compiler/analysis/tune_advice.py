"""Which hyper-parameter to try first, and on which scale.

A setting is worth trying before another where the result depends on it more and a trial tells
more about the rest: the learning rate before all, since with a wrong one nothing else can be
judged; then what the network is, then what holds it back, then what only smooths the way.
Settings whose effect is a factor are drawn on a scale of logarithms.

Source: Bengio, "Practical recommendations for gradient-based training of deep architectures"
(2012); Bergstra and Bengio, "Random search for hyper-parameter optimization" (2012), for
drawing at random; Smith et al., "Don't decay the learning rate, increase the batch size"
(2018), for the rate that goes with a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from dlc.compiler.components.figures import figure_names
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.graph import Program
from dlc.compiler.record import record

Scale = Literal["log", "log of 1 - value", "factors of two", "linear"]
#: What a parameter of a spec is for, by what changes with it.
Part = Literal["width", "depth", "dropout"]

_RECURRENT = frozenset({"rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"})
_WEIGHTED = _RECURRENT | {
    *("linear", "bilinear", "multihead_attention", "conv1d", "conv2d", "conv3d"),
    *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
}
_DIGITS = 2


@record
class Advice:
    """One setting to try: its path as in `--set`, its value now, and what to draw from.

    `distribution` is the entry of `search.space`, None for what no search can change while
    it is as it is; `reason` says why, and why there."""

    setting: str
    value: Any
    scale: Scale
    distribution: str | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name in ("setting", "value", "scale", "distribution", "reason")
        }


@record
class Parameter:
    """A parameter of the spec that changes the network, and what of it. `choices` are values
    with which the spec is right; none where any may be drawn."""

    name: str
    value: int | float
    part: Part
    choices: tuple[int, ...] = ()


def part_of(program: Program, changed: Program) -> Part | None:
    """What a parameter is for that makes one network the other; None where it is for none of
    these: it changes what goes in or comes out, how many words an embedding has, or nothing."""
    if _interface(program) != _interface(changed):
        return None
    here, there = _nodes(program), _nodes(changed)
    if len(here) != len(there):
        return "depth"
    if [(op, p) for op, p, _ in here] != [(op, p) for op, p, _ in there]:
        return None if any(a[0] != b[0] for a, b in zip(here, there, strict=True)) else "dropout"
    if [words for _, _, words in here] != [words for _, _, words in there]:
        return None
    return "width" if _units(program) != _units(changed) else None


def advice(
    program: Program, settings: Settings, parameters: tuple[Parameter, ...] = ()
) -> tuple[Advice, ...]:
    """The settings of a spec to try, the first before the second."""
    found = [
        *_rate(settings),
        *_of_part(parameters, "width"),
        *_batch(program, settings),
        *_of_part(parameters, "depth"),
        *_momentum(settings.optimizer),
        *_decay(settings),
        *_dropout(program, parameters),
        *_smoothing(settings),
        *_clipping(program, settings),
        *_warm_up(settings),
    ]
    return tuple(found)


def search_section(
    found: tuple[Advice, ...], program: Program, settings: Settings, *, surface: str
) -> str:
    """The section `search` that tries the advice, in the words of a surface; "" for none. What
    it looks at is what early stopping looks at."""
    drawn = [(a.setting, a.distribution) for a in found if a.distribution is not None]
    if not drawn:
        return ""
    early = settings.train.early_stopping
    monitor = early.monitor if early is not None else "val_loss"
    figures = figure_names(settings.metrics, (name for name, _ in program.graph.outputs))
    goal = "maximize" if figures.get(monitor, False) else "minimize"
    # Random draws cover each setting alone with as many values as there are trials.
    trials = min(60, max(12, 6 * len(drawn)))
    sign = ": " if surface == "yaml" else " = "
    space = [f"    {name}{sign}{draw}" for name, draw in drawn]
    if surface == "yaml":
        head = ["search:", f"  trials: {trials}", f"  {goal}: {monitor}", "  space:"]
        return "\n".join([*head, *space])
    head = ["search {", f"  trials = {trials}", f"  {goal} = {monitor}", "  space {"]
    return "\n".join([*head, *space, "  }", "}"])


def factors(value: int) -> list[int]:
    """Half of a size, the size, and twice the size: of a power of two powers of two, and of a
    multiple of some heads or groups mostly multiples again."""
    return sorted({max(1, value // 2), value, 2 * value})


# ── the settings, each for itself ────────────────────────────────────────────


def _rate(settings: Settings) -> Iterator[Advice]:
    optimizer, schedule = settings.optimizer, settings.schedule
    if optimizer is None:
        return
    setting, rate = "optimizer.lr", optimizer.learning_rate
    if schedule is not None and schedule.name == "one_cycle":
        setting, rate = "schedule.max_lr", float(getattr(schedule, "max_lr", rate))
    elif schedule is not None and schedule.name == "piecewise":
        values = getattr(schedule, "values", ())
        yield Advice(
            "schedule.values",
            list(values),
            "log",
            None,
            "the rates are written out; with `multi_step` one number, `optimizer.lr`, moves all",
        )
        return
    low, high = optimizer.usual_lr
    low, high = max(low, min(rate / 10, high / 100)), min(high, max(rate * 10, low * 100))
    reason = "with a wrong rate nothing else can be judged; a factor counts, not a difference"
    if optimizer.closure or optimizer.full_batch:
        reason = "the length of the first step; a factor counts, not a difference"
    yield Advice(setting, rate, "log", f"log_uniform({_short(low)}, {_short(high)})", reason)


def _of_part(parameters: tuple[Parameter, ...], part: Part) -> Iterator[Advice]:
    for parameter in parameters:
        if parameter.part != part:
            continue
        value = int(parameter.value)
        if part == "width":
            draw = f"choice({', '.join(map(str, parameter.choices))})"
            reason = "what the network can hold; a factor counts, not a difference"
            yield Advice(parameter.name, value, "factors of two", draw, reason)
        else:
            low, high = max(1, value // 2), max(2, value + max(1, value // 2))
            reason = "layers are tried after their width, which costs less to get right"
            yield Advice(parameter.name, value, "linear", f"integer({low}, {high})", reason)


def _batch(program: Program, settings: Settings) -> Iterator[Advice]:
    data, optimizer = settings.data, settings.optimizer
    if data is None or isinstance(data.batch_size, str) or optimizer is None:
        return
    sizes = factors(data.batch_size)
    reason = "goes with the rate: k times the batch takes about k times the rate"
    if optimizer.name != "sgd":
        reason = "goes with the rate: k times the batch takes about sqrt(k) times the rate"
    if any(kind.startswith("batch_norm") for kind in _kinds(program)):
        sizes = [size for size in sizes if size >= 16] or [16, 32, 64]
        reason += "; batch norm wants 16 and more"
    draw = f"choice({', '.join(map(str, sizes))})"
    yield Advice("data.batch_size", data.batch_size, "factors of two", draw, reason)


def _momentum(optimizer: Optimizer | None) -> Iterator[Advice]:
    momentum = getattr(optimizer, "momentum", None)
    if momentum is None:
        return
    reason = "1 / (1 - momentum) steps are averaged: 0.9 to 0.99 is as far as 0 to 0.9"
    if not momentum:
        reason = "there is none yet; 0.9 is mostly faster than plain steps, at a lower rate"
    draw = "choice(0.8, 0.9, 0.95, 0.98, 0.99)"
    yield Advice("optimizer.momentum", momentum, "log of 1 - value", draw, reason)


def _decay(settings: Settings) -> Iterator[Advice]:
    optimizer, penalties = settings.optimizer, settings.regularization
    for key in ("l1", "l2"):
        weight = getattr(penalties, key, 0.0)
        if isinstance(weight, float | int) and weight:
            draw = f"log_uniform({_short(weight / 10)}, {_short(weight * 10)})"
            reason = "holds weights back; useful values span decades"
            yield Advice(f"regularization.{key}", weight, "log", draw, reason)
    decay = getattr(optimizer, "weight_decay", None)
    if decay is None or optimizer is None or penalties is not None:
        return
    decoupled = optimizer.name in ("adamw", "muon") or bool(
        getattr(optimizer, "decoupled_weight_decay", False)
    )
    if not decoupled and optimizer.name not in ("sgd", "asgd"):
        reason = "is divided by the gradient's size here: use `adamw`, and then 1e-3 to 0.3"
        yield Advice("optimizer.weight_decay", decay, "log", None, reason)
        return
    low, high = (1e-3, 0.3) if decoupled else (1e-6, 1e-2)
    low, high = min(low, decay or low), max(high, decay)
    reason = "holds weights back where validation falls behind training; spans decades"
    draw = f"log_uniform({_short(low)}, {_short(high)})"
    yield Advice("optimizer.weight_decay", decay, "log", draw, reason)


def _dropout(program: Program, parameters: tuple[Parameter, ...]) -> Iterator[Advice]:
    named = [p for p in parameters if p.part == "dropout"]
    reason = "a share, of which differences count; more than 0.5 is seldom right"
    if any(kind.startswith("batch_norm") for kind in _kinds(program)):
        reason = "a share, so differences count; batch norm regularizes too: less is needed"
    for parameter in named:
        yield Advice(parameter.name, parameter.value, "linear", "uniform(0.0, 0.5)", reason)
    dropped = [p for _, p, _ in _nodes(program) if p]
    if dropped and not named:
        reason = "write the rate as a `param`, so that `--set` and a search reach it"
        yield Advice("dropout", dropped[0], "linear", None, reason)


def _smoothing(settings: Settings) -> Iterator[Advice]:
    if len(settings.loss) != 1 or not hasattr(settings.loss[0].loss, "label_smoothing"):
        return
    if settings.loss[0].weight != 1.0:
        return
    reason = "helps calibration and many classes; more than 0.2 takes away what tells them apart"
    share = settings.loss[0].loss.label_smoothing
    yield Advice("loss.label_smoothing", share, "linear", "choice(0.0, 0.05, 0.1, 0.2)", reason)


def _clipping(program: Program, settings: Settings) -> Iterator[Advice]:
    norm = settings.train.clip_grad_norm
    optimizer = settings.optimizer
    if optimizer is None or (norm is None and _RECURRENT.isdisjoint(_kinds(program))):
        return
    if optimizer.closure:
        return
    reason = "bounds the rare step that undoes a run; a factor counts"
    draw = f"log_uniform({_short((norm or 1.0) / 10)}, {_short((norm or 1.0) * 10)})"
    yield Advice("train.clip_grad_norm", norm, "log", draw, reason)


def _warm_up(settings: Settings) -> Iterator[Advice]:
    schedule = settings.schedule
    for key, least in (("warmup_steps", 10), ("warmup_epochs", 1)):
        length = getattr(schedule, key, 0)
        if length:
            low, high = max(least, length // 4), length * 2
            draw = f"integer({low}, {high})"
            reason = "last: matters for high rates and transformers, little elsewhere"
            yield Advice(f"schedule.{key}", length, "linear", draw, reason)


# ── the network ──────────────────────────────────────────────────────────────


def _interface(program: Program) -> Mapping[str, object]:
    graph = program.graph
    given = {name: graph.values[name] for name in graph.inputs}
    return given | {name: graph.values[value] for name, value in graph.outputs}


def _nodes(program: Program) -> list[tuple[str, float, int]]:
    """Each layer's kind, its rate of dropout, and the words of its table."""
    return [
        (
            node.kind,
            _rate_of(node.op),
            int(getattr(node.op, "num_embeddings", 0) or 0),
        )
        for _, _, node in program.walk()
    ]


def _units(program: Program) -> list[object]:
    """How many units each layer with weights has: the first size of its parameters. A larger
    kernel or patch has as many."""
    return [
        parameter.shape[0]
        for _, _, node in program.owners()
        if node.kind in _WEIGHTED
        for parameter in node.parameters
        if parameter.shape
    ]


def _rate_of(op: object) -> float:
    for name in ("dropout", "p"):
        rate = getattr(op, name, None)
        if isinstance(rate, float | int):
            return float(rate)
    return 0.0


def _kinds(program: Program) -> frozenset[str]:
    return frozenset(node.kind for _, _, node in program.walk())


def _short(number: float) -> str:
    return f"{float(f'{number:.{_DIGITS}g}'):g}"
