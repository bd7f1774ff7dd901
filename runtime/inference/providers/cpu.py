"""The processor, which runs every model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.inference.providers.base import CPU, Provider, Request
from dlc.runtime.inference.providers.facts import GraphFacts


class Cpu(Provider):
    """The processor."""

    name: ClassVar[str] = "cpu"
    title: ClassVar[str] = "the CPU"
    execution: ClassVar[str] = CPU

    def why_not(self, runtime: Any) -> str:
        return ""

    def requests(self, facts: GraphFacts, settings: SessionSettings) -> Sequence[Request]:
        return (Request(entries=((CPU, {}),)),)
