"""`dlc graph`: the typed graph as text."""

from __future__ import annotations

import argparse
import os
import stat
from pathlib import Path

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.output import IO_FAILURE, USAGE, CommandError, add_common, report
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.text import print_program
from dlc.compiler.source import Source
from dlc.compiler.syntax.files import decode

_MAX_BYTES = 64 * 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc graph specs/lenet5.yaml\n\n"
        "Prints every layer with its arguments, inputs and the type of its result; blocks\n"
        "first, each once. A graph.txt that `dlc build` wrote is read back and verified."
    )
    add_spec(parser)
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    warnings: tuple[Diagnostic, ...] = ()
    program: Program
    if Path(arguments.spec).suffix.lower() == ".txt":
        from dlc.compiler.analysis.graph_text import read_program

        program = read_program(_read(arguments.spec))
    else:
        compilation = compile_spec(arguments)
        program, warnings = compilation.program, compilation.warnings
    text = print_program(program)
    return report(warnings, arguments, "graph", {"graph": text}, answer=text)


def _read(path: str) -> Source:
    """A textual graph. Raises CommandError: status 2 where there is none, 74 where reading
    fails."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise _unreadable(f"`{path}` is not a regular file", USAGE)
        if status.st_size > _MAX_BYTES:
            raise _unreadable(f"`{path}` is larger than 64 MiB", USAGE)
        with open(path, "rb") as file:
            return decode(file.read(_MAX_BYTES), path, "graph")
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise _unreadable(f"there is no file `{path}`", USAGE) from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise _unreadable(f"`{path}` cannot be read: {reason}", IO_FAILURE) from None


def _unreadable(message: str, status: int) -> CommandError:
    return CommandError(Diagnostic(code("E0611"), message), status=status)
