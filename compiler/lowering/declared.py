"""Declared types: of a model's inputs and targets, and of a block's inputs."""

from __future__ import annotations

from dlc.compiler.diagnostics.model import DiagnosticError, Label
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.ir.dims import Answer, Dim, DimError, Poly, compare, symbol
from dlc.compiler.ir.types import SPEC_DTYPES, DType, TensorType
from dlc.compiler.semantics.evaluate import evaluate, show
from dlc.compiler.semantics.scope import Scope, error
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def dtype_of(name: tree.Name) -> DType:
    """The element type that a spec names. Raises `DiagnosticError` E0304."""
    found = SPEC_DTYPES.get(name.text)
    if found is None:
        _, help = did_you_mean(name.text, SPEC_DTYPES, "type")
        raise error(
            "E0304",
            f"`{name}` is not an element type",
            name.span,
            help=help or "types are `float`, `int`, `bool`, or a sized one such as `uint8`",
        )
    return found


def model_type(declared: tree.TypeExpr, scope: Scope) -> TensorType:
    """The type of a model's input or target. Upper-case names that nothing declares become
    free sizes, shared by all inputs. Raises `DiagnosticError`."""
    dtype = dtype_of(declared.dtype)
    if declared.dims is None:
        raise error(
            "E0401",
            f"`{declared.dtype}` says no shape",
            declared.span,
            help=f"write the sizes, batch first: `{declared.dtype}[N, 10]`",
        )
    shape: list[Dim] = []
    for expr in declared.dims:
        if isinstance(expr, tree.Rest):
            raise error("E0115", "`...` stands only in a block's inputs", expr.span)
        if isinstance(expr, tree.Word) and len(expr.parts) == 1:
            found, _ = scope.find(expr.text)
            if not found and expr.text.isupper():
                scope.names[expr.text] = symbol(expr.text)
        shape.append(size(expr, scope))
    return TensorType(dtype, tuple(shape))


def size(expr: tree.Expr, scope: Scope) -> Dim:
    """A size: a positive number or one over named sizes. Raises `DiagnosticError`."""
    found = evaluate(expr, scope)
    if isinstance(found, bool) or not isinstance(found, int | Poly):
        raise error("E0301", f"a size is a whole number, got {show(found)}", expr.span)
    if isinstance(found, int) and found < 1:
        raise error("E0302", f"a size is at least 1, got {show(found)}", expr.span)
    return found


def declare_dims(dims: tuple[tree.DimDecl, ...], scope: Scope) -> None:
    """Puts `dims:` into the scope: a range makes a free size, an expression derives one
    (`H = 4 * h` makes `h` free). Raises `DiagnosticError`."""
    for decl in dims:
        name = decl.name.text
        if isinstance(decl.value, tree.Range):
            scope.names[name] = _ranged(name, decl.value, scope)
            continue
        for word in _free_words(decl.value, scope):
            scope.names[word] = symbol(word)
        try:
            scope.names[name] = size(decl.value, scope)
        except DimError as problem:
            raise error("E0307", str(problem), decl.value.span) from None


def _ranged(name: str, expr: tree.Range, scope: Scope) -> Dim:
    ends: list[int] = []
    for part in (expr.low, expr.high, expr.step):
        found = 1 if part is None else evaluate(part, scope)
        if isinstance(found, bool) or not isinstance(found, int):
            assert part is not None
            raise error("E0310", f"a range wants whole numbers, got {show(found)}", part.span)
        ends.append(found)
    low, high, step = ends
    if low < 1 or high < low or step < 1:
        raise error(
            "E0310",
            f"the range {low}..{high}" + (f" step {step}" if step != 1 else "") + " holds nothing",
            expr.span,
            help="the lower end is at least 1 and at most the upper one",
        )
    if step == 1:
        return symbol(name, low, high)
    if low % step or high % step:
        raise error(
            "E0310",
            f"the ends of {low}..{high} are not multiples of the step {step}",
            expr.span,
            help=f"write `{-(-low // step) * step}..{high // step * step} step {step}`",
        )
    return symbol(f"{name}_{step}", low // step, high // step) * step


def _free_words(expr: tree.Expr, scope: Scope) -> list[str]:
    match expr:
        case tree.Word(parts=(name,)):
            return [] if scope.find(name)[0] else [name]
        case tree.Binary(left=left, right=right):
            return _free_words(left, scope) + _free_words(right, scope)
        case _:
            return []


def bind_block_input(decl: tree.ValueDecl, actual: TensorType, scope: Scope, call: Span) -> None:
    """Matches what flows into a block with the declared type, and binds the dims that it
    names (`C`, `H`) to the actual sizes. Raises `DiagnosticError` with both places."""
    declared = decl.type
    dtype = dtype_of(declared.dtype)
    where = (Label(decl.span, f"declared `{declared.span.text}` here"),)
    if dtype is not actual.dtype:
        raise error(
            "E0406",
            f"`{decl.name}` takes {dtype.spec_name}, got {actual}",
            call,
            secondary=where,
        )
    if declared.dims is None:
        return
    dims, shape = list(declared.dims), list(actual.shape)
    if any(isinstance(d, tree.Rest) for d in dims):
        if not isinstance(dims[0], tree.Rest):
            raise error("E0115", "`...` stands first in a shape", declared.span)
        dims = dims[1:]
        if len(shape) < len(dims):
            raise _wrong_rank(decl, actual, call, where)
        shape = shape[len(shape) - len(dims) :]
    elif len(dims) != len(shape):
        raise _wrong_rank(decl, actual, call, where)
    for axis, (expr, found) in enumerate(zip(dims, shape, strict=True)):
        if isinstance(expr, tree.Word) and expr.text.isupper() and not scope.find(expr.text)[0]:
            scope.names[expr.text] = found
            continue
        wanted = size(expr, scope)
        answer = compare(wanted, found)
        if answer is Answer.EQUAL:
            continue
        different = answer is Answer.DIFFERENT
        raise error(
            "E0402" if different else "E0407",
            f"`{decl.name}` wants size {wanted} at dim {axis}, got {actual}",
            call,
            secondary=where,
            help=None
            if different
            else f"declare the range of the size in `dims`, or `{expr.span.text}` otherwise",
        )


def _wrong_rank(
    decl: tree.ValueDecl, actual: TensorType, call: Span, where: tuple[Label, ...]
) -> DiagnosticError:
    return error(
        "E0401",
        f"`{decl.name}` has {len(decl.type.dims or ())} dims, got {actual}",
        call,
        secondary=where,
    )
