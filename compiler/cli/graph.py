"""`dlc graph`: the typed graph as text, or as a picture of the network."""

from __future__ import annotations

import argparse
import os
import re
import stat
from pathlib import Path

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import IO_FAILURE, USAGE, CommandError, add_common, report
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.text import print_program
from dlc.compiler.source import Source
from dlc.compiler.syntax.files import decode

_MAX_BYTES = 64 * 1024 * 1024
_STEPS = 100  # in an epoch, where only the data would tell
_PICTURES = (".svg", ".png", ".html")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc graph specs/lenet5.yaml -o lenet5.svg\n\n"
        "Draws the network: .svg and .png to print, .html with blocks that unfold. Without `-o`\n"
        "the typed graph is printed as text; a graph.txt that `dlc build` wrote is read back.\n"
        "`--schedule` draws the learning rate."
    )
    add_spec(parser)
    parser.add_argument(
        "-o", "--output", metavar="F", help="the picture to write: .svg, .png or .html"
    )
    parser.add_argument(
        "--depth",
        type=_depth,
        metavar="N",
        help="levels of blocks that are unfolded (default: what fits)",
    )
    parser.add_argument(
        "--schedule", action="store_true", help="the learning rate over the run instead"
    )
    parser.add_argument(
        "--steps-per-epoch",
        type=_steps,
        metavar="N",
        help="for --schedule: steps in an epoch (100)",
    )
    parser.add_argument("--force", action="store_true", help="replace the file where it exists")
    add_common(parser)


def _depth(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of levels: write `--depth 1`")
    return int(text)


def _steps(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(
            f"`{text}` is no number of steps: write `--steps-per-epoch 100`"
        )
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    suffix = _wanted(arguments)
    if arguments.schedule:
        return _schedule(arguments, suffix)
    warnings: tuple[Diagnostic, ...] = ()
    program: Program
    if Path(arguments.spec).suffix.lower() == ".txt":
        from dlc.compiler.analysis.graph_text import read_program

        program = read_program(_read(arguments.spec))
    else:
        compilation = compile_spec(arguments)
        program, warnings = compilation.program, compilation.warnings
    if suffix is None:
        text = print_program(program)
        return report(warnings, arguments, "graph", {"graph": text}, answer=text)
    target = Path(arguments.output)
    write_files(target.parent, {target.name: _picture(program, suffix, arguments.depth)})
    answer = f"written: {arguments.output}"
    return report(warnings, arguments, "graph", {"file": arguments.output}, answer=answer)


def _schedule(arguments: argparse.Namespace, suffix: str | None) -> int:
    from dlc.compiler.cli.schedule_chart import schedule_chart
    from dlc.compiler.drawing.chart import HEIGHT, WIDTH, text_chart, write_chart, write_page

    compilation = compile_spec(arguments)
    chart, record = schedule_chart(compilation, arguments.steps_per_epoch or _STEPS)
    if suffix is None:
        text = text_chart(chart)
        return report(
            compilation.warnings, arguments, "graph", {"schedule": record}, answer=f"{text}\n"
        )
    target = Path(arguments.output)
    picture: str | bytes = write_page(chart) if suffix == ".html" else write_chart(chart)
    if suffix == ".png":
        picture = _png(write_chart(chart), WIDTH, HEIGHT)
    write_files(target.parent, {target.name: picture})
    extra = {"file": arguments.output, "schedule": record}
    answer = f"written: {arguments.output}"
    return report(compilation.warnings, arguments, "graph", extra, answer=answer)


def _wanted(arguments: argparse.Namespace) -> str | None:
    """The suffix of the picture that is asked for, None for the text. Raises CommandError
    before anything is compiled."""
    if arguments.steps_per_epoch is not None and not arguments.schedule:
        raise _usage("`--steps-per-epoch` is for `--schedule`")
    if arguments.schedule and arguments.depth is not None:
        raise _usage("`--depth` is for a picture of the network, and `--schedule` draws none")
    if arguments.output is None:
        for option, given in (("--depth", arguments.depth), ("--force", arguments.force or None)):
            if given is not None:
                raise _usage(f"`{option}` is for a picture", "`-o net.svg` draws one")
        return None
    suffix = Path(arguments.output).suffix.lower()
    if suffix not in _PICTURES:
        raise _usage(f"`{arguments.output}` is neither `.svg` nor `.png` nor `.html`")
    if Path(arguments.output).is_dir():
        raise _usage(f"`{arguments.output}` is a folder", "name the file inside it")
    if Path(arguments.output).exists() and not arguments.force:
        raise _usage(f"`{arguments.output}` exists", "`--force` replaces it")
    if suffix == ".png":
        _require_renderer()
    return suffix


def _require_renderer() -> None:
    from importlib.util import find_spec

    if find_spec("resvg_py") is None:
        raise CommandError(
            Diagnostic(
                code("E0603"),
                "a `.png` needs resvg: pip install 'dlc[draw]'",
                help="`.svg` and `.html` need nothing",
            ),
            status=USAGE,
        )


def _picture(program: Program, suffix: str, depth: int | None) -> str | bytes:
    from dlc.compiler.drawing.scenes import view

    shown = view(program)
    if suffix == ".html":
        from dlc.compiler.drawing.html import write_html

        return write_html(shown, depth or 0)

    from dlc.compiler.drawing.page import make_page
    from dlc.compiler.drawing.svg import write_svg

    page = make_page(shown, depth)
    svg = write_svg(page)
    if suffix == ".svg":
        return svg

    return _png(svg, page.width, page.height)


def _png(svg: str, width: float, height: float) -> bytes:
    from dlc.compiler.drawing.png import NoFont, TooLarge, write_png

    try:
        return write_png(svg, width, height)
    except TooLarge as problem:
        raise _usage(
            f"the picture would have {problem}", "`--depth 0` shows less, `.svg` has no such bound"
        ) from None
    except NoFont:
        raise _usage(
            "no font is installed, and a picture without words says little",
            "install one, such as `fonts-dejavu-core`, or write a `.svg`",
        ) from None


def _usage(message: str, help: str | None = None) -> CommandError:
    return CommandError(Diagnostic(code("E0611"), message, help=help), status=USAGE)


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
