"""A spec without paths of the machine that it was trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from dlc.compiler import Source, check
from dlc.runtime.failures import failure

if TYPE_CHECKING:
    from dlc.compiler import Compilation


def portable(compilation: Compilation) -> Compilation:
    """The compilation with each absolute path of its spec cut to its last name, so that the
    text of the spec, and with it the digest, tell no folder and no user. The network is the
    same. Relative paths stay: they are below the spec."""
    text = compilation.canonical
    found = sorted(set(_absolute(compilation.settings)), key=len, reverse=True)
    if not found:
        return compilation
    for path in found:
        text = text.replace(path, _last(path))
    result = check(Source("resolved.yaml", text, "yaml"))
    if result.compilation is None or any(path in text for path in found):
        raise failure(
            "E0602",
            f"the spec names `{found[0]}`, which a bundle cannot tell",
            help="write paths in the spec relative to its folder",
        )
    return replace(compilation, spec=result.compilation.spec)


def _absolute(value: Any) -> Iterator[str]:
    """The texts in a settings tree that are absolute paths of some system."""
    if isinstance(value, str):
        if _is_absolute(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _absolute(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _absolute(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _absolute(getattr(value, field.name))


def _is_absolute(text: str) -> bool:
    if len(text) < 3 or "\n" in text:
        return False
    posix = text.startswith("/") and bool(PurePosixPath(text).name)
    return posix or text.startswith("~/") or PureWindowsPath(text).is_absolute()


def _last(text: str) -> str:
    windows = "\\" in text or text[1:2] == ":"
    return PureWindowsPath(text).name if windows else PurePosixPath(text).name
