"""What may be wrong with data: a finding a file, found by its name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import cast

from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings.base import Check, Finding


@cache
def checks() -> tuple[Check, ...]:
    """The checks of this folder, in the order of their codes."""
    names = sorted(
        entry[:-3]
        for folder in __path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )
    modules = [cast(Check, import_module(f"{__name__}.{name}")) for name in names]
    return tuple(sorted(modules, key=lambda check: check.CODE.number))


def find(facts: Facts) -> Iterator[Finding]:
    """What every check finds."""
    for check in checks():
        yield from check.check(facts)


__all__ = ["Check", "Finding", "checks", "find"]
