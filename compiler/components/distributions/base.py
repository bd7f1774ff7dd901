"""The base of search distributions."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import Component
from dlc.compiler.record import component


@component
class Distribution(Component):
    """What a search draws one setting from."""

    kind: ClassVar[str] = "distribution"
