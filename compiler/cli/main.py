"""The command line: finds the command, imports it, runs it, and never shows a traceback.

The table holds names of modules, not modules: a command is imported when it is asked
for, so that `dlc check` starts without what `dlc train` needs, and the compiler never
imports the runtime.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from dlc.compiler.version import VERSION

if TYPE_CHECKING:
    import argparse

    from dlc.compiler.diagnostics.model import Diagnostic

_COMPILER: Final = "dlc.compiler.cli"
_RUNTIME: Final = "dlc.runtime.cli"
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141


class CommandModule(Protocol):
    """What the module of a command holds."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments and sets `description`, which begins with an example."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does the work and gives the exit status. May raise `DiagnosticError`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table; `group` is the heading it stands under in the help."""

    name: str
    module: str
    summary: str
    group: str


_SPEC: Final = "A spec"
_MODEL: Final = "A model"
_INSIGHT: Final = "Insight"
_ASK: Final = "What there is"

COMMANDS: Final[dict[str, Command]] = {
    command.name: command
    for command in (
        Command("init", f"{_RUNTIME}.init", "a first spec from a file of data", _SPEC),
        Command("data", f"{_RUNTIME}.data", "audit the data of a spec", _SPEC),
        Command("check", f"{_COMPILER}.check", "find every mistake, with its place", _SPEC),
        Command("cost", f"{_RUNTIME}.cost", "parameters, MACs, memory, per layer", _SPEC),
        Command("diff", f"{_RUNTIME}.diff", "what differs between two specs, or runs", _SPEC),
        Command("graph", f"{_COMPILER}.graph", "the network as a picture, or as text", _SPEC),
        Command("build", f"{_COMPILER}.build", "write plain PyTorch", _SPEC),
        Command("fmt", f"{_COMPILER}.fmt", "put a spec into canonical form", _SPEC),
        Command("convert", f"{_COMPILER}.convert", "from YAML to .dlc and back", _SPEC),
        Command("train", f"{_RUNTIME}.train", "train a spec, or resume a run", _MODEL),
        Command("lr-range", f"{_RUNTIME}.lr_range", "find a learning rate by trying", _MODEL),
        Command("transfer", f"{_RUNTIME}.transfer", "what trained weights fill of a spec", _MODEL),
        Command("evaluate", f"{_RUNTIME}.evaluate", "metrics of a run or an ONNX file", _MODEL),
        Command("export", f"{_RUNTIME}.export", "a run to ONNX, compared with PyTorch", _MODEL),
        Command("verify", f"{_RUNTIME}.verify", "is a bundle whole, and right, here", _MODEL),
        Command("predict", f"{_RUNTIME}.predict", "answers of an ONNX file for data", _MODEL),
        Command("serve", f"{_RUNTIME}.serve", "models behind HTTP and gRPC", _MODEL),
        Command("bench", f"{_RUNTIME}.bench", "how fast a model answers, and how best", _MODEL),
        Command("features", f"{_RUNTIME}.features", "what a layer gives, as a table", _MODEL),
        Command("doctor", f"{_RUNTIME}.doctor", "is this network fit to be trained", _INSIGHT),
        Command("signal", f"{_RUNTIME}.signal", "how large signals and gradients start", _INSIGHT),
        Command(
            "tune-advice", f"{_COMPILER}.tune_advice", "what to tune first, and where", _INSIGHT
        ),
        Command("learning-curve", f"{_RUNTIME}.learning_curve", "would more data help", _INSIGHT),
        Command("runs", f"{_RUNTIME}.runs", "list runs, or compare some", _INSIGHT),
        Command("report", f"{_RUNTIME}.report", "a run as one page, with advice", _INSIGHT),
        Command("compare", f"{_RUNTIME}.compare", "several runs as one page", _INSIGHT),
        Command("explain", f"{_COMPILER}.explain", "the page of a code, layer, loss, ...", _ASK),
        Command("ops", f"{_COMPILER}.ops", "every layer and component", _ASK),
        Command("schema", f"{_COMPILER}.schema", "the JSON Schema, for editors", _ASK),
        Command("info", f"{_RUNTIME}.info", "devices, providers, versions", _ASK),
    )
}

# What to install where a package is missing; the key is the name that is imported.
_PACKAGES: Final = {
    "torch": ("PyTorch", "pip install 'dlc[train]'"),
    "ray": ("Ray", "pip install 'dlc[ray]'"),
    "torchvision": ("torchvision", "pip install 'dlc[train]'"),
    "starlette": ("starlette", "pip install 'dlc[serve]'"),
    "uvicorn": ("uvicorn", "pip install 'dlc[serve]'"),
    "httptools": ("httptools", "pip install 'dlc[serve]'"),
    "prometheus_client": ("prometheus-client", "pip install 'dlc[serve]'"),
    "grpc": ("grpcio", "pip install 'dlc[serve]'"),
    "onnxruntime": ("onnxruntime", "pip install --force-reinstall dlc"),
    "onnx": ("onnx", "pip install --force-reinstall dlc"),
    "numpy": ("numpy", "pip install --force-reinstall dlc"),
    "pyarrow": ("pyarrow", "pip install --force-reinstall dlc"),
    "safetensors": ("safetensors", "pip install --force-reinstall dlc"),
    "ruamel": ("ruamel.yaml", "pip install --force-reinstall dlc"),
    "rich": ("rich", "pip install --force-reinstall dlc"),
    "jsonschema": ("jsonschema", "pip install --force-reinstall dlc"),
    "yaml": ("PyYAML", "pip install --force-reinstall dlc"),
    "lark": ("lark", "pip install --force-reinstall dlc"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line; gives the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _make_streams_forgiving()
    try:
        status = _main(words)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _main(words: list[str]) -> int:
    debug = bool(words) and words[0] == "--debug"
    words = words[debug:]
    if not words or words[0] in ("-h", "--help", "help"):
        if len(words) > 1 and words[0] == "help":
            return _main([words[1], "--help"])
        print(overview())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"dlc {VERSION}")
        return 0
    command = COMMANDS.get(words[0])
    if command is None:
        return _unknown_command(words[0])
    return _run(command, words[1:], debug)


def _run(command: Command, words: list[str], debug: bool) -> int:
    import argparse

    from dlc.compiler.cli.parser import CommandParser
    from dlc.compiler.diagnostics.model import DiagnosticError

    arguments: argparse.Namespace | None = None
    try:
        module = cast(CommandModule, import_module(command.module))
        parser = CommandParser(f"dlc {command.name}")
        module.configure(parser)
        parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
        debug = debug or "--debug" in words
        arguments = parser.parse(words)
        return module.run(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except DiagnosticError as error:
        status = getattr(error, "status", None)
        return _report(command, arguments, error.diagnostics, status)
    except BrokenPipeError:
        raise
    except Exception as error:
        missing = _missing_package(command, error)
        if missing:
            return _report(command, arguments, (missing,), None)
        if debug:
            raise
        return _report(command, arguments, (_internal_error(command, error),), None)


def _report(
    command: Command,
    arguments: argparse.Namespace | None,
    diagnostics: tuple[Diagnostic, ...],
    status: int | None,
) -> int:
    """Prints what ended a command: on standard error, but for a format made for programs."""
    from argparse import Namespace

    from dlc.compiler.cli.output import emit, exit_status, report, terminal_width, wants_color
    from dlc.compiler.diagnostics.render import render

    given = arguments or Namespace()
    if getattr(given, "format", "text") == "text":
        color = wants_color(getattr(given, "color", "auto"), sys.stderr)
        emit(render(diagnostics, color=color, width=terminal_width(sys.stderr)), sys.stderr)
        found = exit_status(diagnostics)
    else:
        found = report(diagnostics, given, command.name)
    return found if status is None else status


def _missing_package(command: Command, error: Exception) -> Diagnostic | None:
    if not isinstance(error, ImportError) or not error.name:
        return None
    known = _PACKAGES.get(error.name.partition(".")[0])
    if known is None:
        return None
    from dlc.compiler.diagnostics.catalog import code
    from dlc.compiler.diagnostics.model import Diagnostic

    package, install = known
    return Diagnostic(code("E0603"), f"`dlc {command.name}` needs {package}: {install}")


def _internal_error(command: Command, error: Exception) -> Diagnostic:
    from dlc.compiler.diagnostics.catalog import code
    from dlc.compiler.diagnostics.model import Diagnostic

    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    shortened = what if len(what) <= 300 else what[:300] + "…"
    return Diagnostic(
        code("E0901"),
        f"internal error in `dlc {command.name}`: {shortened}",
        notes=(
            f"it happened in {_phase(error)}",
            "this is a mistake of ours, not of the spec",
        ),
        help=f"report it with the spec and what `dlc --debug {command.name} ...` prints",
    )


def _phase(error: Exception) -> str:
    """The last place in our own code: `compiler.lowering, line 120`."""
    place = "the start of the command"
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("dlc.") and module != __name__:
            place = f"{module.removeprefix('dlc.')}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _unknown_command(word: str) -> int:
    from dlc.compiler.diagnostics.render.display import visible
    from dlc.compiler.diagnostics.suggest import closest

    kind = "option" if word.startswith("-") else "command"
    message = f"error: dlc has no {kind} `{visible(word)}`"
    near = closest(word, [*COMMANDS, "--help", "--version"])
    if near is None and word.endswith((".yaml", ".yml", ".dlc")):
        message += f"\nto check a spec: dlc check {visible(word)}"
    elif near:
        message += f"; there is one with a similar name: `{near}`"
    print(message + "\ntry `dlc --help`", file=sys.stderr)
    return 2


def overview() -> str:
    """What `dlc --help` prints: a line a command, of at most 80 columns."""
    lines = [
        "Example: dlc check specs/lenet5.yaml && dlc train specs/lenet5.yaml",
        "usage: dlc COMMAND [ARGUMENT ...]    (`dlc COMMAND --help` tells more)",
    ]
    group = ""
    for command in COMMANDS.values():
        if command.group != group:
            group = command.group
            lines.append(f"{group}:")
        lines.append(f"  {command.name:<16}{command.summary}")
    lines += [
        "also: `dlc --version`, `dlc --debug COMMAND ...` with tracebacks",
        "Exit status: 0 done, 1 findings, 2 usage, 65 bad data, 74 I/O, 75 run in use",
    ]
    return "\n".join(lines)


def _make_streams_forgiving() -> None:
    """A terminal that cannot show a character gets an escape, not a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
