"""What may be wrong with data: a finding a file, found by its name.

Those that the sizes of columns and classes tell are lints of the compiler, which `dlc check
--profile` runs as well: `dlc.compiler.data_lints`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import cast

from dlc.compiler import data_lints
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
    """What every check finds, in the order of their codes."""
    found = [
        *(finding for check in checks() for finding in check.check(facts)),
        *data_lints.find(facts.compilation, facts.profile),
    ]
    yield from sorted(found, key=lambda finding: finding.code.number)


__all__ = ["Check", "Finding", "checks", "find"]
