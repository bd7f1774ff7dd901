"""The base of search distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dlc.compiler.components.base import Component


@dataclass(frozen=True, kw_only=True)
class Distribution(Component):
    """What a search draws one setting from."""

    kind: ClassVar[str] = "distribution"
