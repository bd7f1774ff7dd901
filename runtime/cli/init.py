"""`dlc init`: a first spec from a file of data."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from dlc.compiler import Source, check
from dlc.compiler.cli.convert import converted
from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.fmt import parse_whole
from dlc.compiler.cli.output import add_common, report
from dlc.runtime.drafting.begin import first_spec
from dlc.runtime.failures import failure, shown

_SURFACES = {".yaml": "yaml", ".yml": "yaml", ".dlc": "dlc"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc init data/wine.csv --target cultivar
         dlc init data/flowers -o flowers.yaml
         dlc init data/poems.txt

Reads the rows, and writes a commented spec that trains as it is: inputs by the types of
the columns, a network of a size that suits the data, a loss and metrics that suit the
target. Takes tables with a line of column names, folders of pictures by class, and texts,
of which it predicts each piece from those before it."""
    parser.add_argument("data", metavar="DATA", help="a table, a folder of pictures, or a text")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "-o",
        "--output",
        metavar="SPEC",
        help="a .yaml or .dlc file (default: the name of the data, here or beside it)",
    )
    parser.add_argument("--force", action="store_true", help="replace a spec that is there")
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    data = Path(arguments.data)
    place = Path(arguments.output) if arguments.output else _default_place(data)
    surface = _SURFACES.get(place.suffix.lower())
    if surface is None:
        raise failure(
            "E0611",
            f"`{shown(place)}` is neither a `.yaml` nor a `.dlc` file",
            help="the suffix says how it is written",
            exit_code=2,
        )
    if place.exists() and not arguments.force:
        raise failure(
            "E0611",
            f"there is a `{shown(place)}` already",
            help="`--force` replaces it, `-o` writes to another place",
            exit_code=2,
        )
    draft = first_spec(data, arguments.target, place.parent, _command(arguments))
    text = converted(parse_whole(Source(shown(place), draft, "yaml")), surface)
    result = check(Source(shown(place), text, surface), path=place)
    compilation = result.compilation
    assert compilation is not None, "; ".join(d.message for d in result.diagnostics)
    write_files(place.parent, {place.name: text})
    name, parameters = shown(place), compilation.program.parameter_count
    answer = f"{name}: {parameters:,} parameters\nnext: `dlc data {name}`, `dlc train {name}`"
    extra = {"spec": str(place), "parameters": parameters}
    return report(result.diagnostics, arguments, "init", extra, answer=answer)


def _default_place(data: Path) -> Path:
    """Here where the data is below the working folder, since a spec reaches no file outside
    its own; else beside the data."""
    here = Path.cwd()
    below = data.resolve().is_relative_to(here.resolve())
    stem = data.name.partition(".")[0] or data.resolve().name
    return (Path() if below else data.parent) / f"{stem}.yaml"


def _command(arguments: argparse.Namespace) -> str:
    words = ["dlc", "init", Path(arguments.data).name]
    if arguments.target is not None:
        words += ["--target", arguments.target]
    return " ".join(shlex.join(words).split())
