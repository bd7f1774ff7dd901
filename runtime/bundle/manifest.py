"""The manifest: what a bundle consists of, and whether a folder is that.

Files are judged by `lstat` before they are read: nothing is followed out of the folder, and
a pipe or a device that would never end is not opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlc.compiler.version import VERSION
from dlc.runtime.bundle.layout import FORMAT, MANIFEST, MODEL
from dlc.runtime.failures import Failure, failure, io_failure, shown

_MAX_BYTES = 1 << 20
_CHUNK = 1 << 20
# No separators, no leading dot: every name lies in the folder, on every system.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file as it was written."""

    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle consists of. `name` is that of the model, `digest` that of its spec,
    `version` the one of dlc that wrote it."""

    name: str
    digest: str
    files: Mapping[str, FileEntry]
    version: str = VERSION

    def content(self) -> bytes:
        """The file. `seal` is the SHA-256 of what it says without it, so that no bit of it
        changes unseen; it tells damage, not who wrote it."""
        record = {
            "format": FORMAT,
            "dlc": self.version,
            "name": self.name,
            "digest": self.digest,
            "files": {
                name: {"sha256": entry.sha256, "bytes": entry.bytes}
                for name, entry in sorted(self.files.items())
            },
        }
        seal = hashlib.sha256(_json(record)).hexdigest()
        return _json({**record, "seal": seal})


def _json(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def is_bundle(folder: Path) -> bool:
    """Whether a folder says that it is a bundle, of whatever version, sound or not."""
    try:
        record = json.loads(_content(folder))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and str(record.get("format", "")).startswith("dlc-bundle/")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle. Raises `Failure` E0910."""
    try:
        content = _content(folder)
    except FileNotFoundError:
        raise _no_bundle(folder, f"it has no `{MANIFEST}`") from None
    except OSError as error:
        raise io_failure("cannot read", folder / MANIFEST, error) from None
    except ValueError as error:
        raise _no_bundle(folder, str(error)) from None
    try:
        record = json.loads(content)
        format = record["format"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise _no_bundle(folder, f"its `{MANIFEST}` is damaged") from None
    if format != FORMAT:
        raise _no_bundle(
            folder, f"its format is `{str(format)[:40]}`, and this version reads `{FORMAT}`"
        )
    try:
        manifest = _parsed(record)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_bundle(folder, f"its `{MANIFEST}` is damaged") from None
    if manifest.content() != content:
        raise _no_bundle(folder, f"its `{MANIFEST}` was changed after it was written")
    return manifest


def _parsed(record: Mapping[str, Any]) -> Manifest:
    files = {}
    for name, entry in record["files"].items():
        sha256, size = entry["sha256"], entry["bytes"]
        if not _NAME.fullmatch(name) or name == MANIFEST or not _SHA256.fullmatch(sha256):
            raise ValueError(name)
        if type(size) is not int or size < 0:
            raise ValueError(name)
        files[name] = FileEntry(sha256=sha256, bytes=size)
    if MODEL not in files:
        raise ValueError(MODEL)
    texts = [record[key] for key in ("name", "digest", "dlc")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("texts")
    name, digest, version = texts
    return Manifest(name=name, digest=digest, version=version, files=files)


def _content(folder: Path) -> bytes:
    """Raises OSError, and ValueError with a reason."""
    status = os.lstat(folder / MANIFEST)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise ValueError(f"its `{MANIFEST}` is a link or no regular file")
    if status.st_size > _MAX_BYTES:
        raise ValueError(f"its `{MANIFEST}` is larger than 1 MiB")
    return (folder / MANIFEST).read_bytes()


def _no_bundle(folder: Path, reason: str) -> Failure:
    return failure(
        "E0910",
        f"`{shown(folder)}` is no bundle: {reason}",
        help="make one: `dlc export RUN --bundle DIR`",
    )


# ── whether a folder is what its manifest says ───────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A file that is not as it was written, and how it differs."""

    name: str
    what: str


def damages(
    folder: Path, manifest: Manifest, only: Iterable[str] | None = None
) -> tuple[Damage, ...]:
    """How a folder differs from its manifest; where `only` names files, how these do. Raises
    `Failure` E0611 where the folder cannot be read."""
    names = sorted(manifest.files if only is None else only)
    found = []
    for name in names:
        what = _difference(folder / name, manifest.files[name])
        if what:
            found.append(Damage(name=name, what=what))
    if only is not None:
        return tuple(found)
    try:
        others = sorted({entry.name for entry in os.scandir(folder)} - {MANIFEST, *manifest.files})
    except OSError as error:
        raise io_failure("cannot read", folder, error) from None
    return (*found, *(Damage(name=name, what="is not in the manifest") for name in others))


def refusal(folder: Path, found: Iterable[Damage]) -> Failure:
    """The `Failure` E0911 of a folder with damages."""
    first, *rest = found
    return failure(
        "E0911",
        f"`{first.name}` of the bundle `{shown(folder)}` {first.what}",
        notes=tuple(f"`{damage.name}` {damage.what}" for damage in rest[:5]),
        help="copy the bundle again, or make it anew: `dlc export RUN --bundle DIR`",
    )


def _difference(path: Path, entry: FileEntry) -> str:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) or status.st_nlink > 1:
            return "is a link"
        if not stat.S_ISREG(status.st_mode):
            return "is no regular file"
        if status.st_size != entry.bytes:
            return f"has {status.st_size:,} bytes in place of {entry.bytes:,}"
        if sha256_of(path) != entry.sha256:
            return "differs from what was written"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return ""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file of any size. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
