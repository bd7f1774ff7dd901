"""`dlc diff`: what differs between two specs: layers, shapes, cost, settings."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlc.compiler import spec_differences
from dlc.compiler.analysis.layer_changes import LayerChange, NetworkChange, layer_changes
from dlc.compiler.cli.compiling import add_dims, check_path, no_model
from dlc.compiler.cli.output import USAGE, CommandError, add_common, report, terminal_width
from dlc.compiler.cli.units import bytes_text
from dlc.compiler.diagnostics.model import DiagnosticError, Severity
from dlc.runtime.failures import failure, shown

if TYPE_CHECKING:
    from dlc.compiler import Compilation, Difference

_MARKS = {"added": "+", "removed": "-", "changed": "~", "renamed": "="}
DIFFERENT = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc diff narrow.yaml wide.yaml
         dlc diff lenet5.yaml --set p=0.1
         dlc diff runs/monday runs/tuesday

What changes from one spec to another: layers added, removed, renamed and changed, shapes,
parameters, cost, settings. A spec is a `.yaml` or `.dlc` file, or the folder of a run. How
a spec is written does not count: both surfaces of one spec are equal.

Exit status: 0 equal, 1 different, 2 where one of them cannot be compared."""
    parser.add_argument("before", metavar="SPEC", help="a spec, or the folder of a run")
    parser.add_argument(
        "after", nargs="?", metavar="SPEC", help="the other (default: the first with `--set`)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="PATH=VALUE",
        help="change a parameter or setting of the second: p=0.2, optimizer.lr=1e-3",
    )
    add_dims(parser)
    parser.add_argument("--root", metavar="DIR", help="the folder that imports stay in")
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.after is None and not arguments.sets:
        raise failure(
            "E0309",
            "there is one spec to compare",
            help="name two, or say what changes: `--set p=0.2`",
            exit_code=USAGE,
        )
    names = arguments.before, arguments.after or arguments.before
    before = _compiled(names[0], arguments, ())
    after = _compiled(names[1], arguments, tuple(arguments.sets))
    network = layer_changes(before.program, after.program)
    settings = _settings(before, after)
    costs = [_figures(c, dict(arguments.dims)) for c in (before, after)]
    equal = network.is_none and not settings
    record = {
        "equal": equal,
        "specs": [
            {"file": name, "model": c.program.name, "digest": c.digest}
            for name, c in zip(names, (before, after), strict=True)
        ],
        "layers": [change.to_json() for change in network.layers],
        "same_layers": network.same,
        "outputs": {name: [old, new] for name, old, new in network.outputs},
        "cost": {name: [cost.get(name) for cost in costs] for name in {**costs[0], **costs[1]}},
        "settings": {d.path: [d.before, d.after] for d in settings},
    }
    answer = _text(record, network, settings) if not equal else _alike(names)
    status = report((), arguments, "diff", record, answer=answer)
    return status or (0 if equal else DIFFERENT)


def _compiled(place: str, arguments: argparse.Namespace, sets: Sequence[str]) -> Compilation:
    """Raises CommandError with status 2: 1 says that two specs differ."""
    try:
        if Path(place).is_dir():
            from dlc.runtime.runs.comparison import compiled
            from dlc.runtime.runs.listing import read_run

            return compiled(read_run(Path(place)), sets)
        result = check_path(place, argparse.Namespace(root=arguments.root, sets=sets))
    except DiagnosticError as problem:
        raise CommandError(*problem.diagnostics, status=USAGE) from None
    errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
    if result.compilation is None:
        raise CommandError(*(errors or [no_model(place)]), status=USAGE)
    return result.compilation


def _settings(before: Compilation, after: Compilation) -> list[Difference]:
    """All that is no layer: those of the network are compared as they are built."""
    found = []
    for difference in spec_differences(before.spec, after.spec):
        head, _, rest = difference.path.partition(".")
        if head == "layers" or (head == "blocks" and ".params." not in f".{rest}"):
            continue
        found.append(difference)
    return found


def _figures(compilation: Compilation, dims: dict[str, int]) -> dict[str, int]:
    """What a network costs: of one sample, and of a step over the batch of the spec; empty
    where that depends on a size that is not known."""
    from dlc.compiler.analysis.cost import cost
    from dlc.compiler.analysis.memory import memory

    program, settings = compilation.program, compilation.settings
    stated = settings.data.batch_size if settings.data is not None else 1
    batch = stated if isinstance(stated, int) else 1
    found = {"parameters": program.parameter_count}
    try:
        counted = cost(program, dims)
        step = memory(program, settings, batch=batch, dims=dims)
    except DiagnosticError as problem:
        if dims:
            raise CommandError(*problem.diagnostics, status=USAGE) from None
        return found
    return {
        **found,
        "buffers": counted.buffers,
        "macs": counted.macs,
        "bytes": counted.bytes,
        "batch": batch,
        "optimizer": step.optimizer,
        "training": step.training,
        "inference": step.inference,
    }


# ── as text ──────────────────────────────────────────────────────────────────

_ROWS = {
    "parameters": "parameters",
    "buffers": "buffers",
    "macs": "MACs of a sample",
    "bytes": "kept for backward, of a sample",
    "batch": "batch",
    "optimizer": "state of the optimizer",
    "training": "peak of a training step",
    "inference": "peak of a forward pass",
}
_IN_BYTES = frozenset({"bytes", "optimizer", "training", "inference"})


def _alike(names: Sequence[str]) -> str:
    return f"{shown(Path(names[0]))} and {shown(Path(names[1]))} are equal"


def _text(record: dict[str, Any], network: NetworkChange, settings: Sequence[Difference]) -> str:
    width = min(terminal_width(sys.stdout), 120)
    lines = [_counted(network)]
    lines += _aligned([*_layer_rows(network)], width)
    if network.outputs:
        lines += ["", "outputs"]
        lines += _aligned([("", n, _change(n, o, w)) for n, o, w in network.outputs], width)
    lines += ["", *_cost_lines(record["cost"])]
    if settings:
        lines += ["", "settings"]
        rows = [("", d.path, f"{_or_none(d.before)} → {_or_none(d.after)}") for d in settings]
        lines += _aligned(rows, width)
    return "\n".join(lines)


def _counted(network: NetworkChange) -> str:
    counts = dict.fromkeys(_MARKS, 0)
    for layer in network.layers:
        counts[layer.change] += 1
    told = [f"{count} {change}" for change, count in counts.items() if count]
    return "layers: " + ", ".join([*told, f"{network.same} the same"])


def _layer_rows(network: NetworkChange) -> Iterator[tuple[str, str, str]]:
    """A row a change; layers of repeated blocks that change alike are one, with their number."""
    groups: dict[LayerChange, int] = {}
    first: dict[LayerChange, LayerChange] = {}
    for layer in network.layers:
        key = replace(layer, before=_anywhere(layer.before), after=_anywhere(layer.after))
        key = replace(key, differences=tuple(_everywhere(key.differences)))
        groups[key] = groups.get(key, 0) + 1
        first.setdefault(key, layer)
    for key, count in groups.items():
        layer = key if count > 1 else first[key]
        path = (
            layer.path if layer.before in (None, layer.path) else f"{layer.before} → {layer.path}"
        )
        if layer.after is None:
            path = layer.path
        times = f" ({count} layers)" if count > 1 else ""
        yield _MARKS[layer.change], path + times, _told(layer)


def _anywhere(path: str | None) -> str | None:
    """The path with `*` for the turns of repeats."""
    return None if path is None else re.sub(r"\.\d+(?=\.|$)", ".*", path)


def _everywhere(
    differences: Sequence[tuple[str, str | None, str | None]],
) -> Iterator[tuple[str, str | None, str | None]]:
    for name, old, new in differences:
        yield (name, _anywhere(old), _anywhere(new)) if name == "reads" else (name, old, new)


def _told(layer: LayerChange) -> str:
    if layer.change in ("added", "removed"):
        return f"{layer.text} {layer.shape}"
    return "; ".join(_change(*one) for one in layer.differences)


def _change(name: str, before: str | None, after: str | None) -> str:
    if name == "shape" and before is not None and after is not None:
        types = [text.partition("[")[0] for text in (before, after)]
        if types[0] == types[1]:
            before, after = (text.removeprefix(types[0]) for text in (before, after))
    return f"{name} {_or_none(before)} → {_or_none(after)}"


def _or_none(text: str | None) -> str:
    return "-" if text is None else text


def _cost_lines(costs: dict[str, list[int | None]]) -> list[str]:
    rows = [("cost", "before", "after", "")]
    for name, (before, after) in costs.items():
        if not before and not after:
            continue
        share = "" if before is None or after is None else _share(before, after)
        rows.append((f"  {_ROWS[name]}", _figure(name, before), _figure(name, after), share))
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = [
        "  ".join(
            text.rjust(width) if k else text.ljust(width)
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if "macs" not in costs:
        lines.append("  the rest depends on a size without an upper bound: `--dim T=128`")
    return lines


def _figure(name: str, value: int | None) -> str:
    if value is None:
        return "-"
    return bytes_text(value) if name in _IN_BYTES else f"{value:,}"


def _share(before: int, after: int) -> str:
    if before == after:
        return ""
    return f"{(after - before) / before:+.1%}" if before else "new"


def _aligned(rows: Sequence[tuple[str, str, str]], width: int) -> list[str]:
    """Rows of a mark, a path and what there is to tell, which goes on below itself."""
    most = max((len(path) for _, path, _ in rows), default=0)
    most = min(most, width // 2)
    lines = []
    for mark, path, told in rows:
        head = f"  {mark} {path:<{most}}  " if mark else f"  {path:<{most}}  "
        if len(path) > most and told:
            lines.append(head.rstrip())
            head = " " * (most + (6 if mark else 4))
        lines += textwrap.wrap(
            told,
            width,
            initial_indent=head,
            subsequent_indent=" " * (most + (6 if mark else 4)),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [head.rstrip()]
    return lines
