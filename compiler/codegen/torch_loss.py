"""The loss of a generated module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dlc.compiler.codegen.layout import WIDTH, statement
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.uncertainty import LOG_VARIANCES
from dlc.compiler.components.missing_labels import missing_labels
from dlc.compiler.components.settings import LossTerm
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program

_KNOWN_LABELS = '''\
def known_labels(x: Tensor, target: Tensor, neutral: float) -> tuple[Tensor, Tensor, Tensor]:
    """Both with what adds nothing to a loss where a label is missing (NaN), and the factor that
    makes a mean over all labels one over those that are known."""
    known = ~target.isnan()
    share = known.numel() / known.sum().clamp(min=1)
    return torch.where(known, x, neutral), torch.where(known, target, 0.0), share


'''

_OF_BALANCE = "    `balanced` is 1 for each class here: `dlc train` writes the factors of its data."
_OF_VARIANCES = """\
    Each `s` is the logarithm of the variance of a task, by which its loss is weighed
    (Kendall, Gal and Cipolla, 2018)."""


def loss_function(program: Program, terms: tuple[LossTerm, ...]) -> Iterator[str]:
    """The lines of `loss`, the weighted sum of all terms."""
    graph = program.graph
    outputs = {name: graph.values[value] for name, value in graph.outputs}
    types = outputs | dict(program.targets)

    def value(name: str) -> str:
        return f"{'outputs' if name in outputs else 'targets'}[{literal(name)}]"

    missing = missing_labels([term.loss for term in terms], dict(program.targets))
    texts: list[str] = []
    filled: list[str] = []
    for number, term in enumerate(terms):
        loss, names = term.loss, dict.fromkeys(term.loss.names)
        target = next((name for name in names if name in missing), None)
        if target is None:
            text = loss.torch(value, types)
        elif isinstance(loss, ClassLoss):
            known = f"({value(target)} != {literal(missing[target])}).any()"
            text = f"torch.where({known}, {loss.torch(value, types)}, 0.0)"
        else:
            x, t, share = (f"{word}_{number}" for word in ("x", "t", "share"))
            given = f"{value(loss.names[0])}, {value(target)}, {literal(loss.neutral)}"
            filled.append(f"{x}, {t}, {share} = known_labels({given})")
            text = (
                f"{share} * {_atom(loss.torch({loss.names[0]: x, target: t}.__getitem__, types))}"
            )
        if term.variance is not None:
            half = "0.5 * " if loss.squared else ""
            text = f"{half}torch.exp(-s_{term.variance}) * {_atom(text)}"
        if term.weight != 1.0:
            text = f"{literal(term.weight)} * {_atom(text) if term.variance is None else text}"
        texts.append(text)
        if term.variance is not None:
            texts.append(f"{literal(0.5 * term.weight)} * s_{term.variance}")
    if filled:
        yield from _KNOWN_LABELS.splitlines()
    yield "def loss(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:"
    yield from _docstring(program, terms)
    if program.learned:
        scales = ", ".join(f"s_{t.variance}" for t in terms if t.variance is not None)
        yield from statement(f'{scales} = outputs["{LOG_VARIANCES}"].unbind()', 1)
    for line in filled:
        yield from statement(line, 1)
    whole = f"return {' + '.join(texts)}"
    if len(texts) == 1 or len(whole) + 4 <= WIDTH:
        yield from statement(whole, 1)
        return
    yield from statement(f"total = {texts[0]}", 1)
    for text in texts[1:]:
        yield from statement(f"total = total + {text}", 1)
    yield from statement("return total", 1)


def _docstring(program: Program, terms: tuple[LossTerm, ...]) -> Iterator[str]:
    notes = []
    if program.learned:
        notes.append(_OF_VARIANCES)
    if any(term.loss.balanced for term in terms):
        notes.append(_OF_BALANCE)
    if not notes:
        yield '    """The mean over the batch, without penalties."""'
        return
    yield '    """The mean over the batch, without penalties.'
    for note in notes:
        yield ""
        yield from note.splitlines()
    yield '    """'


def _atom(text: str) -> str:
    """The expression in parentheses, where a factor before it would not reach all of it."""
    tree = ast.parse(text, mode="eval").body
    if isinstance(tree, ast.Call | ast.Attribute | ast.Subscript | ast.Name | ast.Constant):
        return text
    return f"({text})"
