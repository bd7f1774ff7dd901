"""`dlc compare`: several runs on one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import add_common, report
from dlc.runtime.cli.report import add_measuring, require_plots, subject_of
from dlc.runtime.failures import failure, shown

_PAGE = "compare.html"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc compare runs/wide runs/narrow
         dlc compare runs/a runs/b runs/c -o abc.html

Writes a page that opens without a network: the figures, errors, curves and insides of
several runs side by side, and every place in which their specs differ. `dlc runs a b`
prints figures and specs to the terminal."""
    parser.add_argument("runs", nargs="+", metavar="DIR", help="two run folders or more")
    parser.add_argument("-o", "--output", metavar="FILE", help=f"default: {_PAGE}")
    add_measuring(parser)
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    require_plots()
    from dlc.runtime.insight.report.comparing import write_comparison
    from dlc.runtime.insight.report.facts import facts_of
    from dlc.runtime.runs.comparison import to_json

    folders = [*dict.fromkeys(Path(name) for name in arguments.runs)]
    if len(folders) < 2:
        raise failure(
            "E0309",
            "there is one run to compare",
            help="name two runs or more; `dlc report` is for one",
            exit_code=2,
        )
    found = [
        facts_of(
            folder,
            subject_of(folder, arguments.device),
            by=arguments.by,
            best=arguments.best_error,
        )
        for folder in folders
    ]
    place = Path(arguments.output or _PAGE)
    write_files(place.parent, {place.name: write_comparison(found)})
    record = {"file": str(place), **to_json([facts.run for facts in found])}
    answer = f"{shown(place)}: {len(found)} runs side by side"
    return report((), arguments, "compare", record, answer=answer)
