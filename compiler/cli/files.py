"""Writing the files of a command so that a reader sees the old ones or the new ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from dlc.compiler.cli.output import IO_FAILURE, CommandError
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes texts and bytes into a folder, which is made where it is missing. All are
    written under other names first and then renamed in the order given: what is last, a
    manifest, tells that the others are there. Raises CommandError with status 74."""
    written: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            temporary = folder / f".{name}.{os.getpid()}.tmp"
            written.append((temporary, folder / name))
            with open(temporary, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
        for temporary, final in written:
            os.replace(temporary, final)
    except OSError as problem:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)
        reason = (problem.strerror or str(problem)).lower()
        raise CommandError(
            Diagnostic(code("E0611"), f"`{folder}` cannot be written: {reason}"),
            status=IO_FAILURE,
        ) from None
