"""Which provider runs which nodes of a session, as onnxruntime tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

#: Asks a session to keep what `assignment` reads.
CONFIG = {"session.record_ep_graph_assignment_info": "1"}


def assignment(session: Any) -> Mapping[str, int]:
    """How many nodes each provider runs; empty where this onnxruntime does not tell."""
    tell = getattr(session, "get_provider_graph_assignment_info", None)
    if tell is None:
        return {}
    try:
        parts = tell()
    except Exception:  # its own class for a session that was not asked to keep it
        return {}
    found: Counter[str] = Counter()
    for part in parts:
        found[part.ep_name] += len(part.get_nodes())
    return dict(found)


def operators_on(session: Any, execution: str) -> tuple[str, ...]:
    """The operators of the nodes that a provider runs, the most frequent first."""
    tell = getattr(session, "get_provider_graph_assignment_info", None)
    found: Counter[str] = Counter()
    for part in tell() if tell is not None else ():
        if part.ep_name == execution:
            found.update(node.op_type for node in part.get_nodes())
    return tuple(name for name, _ in found.most_common())
