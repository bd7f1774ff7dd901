"""How a model is run: what `session.json` of a bundle says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

#: What `provider` may be; `auto` is the first of the others that works here.
PROVIDERS = ("auto", "cpu", "cuda", "tensorrt", "openvino")
#: How far onnxruntime rewrites a graph before it runs it.
OPTIMIZATIONS = ("all", "layout", "extended", "basic", "disabled")
#: `parallel` runs branches of a graph at the same time.
EXECUTIONS = ("sequential", "parallel")

_CHOICES = {
    "provider": PROVIDERS,
    "graph_optimization": OPTIMIZATIONS,
    "execution": EXECUTIONS,
}
_MOST_THREADS = 4096


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """How a model is run.

    Threads are of one operator and between operators; 0 leaves the number to onnxruntime, and
    none is ever greater than the processors of the machine. `allow_spinning` lets waiting
    threads keep their processor: faster by itself, slower beside other work.
    """

    provider: str = "auto"
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    graph_optimization: str = "all"
    execution: str = "sequential"
    allow_spinning: bool = False

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"`{name}` is one of {', '.join(choices)}")
        for name in ("intra_op_threads", "inter_op_threads"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= _MOST_THREADS:
                raise ValueError(f"`{name}` is a whole number from 0 to {_MOST_THREADS}")
        if type(self.allow_spinning) is not bool:
            raise ValueError("`allow_spinning` is true or false")

    def content(self) -> bytes:
        """The file."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @classmethod
    def parsed(cls, content: bytes) -> SessionSettings:
        """The reverse; a ValueError says what is wrong."""
        try:
            record: Any = json.loads(content)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if not isinstance(record, Mapping):
            raise ValueError("it is no object")
        known = {field.name for field in fields(cls)}
        unknown = next((key for key in record if key not in known), None)
        if unknown is not None:
            raise ValueError(f"`{str(unknown)[:40]}` is no setting")
        return cls(**record)
