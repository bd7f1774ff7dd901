"""Submodules of a class by the names of their nodes, those of repeats in lists."""

from __future__ import annotations

from dataclasses import dataclass, field

from dlc.compiler.codegen import identifiers
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError


def split_name(name: str) -> tuple[str, tuple[int, ...]]:
    """`conv2d.0.3` is the stem `conv2d` in the turns 0 and 3."""
    stem, *turns = name.split(".")
    return stem, tuple(int(turn) for turn in turns)


@dataclass(slots=True)
class Container:
    """What an attribute holds: one submodule (`leaf` is the place of its node), or the
    submodules of a repeat's turns."""

    leaf: int | None = None
    turns: dict[int, Container] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether no turn is missing, so that a ModuleList gives the same names."""
        return list(self.turns) == list(range(len(self.turns)))

    def key(self, turn: int) -> str:
        return f"[{turn}]" if self.is_list else f'["{turn}"]'


def containers(nodes: list[tuple[int, str]]) -> dict[str, Container]:
    """The attributes of a class, from the places and names of the nodes that have a
    submodule. Raises `DiagnosticError` E0501 where two nodes want one attribute."""
    table: dict[str, Container] = {}
    for place, name in nodes:
        stem, turns = split_name(name)
        here = table.setdefault(identifiers.attribute(stem), Container())
        for turn in turns:
            if here.leaf is not None:
                raise _collision(name)
            here = here.turns.setdefault(turn, Container())
        if here.leaf is not None or here.turns:
            raise _collision(name)
        here.leaf = place
    return table


def _collision(name: str) -> DiagnosticError:
    return DiagnosticError(
        Diagnostic(
            code("E0501"),
            f"two layers would be called `{name}`",
            help="give one of them a name of its own: `h = ...`",
        )
    )


def access(table: dict[str, Container], name: str) -> str:
    """The expression for the submodule of a node: `self.conv2d[3]`."""
    stem, turns = split_name(name)
    attribute = identifiers.attribute(stem)
    text, here = f"self.{attribute}", table[attribute]
    for turn in turns:
        text += here.key(turn)
        here = here.turns[turn]
    return text
