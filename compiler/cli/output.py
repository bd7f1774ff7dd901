"""What the commands share: common options, reading a spec, printing findings, exit status.

With `--format json` standard output holds one object and nothing else.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

from dlc.compiler.diagnostics.catalog import CODES, code
from dlc.compiler.diagnostics.model import (
    Collector,
    Diagnostic,
    DiagnosticError,
    Severity,
)
from dlc.compiler.diagnostics.render import FORMATS, render
from dlc.compiler.source import Source
from dlc.compiler.syntax.files import SURFACES, decode

OK: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
BAD_DATA: Final = 65
INTERNAL: Final = 70
IO_FAILURE: Final = 74
IN_USE: Final = 75

# Errors that end a command in another way than by findings in the spec.
_STATUS: Final = {
    "E0603": USAGE,
    "E0604": BAD_DATA,
    "E0605": BAD_DATA,
    "E0606": BAD_DATA,
    "E0607": IN_USE,
    "E0608": BAD_DATA,
    "E0610": BAD_DATA,
    "E0611": IO_FAILURE,
    "E0901": INTERNAL,
}

MAX_BYTES: Final = 8 * 1024 * 1024


class CommandError(DiagnosticError):
    """Findings that end a command with a given exit status."""

    def __init__(self, *diagnostics: Diagnostic, status: int) -> None:
        super().__init__(*diagnostics)
        self.status = status


# ── options ──────────────────────────────────────────────────────────────────


def add_common(
    parser: argparse.ArgumentParser,
    *,
    formats: tuple[str, ...] = FORMATS,
    lints: bool = True,
) -> None:
    """`--format`, `--color`, and `--allow/--warn/--deny` where the command runs lints."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        choices=formats,
        default="text",
        metavar="FORMAT",
        help=", ".join(formats) + " (default: text)",
    )
    group.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="auto, always, never (default: auto)",
    )
    parser.set_defaults(levels=[])
    if lints:
        for level, what in (
            ("allow", "do not report a lint"),
            ("warn", "report a lint as a warning"),
            ("deny", "report a lint, or all `warnings`, as errors"),
        ):
            group.add_argument(
                f"--{level}", action=_LevelAction, dest="levels", metavar="LINT", help=what
            )


class _LevelAction(argparse.Action):
    """Keeps the levels in the order given: a later one goes before an earlier one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        level = (option_string or "").lstrip("-")
        number = "*" if values == "warnings" else _lint(parser, str(values), level)
        namespace.levels = [*namespace.levels, (level, number)]


def _lint(parser: argparse.ArgumentParser, word: str, level: str) -> str:
    from dlc.compiler.diagnostics.pages import find_code
    from dlc.compiler.diagnostics.suggest import closest

    found = find_code(word)
    if found is None:
        lints = [c.name for c in CODES.values() if c.severity is Severity.WARNING]
        near = closest(word, lints)
        hint = f"; there is a lint with a similar name: `{near}`" if near else ""
        parser.error(f"no lint is called `{word}`{hint}")
    if found.severity is Severity.ERROR and level != "deny":
        parser.error(f"`{found.number}` is an error, which cannot be silenced")
    return found.number


def with_levels(
    diagnostics: Iterable[Diagnostic], levels: Iterable[tuple[str, str]]
) -> tuple[Diagnostic, ...]:
    """The findings with `--allow`, `--warn` and `--deny` applied; errors stay errors."""
    chosen = list(levels)
    kept = []
    for diagnostic in diagnostics:
        if diagnostic.severity is not Severity.WARNING:
            kept.append(diagnostic)
            continue
        level = "warn"
        for asked, number in chosen:
            if number in ("*", diagnostic.code.number):
                level = asked
        if level == "deny":
            denied = replace(diagnostic.code, severity=Severity.ERROR)
            kept.append(replace(diagnostic, code=denied))
        elif level == "warn":
            kept.append(diagnostic)
    return tuple(kept)


# ── printing ─────────────────────────────────────────────────────────────────


def report(
    findings: Collector | Iterable[Diagnostic],
    arguments: argparse.Namespace,
    command: str,
    extra: Mapping[str, Any] | None = None,
    *,
    answer: str | None = None,
) -> int:
    """Prints the findings of a command and gives its exit status.

    `extra` are the command's members of the JSON object. `answer` is what it prints on
    standard output in text form; the findings then go to standard error. Without an
    answer the findings are the answer.
    """
    dropped = findings.dropped if isinstance(findings, Collector) else 0
    items = findings.sorted() if isinstance(findings, Collector) else tuple(findings)
    diagnostics = with_levels(items, getattr(arguments, "levels", ()))

    format = getattr(arguments, "format", "text")
    machine = format in ("json", "sarif")
    stream = sys.stdout if answer is None or machine else sys.stderr
    text = render(
        diagnostics,
        format,
        color=wants_color(getattr(arguments, "color", "auto"), stream),
        width=terminal_width(stream),
        command=command,
        dropped=dropped,
        extra=extra,
    )
    if answer is not None and not machine:
        emit(answer, sys.stdout)
    if text:
        emit(text, stream)
    return exit_status(diagnostics, dropped)


def exit_status(diagnostics: Iterable[Diagnostic], dropped: int = 0) -> int:
    """0 where no error was found, 1 for errors in the spec, else what hazards ask for."""
    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    if not errors:
        return FINDINGS if dropped else OK
    return max(_STATUS.get(d.code.number, FINDINGS) for d in errors)


def emit(text: str, stream: TextIO) -> None:
    """Prints a text with one line break at its end."""
    stream.write(text if text.endswith("\n") else text + "\n")
    stream.flush()


def wants_color(choice: str, stream: TextIO) -> bool:
    """Colour in a terminal only, and never where NO_COLOR is set (no-color.org)."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def terminal_width(stream: TextIO) -> int:
    """The columns of the terminal, or 100 where there is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 100
    except (OSError, ValueError):
        return 100


# ── reading ──────────────────────────────────────────────────────────────────


def read_source(path: str | Path) -> Source:
    """The spec at `path`; its suffix says which surface it is written in.

    Raises CommandError: status 2 where there is no such file to read, 74 where reading
    fails, 1 where it is too large; DiagnosticError where its bytes are not UTF-8.
    """
    name = str(path)
    surface = SURFACES.get(Path(path).suffix.lower())
    size = _checked_size(path, name)
    if surface is None:
        raise _unreadable(
            f"`{name}` is neither a `.yaml` nor a `.dlc` file", "the suffix says how it is read"
        )
    if size > MAX_BYTES:
        raise CommandError(_too_large(name), status=FINDINGS)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise _io_failure(name, problem) from None
    if len(data) > MAX_BYTES:
        raise CommandError(_too_large(name), status=FINDINGS)
    return decode(data, name, surface)


def _checked_size(path: str | Path, name: str) -> int:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise _unreadable(f"there is no file `{name}`", _nearby(Path(path))) from None
    except ValueError:
        raise _unreadable(f"`{name}` is no path", None) from None
    except OSError as problem:
        raise _io_failure(name, problem) from None
    if stat.S_ISDIR(status.st_mode):
        raise _unreadable(f"`{name}` is a folder", "name the spec inside it")
    if not stat.S_ISREG(status.st_mode):
        # A pipe or a device may never end.
        raise _unreadable(f"`{name}` is not a regular file", None)
    return status.st_size


def _nearby(path: Path) -> str | None:
    from dlc.compiler.diagnostics.suggest import closest

    try:
        names = [e.name for e in os.scandir(path.parent) if Path(e.name).suffix in SURFACES]
    except OSError:
        return None
    near = closest(path.name, names)
    return f"there is a file with a similar name: `{path.with_name(near)}`" if near else None


def _unreadable(message: str, help: str | None) -> CommandError:
    return CommandError(Diagnostic(code("E0611"), message, help=help), status=USAGE)


def _io_failure(name: str, problem: OSError) -> CommandError:
    reason = (problem.strerror or str(problem)).lower()
    return CommandError(
        Diagnostic(code("E0611"), f"`{name}` cannot be read: {reason}"), status=IO_FAILURE
    )


def _too_large(name: str) -> Diagnostic:
    return Diagnostic(
        code("E0110"),
        f"`{name}` is larger than 8 MiB",
        help="a spec describes a network; keep data and weights in files of their own",
    )
