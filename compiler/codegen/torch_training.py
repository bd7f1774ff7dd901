"""The functions of a generated module beside its network: loss, optimizer, schedule.

The trainer calls these; there is no second implementation of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.layout import WIDTH, statement
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.schedules.base import Schedule
from dlc.compiler.components.schedules.constant import Constant
from dlc.compiler.components.sections.regularization import Regularization
from dlc.compiler.components.settings import LossTerm, Settings
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Parameter, Program
from dlc.compiler.ir.protocols import Literal

_FUSED = ("torch.optim.Adam", "torch.optim.AdamW", "torch.optim.SGD", "torch.optim.Adagrad")

_BRACKETS = re.compile(r"return \(([^()]*)\)\Z")

#: Conditions on a parameter called `p` (and `name`), from the most readable on.
_CONDITIONS: tuple[tuple[str, str, Callable[[str, Parameter], bool]], ...] = (
    ("p.ndim < 2", "p.ndim >= 2", lambda _, p: len(p.shape) < 2),
    (
        'name.endswith("bias")',
        'not name.endswith("bias")',
        lambda name, _: name.endswith("bias"),
    ),
    (
        '"bias" in name',
        '"bias" not in name',
        lambda name, _: "bias" in name,
    ),
)


def training_functions(program: Program, settings: Settings) -> str:
    """The source of what the settings ask for: `loss`, `penalty`, `constrain`, `optimizer`,
    `schedule`; empty where they ask for nothing."""
    functions: list[list[str]] = []
    if settings.loss:
        functions.append(list(_loss(program, settings.loss)))
    regularization = settings.regularization
    if regularization is not None and (regularization.l1 or regularization.l2):
        functions.append(list(_penalty(program, regularization)))
    if regularization is not None and regularization.max_norm is not None:
        functions.append(list(_constrain(program, regularization.max_norm)))
    if settings.optimizer is not None:
        functions.append(list(_optimizer(program, settings.optimizer)))
        # Without one the rate is constant: the trainer has a single way to step.
        schedule = settings.schedule or Constant()
        if schedule.available:
            functions.append(list(_schedule(schedule, settings.optimizer.learning_rate)))
    return "\n\n\n".join("\n".join(lines) for lines in functions)


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


# ── parameters ───────────────────────────────────────────────────────────────


class _Selection:
    """The trainable parameters of some roles: conditions that hold for just these, and for
    just the others. `constant` is a tuple of names that both need, where no simpler one is."""

    def __init__(self, program: Program, roles: tuple[str, ...], constant: str) -> None:
        every = [
            (identifiers.module_path(path), p) for path, p in program.parameters() if p.trainable
        ]
        wanted = {name for name, p in every if p.role in roles}
        self.nothing = not wanted
        self.constant: list[str] = []
        for inside, outside, holds in _CONDITIONS:
            if {name for name, p in every if holds(name, p)} == wanted:
                self.inside, self.outside = inside, outside
                break
        else:
            self.inside, self.outside = f"name in {constant}", f"name not in {constant}"
            self.constant = [f"{constant} = {{"]
            self.constant += [f"    {literal(name)}," for name, _ in every if name in wanted]
            self.constant += ["}", "", ""]

    def listing(self, condition: str) -> str:
        """A list of the parameters for which a condition holds."""
        if "name" in condition:
            return f"[p for name, p in model.named_parameters() if {condition}]"
        return f"[p for p in model.parameters() if {condition}]"


def _penalty(program: Program, regularization: Regularization) -> Iterator[str]:
    selection = _Selection(program, ("bias", "norm"), "NOT_WEIGHTS")
    yield from selection.constant
    yield "def penalty(model: nn.Module) -> Tensor:"
    yield '    """What is added to the loss for large weights; biases and norms are left alone."""'
    yield from statement(f"weights = {selection.listing(selection.outside)}", 1)
    parts = []
    if regularization.l1:
        parts.append(f"{literal(regularization.l1)} * sum(w.abs().sum() for w in weights)")
    if regularization.l2:
        parts.append(f"{literal(regularization.l2 / 2)} * sum(w.square().sum() for w in weights)")
    if len(parts) == 1:
        yield from statement(f"return {parts[0]}", 1)
        return
    yield from statement(f"magnitudes = {parts[0]}", 1)
    yield from statement(f"return magnitudes + {parts[1]}", 1)


def _constrain(program: Program, max_norm: float) -> Iterator[str]:
    selection = _Selection(program, ("bias", "norm"), "NOT_WEIGHTS")
    yield from selection.constant
    yield "@torch.no_grad()"
    yield "def constrain(model: nn.Module) -> None:"
    yield '    """Scales down the incoming weights of each unit that are longer than allowed."""'
    yield from statement(f"for w in {selection.listing(selection.outside)}:", 1)
    yield from statement(f"w.copy_(torch.renorm(w, p=2, dim=0, maxnorm={literal(max_norm)}))", 2)


# ── optimizer and schedule ───────────────────────────────────────────────────


def _optimizer(program: Program, optimizer: Optimizer) -> Iterator[str]:
    constructor, given = optimizer.torch()
    options = {name: literal(_as_literal(value)) for name, value in given.items()}
    decay = float(getattr(optimizer, "weight_decay", 0.0))
    selection = _Selection(program, optimizer.undecayed, "UNDECAYED")
    grouped = bool(decay and optimizer.undecayed and not selection.nothing)
    if grouped:
        yield from selection.constant
    yield "def optimizer(model: nn.Module) -> torch.optim.Optimizer:"
    if grouped:
        named = {"bias": "biases", "norm": "the scales and shifts of norms"}
        roles = " and ".join(named[role] for role in optimizer.undecayed)
        yield f'    """Weight decay leaves {roles} alone."""'
        yield from statement(f"decayed = {selection.listing(selection.outside)}", 1)
        yield from statement(f"undecayed = {selection.listing(selection.inside)}", 1)
        yield "    groups = ["
        yield f'        {{"params": decayed, "weight_decay": {literal(decay)}}},'
        yield '        {"params": undecayed, "weight_decay": 0.0},'
        yield "    ]"
        options.pop("weight_decay", None)
    else:
        yield f'    """{constructor.rpartition(".")[2]} over all parameters."""'
    parameters = "groups" if grouped else "model.parameters()"
    if constructor in _FUSED:
        yield '    fused = all(p.device.type in ("cpu", "cuda") for p in model.parameters())'
        options["fused"] = "fused"
    arguments = ", ".join([parameters, *(f"{name}={text}" for name, text in options.items())])
    yield from statement(f"return {constructor}({arguments})", 1)


def _as_literal(value: object) -> Literal:
    if isinstance(value, list | tuple):
        return tuple(_as_literal(item) for item in value)
    assert value is None or isinstance(value, int | float | str)
    return value


def _schedule(schedule: Schedule, learning_rate: float) -> Iterator[str]:
    yield "def schedule("
    yield "    optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int"
    yield ") -> torch.optim.lr_scheduler.LambdaLR:"
    yield '    """The learning rate of each step, over that of the optimizer."""'
    yield ""
    yield "    def factor(step: int) -> float:"
    for line in schedule.torch(learning_rate=learning_rate).splitlines():
        # Brackets round the whole of a result are for the product that it was made for.
        bare = _BRACKETS.sub(r"return \1", line)
        yield f"        {bare}".rstrip()
    yield ""
    yield "    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)"
