"""Chains of preprocess steps: whether they lead from a column to the declared input.

The column is in no spec. What it must hold follows backwards from the declaration, step by
step; forwards the element types are checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess, raw_type
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.ir.types import DType, Shape, TensorType
from dlc.compiler.semantics.instantiate import blamed
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

Link = tuple[Preprocess, tree.Call]


def check_chain(
    name: str, declared: TensorType, links: Sequence[Link], at: Span | None
) -> Iterator[Diagnostic]:
    """What is wrong with the steps of an input; `at` is its declaration."""
    steps = [step for step, _ in links]
    secondary = (Label(at, f"`{name}` is {declared}"),) if at is not None else ()
    shape = declared.shape
    for step, call in reversed(links):
        try:
            shape = step.before(shape)
        except ComponentError as problem:
            yield blamed(problem, call.span, _places(call), secondary=secondary)
            return
    type_ = raw_type(steps, declared)
    for step, call in links:
        try:
            type_ = step.infer(type_)
        except ComponentError as problem:
            yield blamed(problem, call.span, _places(call))
            return
    yield from _misplaced(links)
    yield from _end(name, declared, type_, links[-1], secondary)


def _misplaced(links: Sequence[Link]) -> Iterator[Diagnostic]:
    """Steps of the host behind steps of the graph, which the file could not run."""
    graph: Link | None = None
    for step, call in links:
        if step.where == "graph":
            graph = graph or (step, call)
        elif graph is not None:
            first, place = graph
            yield Diagnostic(
                code("E0311"),
                f"`{step.name}` runs before the model file, and `{first.name}` in it",
                Label(call.span),
                (Label(place.span, "this step is part of the file"),),
                help=f"put `{step.name}` first",
            )
            return


def _end(
    name: str,
    declared: TensorType,
    found: TensorType,
    last: Link,
    secondary: tuple[Label, ...],
) -> Iterator[Diagnostic]:
    step, call = last
    if not _becomes(found.dtype, declared.dtype):
        wanted = TensorType(found.dtype, declared.shape)
        texts = found.dtype is DType.STRING
        yield Diagnostic(
            code("E0406"),
            f"`{step.name}` gives {_kind(found.dtype)}, and `{name}` takes {_kind(declared.dtype)}",
            Label(call.span),
            secondary,
            help="turn the texts into numbers, with `vocabulary` or `word`"
            if texts
            else f"declare `{name}` as `{wanted}`",
        )
    elif not _fits(found.shape, declared.shape):
        yield Diagnostic(
            code("E0402"),
            f"`{step.name}` ends at {found}, and `{name}` is {declared}",
            Label(call.span),
            secondary,
            help=f"declare `{name}` as the steps give it",
        )


def _becomes(found: DType, declared: DType) -> bool:
    """Whether values are cast without loss of their kind: indices to floats are, floats to
    indices are not."""
    if found is DType.STRING or declared is DType.STRING:
        return found is declared
    if found.is_float:
        return declared.is_float
    return declared is not DType.BOOL or found is DType.BOOL


def _kind(dtype: DType) -> str:
    if dtype is DType.STRING:
        return "texts"
    return "floats" if dtype.is_float else "flags" if dtype is DType.BOOL else "whole numbers"


def _fits(found: Shape, declared: Shape) -> bool:
    """Sizes that the data decides may be any."""
    return len(found) == len(declared) and all(
        a == b or not (isinstance(a, int) and isinstance(b, int))
        for a, b in zip(found, declared, strict=True)
    )


def _places(call: tree.Call) -> dict[str, tree.Expr]:
    return {a.name.text: a.value for a in call.arguments if a.name is not None}
