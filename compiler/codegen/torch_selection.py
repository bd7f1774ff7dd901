"""Lists of parameters in generated code, by the simplest condition that tells them apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.layout import INDENT, WIDTH
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Parameter, Program
from dlc.compiler.record import record

# A set of names that is shorter than this stands in its condition.
_SHORT = 60

_Holds = Callable[[str, Parameter], bool]


@record
class _Condition:
    """On a parameter called `p` (and `name`): as text, and what it says."""

    text: str
    holds: _Holds


# From the most readable on.
_PLAIN: tuple[tuple[_Condition, _Condition], ...] = (
    (
        _Condition("p.ndim < 2", lambda _, p: len(p.shape) < 2),
        _Condition("p.ndim >= 2", lambda _, p: len(p.shape) >= 2),
    ),
    (
        _Condition('name.endswith("bias")', lambda name, _: name.endswith("bias")),
        _Condition('not name.endswith("bias")', lambda name, _: not name.endswith("bias")),
    ),
    (
        _Condition('"bias" in name', lambda name, _: "bias" in name),
        _Condition('"bias" not in name', lambda name, _: "bias" not in name),
    ),
)


class Selector:
    """Writes lists of the trainable parameters of a program.

    `prefixes` are names, as in the spec, that the lists are likely to be told apart by. A
    list that no condition describes is written by its names, in a constant at the top of the
    module: `constants` holds their lines.
    """

    def __init__(self, program: Program, prefixes: Iterable[str] = ()) -> None:
        self.every = [
            (identifiers.module_path(path), p) for path, p in program.parameters() if p.trainable
        ]
        self.constants: list[str] = []
        self._conditions = [*itertools.chain(*_PLAIN), *_by_prefix(prefixes)]

    def names(self, *roles: str) -> list[str]:
        """The parameters of some roles, by their names in the module."""
        return [name for name, p in self.every if p.role in roles]

    def lines(
        self, before: str, names: Collection[str], constant: str, after: str = "", depth: int = 1
    ) -> Iterator[str]:
        """The list of these parameters of `model`, between two texts: `weights = [...]`.
        `constant` is what a set of names would be called."""
        pad = " " * (INDENT * depth)
        condition = self._condition(set(names), constant)
        if not condition:
            yield f"{pad}{before}list(model.parameters()){after}"
            return
        source = "for p in model.parameters()"
        if "name" in condition:
            source = "for name, p in model.named_parameters()"
        line = f"{pad}{before}[p {source} if {condition}]{after}"
        if len(line) <= WIDTH:
            yield line
            return
        inner = pad + " " * INDENT
        whole = f"{inner}p {source} if {condition}"
        yield f"{pad}{before}["
        if len(whole) <= WIDTH:
            yield whole
        else:
            yield from (f"{inner}{text}" for text in ("p", source, f"if {condition}"))
        yield f"{pad}]{after}"

    def _condition(self, wanted: set[str], constant: str) -> str:
        if len(wanted) == len(self.every):
            return ""
        meant = {
            c.text: {name for name, p in self.every if c.holds(name, p)} for c in self._conditions
        }
        for text, names in meant.items():
            if names == wanted:
                return text
        for (one, left), (other, right) in itertools.combinations(meant.items(), 2):
            if left & right == wanted:
                return f"{one} and {other}"
        rest = {name for name, _ in self.every} - wanted
        outside = len(rest) < len(wanted)
        meant_by_name = rest if outside else wanted
        listed = tuple(name for name, _ in self.every if name in meant_by_name)
        if len(listed) == 1:
            return f"name {'!=' if outside else '=='} {literal(listed[0])}"
        inline = f"name {'not in' if outside else 'in'} {literal(listed)}"
        if len(inline) <= _SHORT:
            return inline
        name = f"NOT_{constant}" if outside else constant
        if f"{name} = {{" not in self.constants:
            lines = [f"    {literal(item)}," for item in listed]
            self.constants += [f"{name} = {{", *lines, "}", "", ""]
        return f"name not in {name}" if outside else f"name in {name}"


def _by_prefix(prefixes: Iterable[str]) -> Iterator[_Condition]:
    plain = [identifiers.module_path(f"{prefix}.") for prefix in prefixes if "*" not in prefix]
    texts = list(dict.fromkeys(plain))
    for prefix in texts:
        yield from _starting((prefix,), literal(prefix))
    if len(texts) > 1:
        yield from _starting(tuple(texts), literal(tuple(texts)))


def _starting(prefixes: tuple[str, ...], text: str) -> Iterator[_Condition]:
    yield _Condition(f"name.startswith({text})", lambda name, _: name.startswith(prefixes))
    yield _Condition(f"not name.startswith({text})", lambda name, _: not name.startswith(prefixes))
