"""`dlc tune-advice`: which hyper-parameter to try first, on which scale, and why."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator

from dlc.compiler.analysis.tune_advice import (
    Advice,
    Parameter,
    advice,
    factors,
    part_of,
    search_section,
)
from dlc.compiler.cli.compiling import add_spec, check_path, compile_spec
from dlc.compiler.cli.output import add_common, report, terminal_width
from dlc.compiler.compilation import Compilation
from dlc.compiler.syntax import tree

_NOTHING = "nothing to tune: the spec has no `optimizer`, and no parameter that changes a layer"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc tune-advice specs/lenet5.yaml\n\n"
        "The settings of a spec to try, the first before the second: what each is now, the\n"
        "scale that its effect has, what to draw it from, and why. Below them is the section\n"
        "`search` that would try them. Parameters of the spec are named by what changes with\n"
        "them: the width of layers, their number, or dropout. Nothing is trained."
    )
    add_spec(parser)
    add_common(parser, formats=("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    parameters = tuple(_parameters(compilation, arguments))
    program, settings = compilation.program, compilation.settings
    found = advice(program, settings, parameters)
    surface = compilation.sources[0].surface
    search = search_section(found, program, settings, surface=surface)
    answer = {"advice": [one.to_json() for one in found], "search": search}
    text = _text(found, search, again=settings.search is not None) if found else _NOTHING
    return report(compilation.warnings, arguments, "tune-advice", answer, answer=text)


def _parameters(compilation: Compilation, arguments: argparse.Namespace) -> Iterator[Parameter]:
    """The numbers among the parameters of the spec, by what another number would change."""
    for declared in compilation.spec.params:
        name, default = declared.name.text, declared.default
        if not isinstance(default, tree.Number):
            continue
        value = default.value
        other = 2 * value if isinstance(value, int) else (value / 2 or 0.1)
        changed = _with(name, other, arguments)
        if changed is None or changed.settings != compilation.settings:
            continue
        part = part_of(compilation.program, changed.program)
        if part == "width":
            sizes = [n for n in factors(int(value)) if _with(name, n, arguments) is not None]
            yield Parameter(name, value, part, tuple(sizes))
        elif part is not None:
            yield Parameter(name, value, part)


def _with(name: str, value: float, arguments: argparse.Namespace) -> Compilation | None:
    """The compilation with another value of a parameter; None where that is a mistake."""
    sets = [*arguments.sets, f"{name}={value}"]
    trial = argparse.Namespace(root=arguments.root, sets=sets)
    return check_path(arguments.spec, trial).compilation


def _text(found: tuple[Advice, ...], search: str, *, again: bool) -> str:
    """`again` says that the spec has a section `search` already."""
    width = min(100, max(60, terminal_width(sys.stdout)))
    lines = []
    for number, one in enumerate(found, 1):
        draw = f", {one.distribution}" if one.distribution else ""
        value = "not set" if one.value is None else _shown(one.value)
        lines.append(f"{number:2}. {one.setting} (now {value}): {one.scale}{draw}")
        lines += textwrap.wrap(one.reason, width, initial_indent="    ", subsequent_indent="    ")
    if search:
        place = "in place of the section `search` of the spec" if again else "as a section"
        lines += ["", f"To search all of them, {place}:", "", search]
    return "\n".join(lines)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
