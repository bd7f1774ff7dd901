"""What every provider answers: whether it can run here, and with which options for a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.inference.providers.facts import GraphFacts

#: A provider as onnxruntime takes it: its name there, and its options.
Entry: TypeAlias = tuple[str, dict[str, str]]

CPU = "CPUExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a session is asked for: `entries` in the order in which they get nodes, settings of
    the session by their keys, and whether it is run through captured CUDA graphs."""

    entries: tuple[Entry, ...]
    config: dict[str, str] = field(default_factory=dict)
    captured: bool = False


class Provider:
    """One of them. `name` is what `--provider` takes, `title` what messages say, `execution`
    its name in onnxruntime."""

    name: ClassVar[str]
    title: ClassVar[str]
    execution: ClassVar[str]

    def why_not(self, runtime: Any) -> str:
        """Why it cannot run here, or nothing. No session is made."""
        raise NotImplementedError(self.name)

    def refuses(self, facts: GraphFacts) -> str:
        """What it computes wrongly of a graph, or nothing."""
        return ""

    def requests(self, facts: GraphFacts, settings: SessionSettings) -> Sequence[Request]:
        """What to ask for, the best first; the others where that does not load."""
        raise NotImplementedError(self.name)
