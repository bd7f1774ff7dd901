"""`dlc ops`: every name that a spec can use."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from dlc.compiler.cli.output import add_common, report, wants_color
from dlc.compiler.components.base import Component, summary
from dlc.compiler.components.plugins import BrokenPlugin
from dlc.compiler.components.registry import PACKAGES, all_names, load, package
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic

_BOLD: Final = "\x1b[1m"
_RESET: Final = "\x1b[0m"

_TITLES: Final = {
    "op": "layers",
    "preprocess": "preprocess steps",
    "postprocess": "postprocess steps",
    "source": "data sources",
    "loss": "losses",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc ops                    all layers, losses, optimizers, ...
         dlc ops --kind schedule    one kind
         dlc explain cosine         the page of one"""
    parser.add_argument(
        "--kind",
        choices=tuple(PACKAGES),
        metavar="KIND",
        help=", ".join(PACKAGES),
    )
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    kinds = (arguments.kind,) if arguments.kind else tuple(PACKAGES)
    found: dict[str, list[type[Component]]] = {}
    broken: list[Diagnostic] = []
    for kind in kinds:
        found[kind] = []
        for name in all_names(kind):
            try:
                found[kind].append(load(kind, name))
            except BrokenPlugin as problem:
                broken.append(Diagnostic(code("E0217"), str(problem)))
    bold = arguments.format == "text" and wants_color(arguments.color, sys.stdout)
    listed = {"components": [_object(kind, c) for kind in kinds for c in found[kind]]}
    answer = "\n\n".join(_text(kind, found[kind], bold) for kind in kinds)
    return report(tuple(broken), arguments, "ops", listed, answer=answer)


def _object(kind: str, component: type[Component]) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": component.name,
        "summary": summary(component),
        "runs": component.available,
        "note": component.available_note or None,
        "package": package(component),
    }


def _text(kind: str, components: list[type[Component]], bold: bool) -> str:
    title = _TITLES.get(kind, kind + "s")
    width = max((len(component.name) for component in components), default=0)
    lines = [f"{_BOLD}{title}{_RESET}" if bold else title]
    for component in components:
        note = "" if component.available else " (not run yet)"
        if origin := package(component):
            note += f" (from {origin})"
        lines.append(f"  {component.name:{width}}  {summary(component)}{note}")
    return "\n".join(lines)
