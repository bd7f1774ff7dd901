"""The syntax tree: what both surfaces, YAML and `.dlc`, are read into.

Spans and layout hints take no part in equality, so a `.dlc` file and its YAML twin
compare equal wherever they say the same thing. Whether a word is a number's name,
an enumeration's word or a text is not decided here: the place that wants it decides
(`semantics/resolve`), and can always get back to the raw text through the span.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.record import record
from dlc.compiler.source import Source, Span


@record
class Name:
    """An identifier where it is declared or called."""

    text: str
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


# ── expressions ──────────────────────────────────────────────────────────────


@record
class Number:
    """`12`, `0.5`, `1e-3`, `inf`. `value` keeps int and float apart."""

    value: int | float
    span: Span = field(compare=False, repr=False)


@record
class Text:
    """A quoted string, or a scalar read in a text place."""

    value: str
    span: Span = field(compare=False, repr=False)


@record
class Boolean:
    value: bool
    span: Span = field(compare=False, repr=False)


@record
class Null:
    span: Span = field(compare=False, repr=False)


@record
class Word:
    """A bare name, dotted or not: `width`, `tok.weight`, `fan_out`, `N`."""

    parts: tuple[str, ...]
    span: Span = field(compare=False, repr=False)

    @property
    def text(self) -> str:
        return ".".join(self.parts)


@record
class Rest:
    """`...` in a shape: any leading dims."""

    span: Span = field(compare=False, repr=False)


@record
class Unary:
    operator: str  # "-", "+", "not"
    operand: Expr
    span: Span = field(compare=False, repr=False)


@record
class Binary:
    """Arithmetic `+ - * / // % ** @`, comparison `== != < <= > >=`, `and`, `or`."""

    operator: str
    left: Expr
    right: Expr
    span: Span = field(compare=False, repr=False)


@record
class Conditional:
    """`then if condition else otherwise`."""

    then: Expr
    condition: Expr
    otherwise: Expr
    span: Span = field(compare=False, repr=False)


@record
class Range:
    """`1..512`, `64..512 step 4`."""

    low: Expr
    high: Expr
    step: Expr | None
    span: Span = field(compare=False, repr=False)


@record
class ListExpr:
    items: tuple[Expr, ...]
    span: Span = field(compare=False, repr=False)


@record
class Argument:
    """One argument of a call; `name` is None where it is positional."""

    name: Name | None
    value: Expr
    span: Span = field(compare=False, repr=False)


@record
class Call:
    """`linear(10)`, `cross_entropy(logits, label)`; a bare `relu` as a layer is a call too."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span = field(compare=False, repr=False)


@record
class Entry:
    """`key: value` in a section. The key may be dotted (`optimizer.lr`) or quoted."""

    key: Name
    value: Expr
    span: Span = field(compare=False, repr=False)


@record
class Mapping:
    """A YAML mapping or a `.dlc` section in braces."""

    entries: tuple[Entry, ...]
    span: Span = field(compare=False, repr=False)


@record
class Unparsed:
    """A plain YAML scalar that is no expression. In a text place it is text;
    anywhere else `problem` is reported."""

    text: str
    problem: Diagnostic = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)


@record
class Missing:
    """What error recovery put where something was left out; already reported."""

    span: Span = field(compare=False, repr=False)


Expr: TypeAlias = (
    Number
    | Text
    | Boolean
    | Null
    | Word
    | Rest
    | Unary
    | Binary
    | Conditional
    | Range
    | ListExpr
    | Call
    | Mapping
    | Unparsed
    | Missing
)


# ── the network ──────────────────────────────────────────────────────────────


@record
class TypeExpr:
    """`float[N, 1, 28, 28]`; `dims` is None for a plain `int`."""

    dtype: Name
    dims: tuple[Expr, ...] | None
    span: Span = field(compare=False, repr=False)


@record
class Repeat:
    """`repeat 12 { }`, `repeat [2, 2] as i, depth { }`."""

    count: Expr
    variables: tuple[Name, ...]
    body: tuple[Step, ...]
    span: Span = field(compare=False, repr=False)


@record
class If:
    condition: Expr
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] | None
    span: Span = field(compare=False, repr=False)


@record
class Residual:
    """`residual { body } shortcut { … }`: body(x) + shortcut(x); no shortcut is the identity."""

    body: tuple[Step, ...]
    shortcut: tuple[Step, ...] | None
    span: Span = field(compare=False, repr=False)


Operation: TypeAlias = Call | Repeat | If | Residual


@record
class Step:
    """One application: what goes in, what is applied, what the result is called.

    `inputs` is None where the value comes from the step above. `operation` is None
    for a bare expression (`score = a + h`). A `.dlc` chain `h = x -> a -> b` is two
    steps, the second named; `chained` remembers that it stood after an arrow.
    """

    inputs: tuple[Expr, ...] | None
    operation: Operation | None
    names: tuple[Name, ...] = ()
    output: bool = False
    chained: bool = field(default=False, compare=False)
    span: Span = field(compare=False, repr=False, kw_only=True)


@record
class ParamDecl:
    """`p = 0.3`, `classes: int`, `width: int = 3`. `type` is one of int, float, bool, text."""

    name: Name
    type: Name | None
    default: Expr | None
    span: Span = field(compare=False, repr=False)


@record
class DimDecl:
    """`dim T = 1..512`, `dim H = 4 * h`."""

    name: Name
    value: Expr
    span: Span = field(compare=False, repr=False)


@record
class ImportDecl:
    path: Text
    names: tuple[Name, ...]
    span: Span = field(compare=False, repr=False)


@record
class ValueDecl:
    """An input or a target: `image: float[N, 1, 28, 28]`."""

    name: Name
    type: TypeExpr
    span: Span = field(compare=False, repr=False)


@record
class BlockDecl:
    """A block with no `inputs` takes one unnamed value."""

    name: Name
    params: tuple[ParamDecl, ...]
    inputs: tuple[ValueDecl, ...]
    body: tuple[Step, ...]
    span: Span = field(compare=False, repr=False)


@record
class ModelDecl:
    name: Name | None
    inputs: tuple[ValueDecl, ...]
    body: tuple[Step, ...]
    span: Span = field(compare=False, repr=False)


@record
class Comment:
    """`# text` with its place; `own_line` where nothing but white space stands before it."""

    text: str
    own_line: bool
    span: Span = field(compare=False, repr=False)


@record
class File:
    """A whole spec or a file of blocks. `settings` are the sections in the order written."""

    source: Source = field(compare=False, repr=False)
    version: Number | None
    params: tuple[ParamDecl, ...] = ()
    dims: tuple[DimDecl, ...] = ()
    imports: tuple[ImportDecl, ...] = ()
    blocks: tuple[BlockDecl, ...] = ()
    model: ModelDecl | None = None
    targets: tuple[ValueDecl, ...] = ()
    settings: tuple[Entry, ...] = ()
    comments: tuple[Comment, ...] = field(default=(), compare=False)
