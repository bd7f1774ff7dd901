"""What goes where between a weights file and a network, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.render.display import visible
from dlc.compiler.transfer.findings import roots
from dlc.compiler.transfer.header import Stored, short
from dlc.compiler.transfer.plan import Fill, Plan
from dlc.runtime.failures import shown

_MOST_LISTED = 8


def summary(plan: Plan, path: Path, size: int) -> str:
    """A few lines: what the file is, how much of the network it fills, what is left."""
    network, tensors = plan.network, plan.tensors
    total = sum(wanted.elements for wanted in network.tensors.values())
    kinds = ", ".join(dict.fromkeys(stored.type_name for stored in tensors.values()))
    lines = [
        f"{shown(path)}: {_counted(len(tensors), 'tensor')}, {_bytes(size)}"
        + (f", {kinds}" if kinds else ""),
        f"fills {len(plan.fills)} of {len(network.tensors)} parameters and buffers of "
        f"{network.name}: {plan.filled_elements:,} of {total:,} numbers",
    ]
    for what, names, every in (
        ("left at `init`, as asked", plan.left, network.tensors),
        ("left at `init`", plan.unfilled, network.tensors),
        ("not used, as asked", plan.dropped, tensors),
        ("not used", plan.unused, tensors),
    ):
        if names:
            lines.append(f"  {what}: {_roots(names, every)}")
    return visible("\n".join(lines))


def listing(plan: Plan) -> str:
    """Every tensor of ours with what fills it, then those of the file that go nowhere."""
    rows = []
    for name, wanted in plan.network.tensors.items():
        fill = plan.fills.get(name)
        rows.append((name, str(list(wanted.shape)), "" if fill is None else _origin(fill)))
    rows += [(f"({name})", "", _origin(fill)) for name, fill in _twins(plan)]
    outside = {*plan.unused, *plan.dropped}
    rows += [
        ("", str(list(stored.shape)), short(name))
        for name, stored in plan.tensors.items()
        if name in outside
    ]
    head = ("ours", "shape", "theirs")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in (0, 1)]
    return visible(
        "\n".join(
            f"{ours.ljust(widths[0])}  {shape.ljust(widths[1])}  {theirs}".rstrip()
            for ours, shape, theirs in (head, *rows)
        )
    )


def record(plan: Plan) -> dict[str, Any]:
    """The whole plan as JSON has it."""
    return {
        "model": plan.network.name,
        "tensors": {name: _stored(stored) for name, stored in plan.tensors.items()},
        "filled": {
            name: {"from": list(fill.sources), **_steps(fill.steps)}
            for name, fill in plan.fills.items()
        },
        "tied": {fill.name: list(fill.sources) for _, fill in plan.twins},
        "left": list(plan.left),
        "unfilled": list(plan.unfilled),
        "dropped": list(plan.dropped),
        "unused": list(plan.unused),
    }


def _stored(stored: Stored) -> dict[str, Any]:
    return {"dtype": stored.type_name, "shape": list(stored.shape)}


def _twins(plan: Plan) -> Iterable[tuple[str, Fill]]:
    return ((fill.name, fill) for _, fill in plan.twins)


def _origin(fill: Fill) -> str:
    names = ", ".join(map(short, fill.sources))
    steps = ", ".join(
        f"{key}: {str(value).lower() if isinstance(value, bool) else value}"
        for key, value in _steps(fill.steps).items()
    )
    return f"{names}  ({steps})" if steps else names


def _steps(steps: Rename | None) -> dict[str, Any]:
    """The steps that are taken, by their keys in a spec."""
    if steps is None:
        return {}
    found: dict[str, Any] = {}
    if steps.transpose:
        order = steps.transpose
        found["transpose"] = list(order) if isinstance(order, tuple) else order
    if steps.concat is not None:
        found["concat"] = steps.concat
    if steps.chunk is not None:
        found |= {"chunk": list(steps.chunk), "dim": steps.dim}
    if steps.reshape:
        found["reshape"] = True
    return found


def _roots(names: Sequence[str], every: Mapping[str, object]) -> str:
    found = roots(names, every)
    told = [
        short(name) + (f" ({count})" if count > 1 else "")
        for name, count in [*found.items()][:_MOST_LISTED]
    ]
    rest = len(found) - len(told)
    return ", ".join(told) + (f", and {rest} more" if rest else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
