"""`dlc explain`: the page of a code, a lint or a component."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, Final

from dlc.compiler.cli.output import FINDINGS, USAGE, CommandError, add_common, report, wants_color
from dlc.compiler.components.base import ArgumentSpec, Component, arguments, page, summary
from dlc.compiler.components.plugins import BrokenPlugin
from dlc.compiler.components.registry import PACKAGES, all_names, has, kinds_of, load, package
from dlc.compiler.diagnostics.catalog import BY_NAME, code
from dlc.compiler.diagnostics.model import Code, Diagnostic
from dlc.compiler.diagnostics.pages import find_code, read_page
from dlc.compiler.diagnostics.render.display import visible
from dlc.compiler.diagnostics.suggest import did_you_mean
from dlc.compiler.ops.base import Op, Port

_BOLD: Final = "\x1b[1m"
_RESET: Final = "\x1b[0m"
_WIDTH: Final = 88
_WIDE: Final = 140

# Said of a kind in a title: "adamw, an optimizer".
_NOUNS: Final = {
    "op": "a layer",
    "source": "a data source",
    "preprocess": "a preprocess step",
    "postprocess": "a postprocess step",
    "average": "a way to average weights",
    "distribution": "a search distribution",
    "interval": "an interval",
    "section": "a section",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc explain E0402            the page of an error
         dlc explain linear           each layer, schedule, ... so named
         dlc explain schedule:linear  one of them
         dlc explain unused-value     a lint, by its name"""
    parser.add_argument("word", metavar="WORD", help="a code, a name, or KIND:NAME")
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    word: str = arguments.word
    bold = arguments.format == "text" and wants_color(arguments.color, sys.stdout)
    found = find_code(word)
    if found is not None:
        return report((), arguments, "explain", _code_object(found), answer=_code_text(found, bold))
    components = _components(word)
    return report(
        (),
        arguments,
        "explain",
        {"kind": "component", "components": [_component_object(c) for c in components]},
        answer="\n\n".join(_component_text(c, bold) for c in components),
    )


# ── codes ────────────────────────────────────────────────────────────────────


def _code_object(found: Code) -> dict[str, Any]:
    return {
        "kind": "code",
        "code": found.number,
        "name": found.name,
        "severity": found.severity.value,
        "summary": found.summary,
        "page": read_page(found.number).text,
    }


def _code_text(found: Code, bold: bool) -> str:
    title = _strong(f"{found.severity.value}[{found.number}]: {found.name}", bold)
    return f"{title}\n\n{read_page(found.number).plain}"


# ── components ───────────────────────────────────────────────────────────────


def _components(word: str) -> list[type[Component]]:
    """The components that `name` or `kind:name` names; CommandError where there are none."""
    kind, colon, name = word.partition(":")
    if colon and kind not in PACKAGES:
        hint = did_you_mean(kind, PACKAGES, "kind").reason
        raise _unknown(f"no kind of component is called `{visible(kind)}`", hint or _kinds_help())
    kinds = (kind,) if colon else kinds_of(word)
    if colon:
        if not has(kind, name):
            hint = did_you_mean(name, all_names(kind), kind).reason
            raise _unknown(
                f"no {kind} is called `{visible(name)}`",
                hint or f"`dlc ops --kind {kind}` lists them",
            )
        return [_load(kind, name)]
    if not kinds:
        raise _unknown(f"there is nothing called `{visible(word)}`", _nearest(word))
    return [_load(kind, word) for kind in kinds]


def _load(kind: str, name: str) -> type[Component]:
    try:
        return load(kind, name)
    except BrokenPlugin as problem:
        help = "mend, upgrade or uninstall the package"
        raise CommandError(
            Diagnostic(code("E0217"), str(problem), help=help), status=FINDINGS
        ) from problem


def _nearest(word: str) -> str:
    """The best advice over all kinds, layers first."""
    for kind in PACKAGES:
        found = did_you_mean(word, all_names(kind), kind)
        if found.word:
            return found.reason
    return did_you_mean(word, BY_NAME, "code").reason or "`dlc ops` lists every component"


def _kinds_help() -> str:
    return "the kinds are " + ", ".join(f"`{kind}`" for kind in PACKAGES)


def _unknown(message: str, help: str) -> CommandError:
    return CommandError(Diagnostic(code("E0210"), message, help=help), status=USAGE)


def _component_object(component: type[Component]) -> dict[str, Any]:
    return {
        "kind": component.kind,
        "name": component.name,
        "summary": summary(component),
        "page": page(component),
        "available": component.available,
        "package": package(component),
        "ports": [
            {"name": port.name, "optional": port.optional, "doc": port.doc}
            for port in _ports(component)
        ],
        "arguments": [
            {
                "name": spec.name,
                "type": spec.type.describe(),
                "required": spec.required,
                **({} if spec.required else {"default": _plain(spec.default)}),
                "positional": spec.positional,
                "doc": spec.doc,
            }
            for spec in arguments(component).values()
        ],
    }


def _component_text(component: type[Component], bold: bool) -> str:
    noun = _NOUNS.get(component.kind) or _with_article(component.kind)
    parts = [_strong(f"{component.name}, {noun}", bold), _page_without_arguments(component)]
    ports = _ports(component)
    if len(ports) > 1:
        parts.append("\n".join(["Inputs:", *(_port_text(i, p) for i, p in enumerate(ports))]))
    table = arguments(component)
    if table:
        title = "Keys:" if component.kind == "section" else "Arguments:"
        parts.append("\n".join([title, *_table(table, component.kind), *_shared(component)]))
    if origin := package(component):
        parts.append(f"From the package {origin}.")
    if not component.available:
        parts.append(f"Not run by this version: {component.available_note}")
    return "\n\n".join(part for part in parts if part)


def _page_without_arguments(component: type[Component]) -> str:
    """The manual page but for its list of arguments, which the table tells with types."""
    return re.sub(
        r"^Arguments:\n(?:[ ]+\S.*\n?|\s*\n)+", "", page(component) + "\n", flags=re.M
    ).strip()


def _ports(component: type[Component]) -> tuple[Port, ...]:
    return component.ports if issubclass(component, Op) else ()


def _port_text(index: int, port: Port) -> str:
    # The first value stands left of the arrow; the others are given by name.
    head = port.name if index == 0 else f"{port.name}="
    doc = port.doc or "the value that flows in"
    return f"  {head:<18} {doc}{', optional' if port.optional else ''}"


def _shared(component: type[Component]) -> list[str]:
    names = component.shareable if issubclass(component, Op) else ()
    return [
        f"  {name + '=':<18} a parameter of another layer, used in place of its own"
        for name in names
    ]


def _table(table: dict[str, ArgumentSpec], kind: str) -> list[str]:
    lines = []
    for spec in table.values():
        head = spec.name if spec.positional or kind == "section" else f"{spec.name}="
        facts = spec.type.describe()
        facts += ", required" if spec.required else f", default {_shown(spec.default)}"
        # The facts stay in one line where a wide terminal takes them.
        first, *more = _wrapped(facts, _WIDE - 21)
        lines.append(f"  {head:<18} {first}")
        lines += [f"  {'':<18} {line}" for line in more]
        lines += [f"  {'':<18} {line}" for line in _wrapped(spec.doc, _WIDTH - 21)]
    return lines


def _wrapped(text: str, room: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _shown(value: Any) -> str:
    """A default as one would write it in a spec."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, Component):
        given = ", ".join(
            f"{spec.name}={_shown(getattr(value, spec.field))}"
            for spec in arguments(type(value)).values()
            if getattr(value, spec.field) != spec.default
        )
        if value.kind == "section":
            return "its defaults"
        return f"{value.name}({given})" if given else value.name
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return _shown(value)


def _with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _strong(text: str, bold: bool) -> str:
    return f"{_BOLD}{text}{_RESET}" if bold else text
