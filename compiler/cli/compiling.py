"""What commands that take a spec share: its arguments, and compiling it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from dlc.compiler.cli.output import FINDINGS, CommandError, read_source, with_levels
from dlc.compiler.compilation import Compilation, Result
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Severity
from dlc.compiler.driver import check


def add_spec(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """The spec, `--set` and `--root`."""
    if several:
        parser.add_argument("specs", nargs="+", metavar="SPEC", help="a .yaml or .dlc file")
    else:
        parser.add_argument("spec", metavar="SPEC", help="a .yaml or .dlc file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="PATH=VALUE",
        help="change a parameter or setting: p=0.2, optimizer.lr=1e-3",
    )
    parser.add_argument(
        "--root", metavar="DIR", help="the folder that imports stay in (default: the spec's)"
    )


def check_path(path: str, arguments: argparse.Namespace) -> Result:
    """Compiles one file with `--set` and `--root`. Raises CommandError where it cannot be
    read."""
    source = read_source(path)
    root = Path(arguments.root) if arguments.root else None
    return check(source, path=Path(path), root=root, sets=tuple(arguments.sets))


def compile_spec(arguments: argparse.Namespace) -> Compilation:
    """The compilation of `arguments.spec`; its warnings are in it. Raises CommandError with
    every finding where there is an error, denied lints among them."""
    result = check_path(arguments.spec, arguments)
    levelled = with_levels(result.diagnostics, getattr(arguments, "levels", ()))
    if result.ok and result.compilation is None:
        raise CommandError(no_model(arguments.spec), status=FINDINGS)
    if result.compilation is None or any(d.severity is Severity.ERROR for d in levelled):
        raise CommandError(*levelled, status=FINDINGS)
    return result.compilation


def no_model(path: str) -> Diagnostic:
    """What a file that holds blocks only is to a command that needs a network."""
    return Diagnostic(
        code("E0309"),
        f"`{path}` holds blocks only, and no network",
        help="name a spec with a `model`, or with `layers`",
    )


def add_dims(parser: argparse.ArgumentParser) -> None:
    """`--dim`, for what depends on sizes that a spec leaves open."""
    parser.add_argument(
        "--dim",
        action="append",
        default=[],
        dest="dims",
        type=_size,
        metavar="NAME=SIZE",
        help="a size that the spec leaves open: T=128, N=32",
    )


def _size(text: str) -> tuple[str, int]:
    found = re.match(r"([A-Za-z_]\w{0,63})=([1-9]\d{0,14})\Z", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no size: write `T=128`")
    return found[1], int(found[2])
