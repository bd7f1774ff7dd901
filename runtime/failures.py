"""What ends a command: a diagnostic with the exit code of the process."""

from __future__ import annotations

import os
from pathlib import Path

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError

FINDINGS = 1
USAGE = 2
BAD_DATA = 65
IO_FAILURE = 74
IN_USE = 75

_EXIT_CODES = {
    "E0603": USAGE,
    "E0604": BAD_DATA,
    "E0605": BAD_DATA,
    "E0606": BAD_DATA,
    "E0607": USAGE,
    "E0608": BAD_DATA,
    "E0610": BAD_DATA,
    "E0611": IO_FAILURE,
    "E0612": USAGE,
    "E0707": USAGE,
    "E0708": BAD_DATA,
    "E0910": BAD_DATA,
    "E0911": BAD_DATA,
    "E0913": USAGE,
}


class Failure(DiagnosticError):
    """Carries one diagnostic and an exit code out of the runtime. Commands print it."""

    def __init__(self, diagnostic: Diagnostic, exit_code: int) -> None:
        super().__init__(diagnostic)
        self.exit_code = exit_code

    @property
    def status(self) -> int:
        """The name under which the command line looks for the exit code."""
        return self.exit_code

    @property
    def diagnostic(self) -> Diagnostic:
        return self.diagnostics[0]


def failure(
    number: str,
    message: str,
    *,
    help: str | None = None,
    notes: tuple[str, ...] = (),
    exit_code: int | None = None,
) -> Failure:
    """A failure that has no place in a spec; `exit_code` None is the usual one of the code."""
    diagnostic = Diagnostic(code(number), message, notes=notes, help=help)
    if exit_code is None:
        exit_code = _EXIT_CODES.get(number, FINDINGS)
    return Failure(diagnostic, exit_code)


def shown(path: os.PathLike[str] | str) -> str:
    """A path as messages show it: relative where it is below the working folder."""
    text = os.fspath(path)
    relative = os.path.relpath(text) if os.path.isabs(text) else text
    return text if relative.startswith("..") else relative


def io_failure(action: str, path: Path | str, error: OSError) -> Failure:
    """`action` is a phrase such as "cannot write"."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    help = "free some space, then go on with `--resume`" if error.errno in _FULL else None
    return failure("E0611", f"{action} `{shown(path)}`: {reason}", help=help)


def _full_errors() -> frozenset[int]:
    import errno

    return frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


_FULL = _full_errors()
