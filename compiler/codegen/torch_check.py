"""Looks at generated source before anybody runs it.

Names and values of a spec are written so that they cannot be code. This is the second
lock: the text is parsed again, and holds nothing but what the generator and the ops write.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError

_IMPORTS = frozenset(
    {
        "from __future__ import annotations",
        "import math",
        "import torch",
        "import torch.nn.functional as F",
        "from torch import Tensor, nn",
        "from torch.nn.utils.parametrizations import spectral_norm",
        "from torch.nn.utils.parametrizations import spectral_norm, weight_norm",
        "from torch.nn.utils.parametrizations import weight_norm",
    }
)

_NODES: frozenset[type[ast.AST]] = frozenset(
    {
        # statements
        *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef),
        *(ast.arguments, ast.arg, ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign),
        *(ast.Return, ast.For, ast.If, ast.Raise, ast.Assert, ast.Pass, ast.With, ast.withitem),
        # expressions
        *(ast.Call, ast.keyword, ast.Attribute, ast.Name, ast.Constant, ast.Subscript, ast.Slice),
        *(ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Starred, ast.IfExp, ast.Compare, ast.BoolOp),
        *(ast.BinOp, ast.UnaryOp, ast.GeneratorExp, ast.ListComp, ast.comprehension),
        *(ast.JoinedStr, ast.FormattedValue, ast.Load, ast.Store),
        # operators
        *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult),
        *(ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift),
        *(ast.USub, ast.UAdd, ast.Not, ast.Invert, ast.And, ast.Or),
        *(
            ast.Eq,
            ast.NotEq,
            ast.Lt,
            ast.LtE,
            ast.Gt,
            ast.GtE,
            ast.Is,
            ast.IsNot,
            ast.In,
            ast.NotIn,
        ),
    }
)

_BUILTINS = frozenset(
    {
        *("abs", "all", "any", "bool", "dict", "enumerate", "float", "int", "isinstance", "len"),
        *("list", "max", "min", "object", "range", "reversed", "round", "set", "sorted", "str"),
        *("sum", "super", "tuple", "zip", "ValueError", "RuntimeError"),
    }
)

# What of torch reads or writes files, loads code, or reaches other processes.
_FORBIDDEN = frozenset(
    {
        *("load", "save", "hub", "jit", "package", "serialization", "ops", "classes", "library"),
        *(
            "utils",
            "multiprocessing",
            "distributed",
            "compiler",
            "onnx",
            "export",
            "fx",
            "from_file",
        ),
        *("compile", "storage", "sys", "os"),
    }
)
_DECORATORS = frozenset({"torch.no_grad()", "property", "staticmethod"})
_MODULES = frozenset({"torch", "nn", "F", "math"})
_BASES = ("nn.", "torch.optim.Optimizer")


def check_source(source: str) -> None:
    """Raises `DiagnosticError` E0901 where the source holds anything that no generator
    writes: that is a mistake of ours, and the module must not be run."""
    problem = next(_problems(source), None)
    if problem is not None:
        raise DiagnosticError(
            Diagnostic(
                code("E0901"),
                f"the generated module holds {problem}, which the generator does not write",
                help="please report this, with the spec; where a package brings the op, to its "
                "authors",
            )
        )


def _problems(source: str) -> Iterator[str]:
    if not _PRINTABLE.match(source):
        yield "a character outside of printable ASCII"
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as problem:
        yield f"what Python cannot read ({problem})"
        return
    nodes = list(ast.walk(tree))
    known = _bound(nodes) | _BUILTINS
    for node in nodes:
        kind = type(node)
        if kind not in _NODES:
            yield f"a {kind.__name__}"
        elif kind in _EXAMINED:
            yield from _node(node, known)
    for statement in tree.body:
        if not isinstance(
            statement,
            ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.Assign,
        ) and not _is_text(statement):
            yield f"a {type(statement).__name__} outside of functions"


_PRINTABLE = re.compile(r"[\n -~]*\Z")
_EXAMINED = frozenset(
    {
        ast.Import,
        ast.ImportFrom,
        ast.Name,
        ast.Attribute,
        ast.Constant,
        ast.FunctionDef,
        ast.ClassDef,
    }
)


def _bound(nodes: list[ast.AST]) -> set[str]:
    """Every name that the module gives a meaning to."""
    names = {"torch", "math", "F", "Tensor", "nn"}
    for node in nodes:
        kind = type(node)
        if kind is ast.Name:
            assert isinstance(node, ast.Name)
            if type(node.ctx) is ast.Store:
                names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def _node(node: ast.AST, known: set[str]) -> Iterator[str]:
    match node:
        case ast.Name():
            if node.id not in known:
                yield f"the name `{node.id}`"
        case ast.Attribute():
            yield from _attribute(node)
        case ast.Constant():
            if isinstance(node.value, bytes | complex):
                yield f"a constant of type {type(node.value).__name__}"
        case ast.Import() | ast.ImportFrom():
            if ast.unparse(node) not in _IMPORTS:
                yield f"`{ast.unparse(node)}`"
        case ast.FunctionDef() | ast.ClassDef():
            yield from _definition(node)


def _attribute(node: ast.Attribute) -> Iterator[str]:
    name, value = node.attr, node.value
    if name.startswith("__"):
        of_super = isinstance(value, ast.Call) and ast.unparse(value) == "super()"
        if not (of_super and name == "__init__"):
            yield f"the attribute `{name}`"
    elif name.startswith("_") and not (isinstance(value, ast.Name) and value.id == "self"):
        yield f"the attribute `{name}`"
    if isinstance(value, ast.Name) and value.id in _MODULES and name in _FORBIDDEN:
        # nn.utils.rnn packs sequences; torch.utils loads code.
        allowed = value.id == "nn" and name == "utils"
        yield from () if allowed else (f"`{value.id}.{name}`",)


def _definition(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if ast.unparse(decorator) not in _DECORATORS:
            yield f"the decorator `{ast.unparse(decorator)}`"
    if isinstance(node, ast.ClassDef):
        bases = [ast.unparse(base) for base in node.bases]
        if node.keywords or len(bases) != 1 or not bases[0].startswith(_BASES):
            yield f"a class `{node.name}` that is no module"
    elif node.name.startswith("__") and node.name != "__init__":
        yield f"the method `{node.name}`"


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
