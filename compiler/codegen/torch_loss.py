"""The loss of a generated module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dlc.compiler.codegen.layout import WIDTH, statement
from dlc.compiler.components.settings import LossTerm
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program


def loss_function(program: Program, terms: tuple[LossTerm, ...]) -> Iterator[str]:
    """The lines of `loss`, the weighted sum of all terms."""
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
    if any(term.loss.balanced for term in terms):
        yield '    """The mean over the batch, without penalties.'
        yield ""
        yield "    `balanced` is 1 for each class here: `dlc train` writes the factors of its data."
        yield '    """'
    else:
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
