"""`dlc convert`: one surface of a spec from the other."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from dlc.compiler.cli.fmt import parse_whole
from dlc.compiler.cli.output import USAGE, CommandError, add_common, read_source, report
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic
from dlc.compiler.semantics.forms import as_call
from dlc.compiler.semantics.resolve import Resolver
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse, tree
from dlc.compiler.syntax.files import SURFACES
from dlc.compiler.syntax.format import format_file


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc convert specs/lenet5.yaml lenet5.dlc\n\n"
        "Writes the same spec in the other surface: YAML to .dlc, .dlc to YAML. Comments\n"
        "come along. The result is compared with what it was made from before it is kept."
    )
    parser.add_argument("spec", metavar="SPEC", help="a .yaml or .dlc file")
    parser.add_argument(
        "target", nargs="?", metavar="FILE", help="where to write (default: standard output)"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE where it exists")
    add_common(parser, lints=False)


def run(arguments: argparse.Namespace) -> int:
    source = read_source(arguments.spec)
    surface = "dlc" if source.surface == "yaml" else "yaml"
    if arguments.target is not None:
        wanted = SURFACES.get(Path(arguments.target).suffix.lower())
        if wanted is None:
            raise _usage(f"`{arguments.target}` is neither a `.yaml` nor a `.dlc` file")
        surface = wanted
        if Path(arguments.target).exists() and not arguments.force:
            raise _usage(f"`{arguments.target}` exists", "`--force` replaces it")
    file = parse_whole(source)
    text = converted(file, surface)
    back = parse_whole(Source(arguments.target or f"converted.{surface}", text, surface))
    if not _say_the_same(file, back, Path(arguments.spec)):
        raise AssertionError("the converted spec does not say the same")
    if arguments.target is None:
        return report((), arguments, "convert", {"text": text}, answer=text)
    Path(arguments.target).write_text(text, encoding="utf-8")
    answer = f"written: {arguments.target}"
    return report((), arguments, "convert", {"file": arguments.target}, answer=answer)


def converted(file: tree.File, surface: str) -> str:
    """The text of a spec in a surface, canonical."""
    return format_file(_restyled(file, surface), surface)


def _restyled(file: tree.File, surface: str) -> tree.File:
    """`optimizer: {sgd: {lr: 0.1}}` as a call where `.dlc` would have one."""
    if surface != "dlc":
        return file
    entries = []
    for entry in file.settings:
        if entry.key.text in ("optimizer", "schedule"):
            entry = replace(entry, value=_called(entry.value))
        elif entry.key.text == "init" and isinstance(entry.value, tree.Mapping):
            inner = tuple(replace(e, value=_called(e.value)) for e in entry.value.entries)
            entry = replace(entry, value=replace(entry.value, entries=inner))
        entries.append(entry)
    return replace(file, settings=tuple(entries))


def _called(value: tree.Expr) -> tree.Expr:
    if isinstance(value, tree.Mapping) and len(value.entries) == 1:
        return as_call(value) or value
    return value


def _say_the_same(before: tree.File, after: tree.File, path: Path) -> bool:
    """Whether two files bind to equal specs. What does not bind (an import is missing, a
    name is wrong) is the same where binding ends in the same tree."""
    bound = []
    for file in (before, after):
        resolver = Resolver(Collector(), parse, path.resolve(), path.resolve().parent)
        bound.append(resolver.resolve(file))
    return bound[0] == bound[1]


def _usage(message: str, help: str | None = None) -> CommandError:
    return CommandError(Diagnostic(code("E0611"), message, help=help), status=USAGE)
