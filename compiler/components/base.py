"""What every named thing in a spec is.

An op, a loss, an optimizer, a section: each is a frozen, keyword-only dataclass in a
file of its own. The file, the class and the spec name agree (`conv2d.py`, `Conv2d`,
`conv2d`). Fields are arguments, in positional order; the docstring is the manual page:

    One line that says what it is.

        an example, indented

    What it does, formulas, limits.

    Arguments:
        out_channels: the number of filters
        kernel_size: the side of the window, in pixels

    Source: the paper.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from dataclasses import field
from typing import Any, ClassVar

from dlc.compiler.components.arguments import ArgumentType, from_annotation
from dlc.compiler.record import component, record

MISSING: Any = dataclasses.MISSING
_KEYWORD = "dlc.keyword"


def keyword(default: Any) -> Any:
    """A field that is given by name only and takes no positional place."""
    return field(default=default, metadata={_KEYWORD: True})


@record
class ArgumentSpec:
    """One argument of a component. `default` is MISSING where it is required; `field` is the
    name in Python, which ends in `_` where the name is a keyword there (`from_`)."""

    name: str
    type: ArgumentType
    default: Any
    positional: bool
    doc: str
    field: str

    @property
    def required(self) -> bool:
        return self.default is MISSING


@component
class Component:
    """The base of everything that a spec can name.

    `kind` is the place it may stand in; `name` its spec name. `variadic` names the
    field that takes all positional arguments as one list (`shape(N, 64)`). `available`
    is False where this version declares and checks the component but does not run it;
    `available_note` then says what to do meanwhile.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    variadic: ClassVar[str | None] = None
    available: ClassVar[bool] = True
    available_note: ClassVar[str] = ""

    def validate(self) -> None:
        """Checks that span several arguments. Raise `ComponentError` naming one of them."""


class ComponentError(ValueError):
    """Arguments that do not fit together: a catalogued code, the argument to blame."""

    def __init__(
        self, code: str, message: str, *, blame: str | None = None, help: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.blame = blame
        self.help = help


_ARGUMENTS: dict[Any, dict[str, ArgumentSpec]] = {}


def arguments(component: type[Component]) -> dict[str, ArgumentSpec]:
    """The arguments of a component class by name, in positional order."""
    table = _ARGUMENTS.get(component)
    if table is None:
        table = _ARGUMENTS[component] = _read_arguments(component)
    return table


def _read_arguments(component: type[Component]) -> dict[str, ArgumentSpec]:
    hints = typing.get_type_hints(component, include_extras=True)
    docs = argument_docs(component)
    table: dict[str, ArgumentSpec] = {}
    for f in dataclasses.fields(component):
        default = f.default
        if f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        name = f.name.removesuffix("_")
        table[name] = ArgumentSpec(
            name=name,
            type=from_annotation(hints[f.name]),
            default=default,
            positional=_KEYWORD not in f.metadata,
            doc=docs.get(name, ""),
            field=f.name,
        )
    # What takes no positional place comes last, whatever class declares it.
    return dict(sorted(table.items(), key=lambda item: not item[1].positional))


def argument_docs(component: type[Component]) -> dict[str, str]:
    """The `Arguments:` part of the manual pages of a class and its bases."""
    docs: dict[str, str] = {}
    for cls in reversed(component.__mro__):
        # Not inspect.getdoc: importing inspect costs more than a whole check of a small spec.
        text = cls.__dict__.get("__doc__") or ""
        match = re.search(r"^( *)Arguments:\n((?:\1 +\S.*\n?|\s*\n)+)", text + "\n", re.MULTILINE)
        if not match:
            continue
        current = ""
        for line in match.group(2).splitlines():
            item = re.match(r"\s+(\w+): (.*)", line)
            if item:
                current = item.group(1)
                docs[current] = item.group(2).strip()
            elif current and line.strip():
                docs[current] += " " + line.strip()
    return docs


def page(component: type[Component]) -> str:
    """The manual page: the docstring with its indentation taken away."""
    lines = (component.__doc__ or "").expandtabs().splitlines()
    if not lines:
        return ""
    rest = [line for line in lines[1:] if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in rest), default=0)
    return "\n".join([lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])]).strip()


def summary(component: type[Component]) -> str:
    """The first line of the manual page."""
    return page(component).partition("\n")[0]
