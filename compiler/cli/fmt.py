"""`dlc fmt`: a spec in canonical form, comments kept."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from dlc.compiler.cli.output import (
    FINDINGS,
    OK,
    CommandError,
    add_common,
    read_source,
    report,
)
from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse, tree
from dlc.compiler.syntax.format import format_file


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc fmt specs/*.yaml\n\n"
        "Puts specs into canonical form, in place, comments kept. Formatting twice\n"
        "changes nothing more. Names are not looked up: a spec with other mistakes\n"
        "formats too."
    )
    parser.add_argument("specs", nargs="+", metavar="SPEC", help="a .yaml or .dlc file")
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where one would")
    parser.add_argument("--diff", action="store_true", help="change nothing; print the changes")
    add_common(parser, lints=False)


def run(arguments: argparse.Namespace) -> int:
    changed: list[str] = []
    diffs: list[str] = []
    for path in arguments.specs:
        source = read_source(path)
        formatted = format_file(parse_whole(source), source.surface)
        if formatted == source.text:
            continue
        changed.append(path)
        if arguments.diff:
            lines = difflib.unified_diff(
                source.text.splitlines(keepends=True),
                formatted.splitlines(keepends=True),
                path,
                path,
            )
            diffs.append("".join(lines))
        elif not arguments.check:
            Path(path).write_text(formatted, encoding="utf-8")
    keep = arguments.check or arguments.diff
    words = "would change" if keep else "formatted"
    answer = "".join(diffs) or "\n".join(f"{words}: {path}" for path in changed)
    answer = answer or "nothing to change"
    extra = {"changed": changed, "ok": not (keep and changed)}
    status = report((), arguments, "fmt", extra, answer=answer)
    return FINDINGS if keep and changed else status or OK


def parse_whole(source: Source) -> tree.File:
    """The tree of a file without syntax errors; what is half understood is not rewritten.
    Raises CommandError with the findings."""
    collector = Collector()
    file = parse(source, collector)
    if file is None or collector.has_errors:
        raise CommandError(*collector.sorted(), status=FINDINGS)
    return file
