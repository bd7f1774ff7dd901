"""The examination of a network before it is trained. One check is one file of this folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import cache
from importlib import import_module
from typing import cast

from dlc.runtime.insight.doctor.base import Check, Patient, Verdict, skipped


def examine(
    patient: Patient, *, only: Collection[str] = (), skip: Collection[str] = ()
) -> Iterator[Verdict]:
    """The verdicts, one after the other as they are found; `only` and `skip` are names of
    checks."""
    for check in checks():
        if (only and check.NAME not in only) or check.NAME in skip:
            continue
        reason = check.obstacle(patient)
        if reason:
            yield skipped(check, reason)
        else:
            yield check.check(patient)


@cache
def checks() -> tuple[Check, ...]:
    """The checks of this folder, in the order in which they are made."""
    names = sorted(
        entry[:-3]
        for folder in __path__
        for entry in os.listdir(folder)
        if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
    )
    modules = [cast(Check, import_module(f"{__name__}.{name}")) for name in names]
    return tuple(sorted(modules, key=lambda module: module.ORDER))
