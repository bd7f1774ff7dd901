"""Trees for hypothesis: every construct of the language, spelled by no text.

They are canonical: what the parser would fold (`-` before a plain number) is folded, and
there is nothing in them that only one surface can say.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dlc.compiler.source import Source
from dlc.compiler.syntax import tree

NOWHERE = Source("generated", "")
SPAN = NOWHERE.span(0)

_PLAIN = ("a", "b2", "width", "tok", "N", "ConvBn", "_x", "lr", "x_1")
# Words of the language that are ordinary names in these places.
_CONTEXTUAL = ("step", "from", "target", "dim", "as", "param", "model", "import", "shortcut")

names = st.sampled_from(_PLAIN).map(lambda text: tree.Name(text, SPAN))
loose_names = st.sampled_from(_PLAIN + _CONTEXTUAL).map(lambda text: tree.Name(text, SPAN))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.one_of(
    st.sampled_from([*_PLAIN, *_CONTEXTUAL, "optimizer.lr", "layers.*.attn", "5", "a: b", "true"]),
    texts.filter(bool),
)


def _number(value: float) -> tree.Number:
    return tree.Number(value, SPAN)


numbers = st.one_of(
    st.integers(-(2**53), 2**53).map(_number),
    st.floats(allow_nan=False).map(_number),
)
words = st.lists(st.sampled_from(_PLAIN), min_size=1, max_size=3).map(
    lambda parts: tree.Word(tuple(parts), SPAN)
)
atoms = st.one_of(
    numbers,
    words,
    texts.map(lambda text: tree.Text(text, SPAN)),
    st.booleans().map(lambda value: tree.Boolean(value, SPAN)),
    st.just(tree.Null(SPAN)),
    st.just(tree.Rest(SPAN)),
)
_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "==", "!=", "<", "<=", ">", ">=")


def _unary(operator: str, operand: tree.Expr) -> tree.Expr:
    plain = isinstance(operand, tree.Number) and not str(operand.value).startswith("-")
    return operand if plain and operator == "-" else tree.Unary(operator, operand, SPAN)


def _tuples(inner: st.SearchStrategy[Any], **sizes: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(inner, **sizes).map(tuple)


def _arguments(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    argument = st.builds(tree.Argument, st.none() | loose_names, values, st.just(SPAN))
    return _tuples(argument, max_size=3)


def _entries(values: st.SearchStrategy[Any], key: Any = keys) -> st.SearchStrategy[tuple[Any, ...]]:
    named = key.map(lambda text: tree.Name(text, SPAN))
    entry = st.builds(tree.Entry, named, values, st.just(SPAN))
    return st.lists(entry, max_size=3, unique_by=lambda e: e.key.text).map(tuple)


def _compound(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    here = st.just(SPAN)
    return st.one_of(
        st.builds(_unary, st.sampled_from(["-", "+", "not"]), values),
        st.builds(tree.Binary, st.sampled_from((*_OPERATORS, "and", "or")), values, values, here),
        st.builds(tree.Conditional, values, values, values, here),
        st.builds(tree.ListExpr, _tuples(values, max_size=3), here),
        st.builds(tree.Call, names, _arguments(values), here),
        st.builds(tree.Mapping, _entries(values), here),
    )


expressions = st.recursive(atoms, _compound, max_leaves=8)
# What can flow into a layer, be counted or be asked.
operands = expressions.filter(
    lambda e: not isinstance(e, tree.Text | tree.Null | tree.Mapping | tree.ListExpr)
)


def _step(
    inputs: tuple[tree.Expr, ...] | None,
    operation: tree.Operation | None,
    result: tuple[tree.Name, ...],
    output: bool,
    chained: bool,
) -> tree.Step:
    if operation is None and inputs is None:
        operation = tree.Call(tree.Name("relu", SPAN), (), SPAN)
    return tree.Step(inputs, operation, result, output and bool(result), chained, span=SPAN)


def _steps(depth: int) -> st.SearchStrategy[tuple[Any, ...]]:
    here = st.just(SPAN)
    calls = st.builds(tree.Call, names, _arguments(expressions), here)
    operations: st.SearchStrategy[Any] = st.none() | calls
    if depth:
        body = _steps(depth - 1)
        counts = operands | st.builds(tree.ListExpr, _tuples(expressions, max_size=3), here)
        operations = st.one_of(
            operations,
            st.builds(tree.Repeat, counts, _tuples(names, max_size=2), body, here),
            st.builds(tree.If, operands, body, st.none() | body, here),
            st.builds(tree.Residual, body, st.none() | body, here),
        )
    inputs = st.none() | _tuples(operands, min_size=1, max_size=3)
    step = st.builds(
        _step, inputs, operations, _tuples(names, max_size=2), st.booleans(), st.booleans()
    )
    return _tuples(step, max_size=3)


types = st.builds(
    tree.TypeExpr,
    st.sampled_from(["float", "int", "bool", "float16"]).map(lambda t: tree.Name(t, SPAN)),
    st.none() | _tuples(expressions, max_size=3),
    st.just(SPAN),
)


def _params() -> st.SearchStrategy[tuple[Any, ...]]:
    kind = st.sampled_from(["int", "float", "bool", "text"]).map(lambda t: tree.Name(t, SPAN))
    param = st.builds(
        tree.ParamDecl, names, st.none() | kind, st.none() | expressions, st.just(SPAN)
    )
    stated = param.filter(lambda p: p.type is not None or p.default is not None)
    return st.lists(stated, max_size=3, unique_by=lambda p: p.name.text).map(tuple)


def _values() -> st.SearchStrategy[tuple[Any, ...]]:
    value = st.builds(tree.ValueDecl, names, types, st.just(SPAN))
    return st.lists(value, max_size=2, unique_by=lambda v: v.name.text).map(tuple)


_bounds = st.recursive(
    numbers | words,
    lambda inner: st.builds(
        tree.Binary, st.sampled_from(["*", "+", "//"]), inner, inner, st.just(SPAN)
    ),
    max_leaves=3,
)
_ranges = st.builds(tree.Range, _bounds, _bounds, st.none() | _bounds, st.just(SPAN))
_SECTIONS = frozenset(
    {"dlc", "name", "params", "dims", "import", "blocks", "inputs", "layers", "targets"}
)
files = st.builds(
    tree.File,
    source=st.just(NOWHERE),
    version=st.just(_number(1)),
    params=_params(),
    dims=st.lists(
        st.builds(tree.DimDecl, names, operands | _ranges, st.just(SPAN)),
        max_size=2,
        unique_by=lambda d: d.name.text,
    ).map(tuple),
    imports=st.lists(
        st.builds(
            tree.ImportDecl,
            texts.filter(bool).map(lambda text: tree.Text(text, SPAN)),
            _tuples(names, min_size=1, max_size=2),
            st.just(SPAN),
        ),
        max_size=2,
        unique_by=lambda i: i.path.value,
    ).map(tuple),
    blocks=st.lists(
        st.builds(tree.BlockDecl, names, _params(), _values(), _steps(1), st.just(SPAN)),
        max_size=2,
        unique_by=lambda b: b.name.text,
    ).map(tuple),
    model=st.none()
    | st.builds(tree.ModelDecl, st.none() | names, _values(), _steps(2), st.just(SPAN)),
    targets=_values(),
    settings=_entries(expressions, keys.filter(lambda text: text not in _SECTIONS)),
)
