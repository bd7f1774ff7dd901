"""Reading `profile.json`, which `dlc data` writes."""

from __future__ import annotations

import json

from dlc.compiler.analysis.data_profile import DataProfile, read_profile
from dlc.compiler.cli.output import BAD_DATA, IO_FAILURE, USAGE, CommandError
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic

_MAX_BYTES = 64 * 1024 * 1024


def read_profile_file(path: str) -> DataProfile:
    """The profile in a file. Raises CommandError: E0611 with status 2 where there is none and 74
    where reading fails, E0803 with 65 where it is no profile."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise _failure(
            "E0611", f"there is no file `{path}`", "`dlc data SPEC` writes it", USAGE
        ) from None
    except (OSError, ValueError) as problem:
        reason = str(getattr(problem, "strerror", None) or problem).lower()
        raise _failure("E0611", f"`{path}` cannot be read: {reason}", None, IO_FAILURE) from None
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError("it is larger than 64 MiB")
        return read_profile(json.loads(data))
    except (ValueError, RecursionError) as problem:
        what = "it is no JSON" if isinstance(problem, json.JSONDecodeError) else str(problem)
        raise _failure(
            "E0803",
            f"`{path}` is no profile of data: {what}",
            "`dlc data SPEC` writes `build/<spec>/profile.json`",
            BAD_DATA,
        ) from None


def _failure(number: str, message: str, help: str | None, status: int) -> CommandError:
    return CommandError(Diagnostic(code(number), message, help=help), status=status)
