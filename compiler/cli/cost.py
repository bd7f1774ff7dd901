"""`dlc cost`: parameters, MACs and bytes, per layer and in all."""

from __future__ import annotations

import argparse
import re
import sys

from dlc.compiler.analysis.cost import Cost, cost
from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.output import add_common, report, terminal_width

_HEAD = ("layer", "kind", "shape", "parameters", "MACs", "bytes")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc cost specs/bert_base.yaml --dim T=128\n\n"
        "Counts for one sample: parameters (tied ones once), multiply-accumulates of a\n"
        "forward pass (convolutions and matrix products), and the bytes of activations that\n"
        "training keeps for the backward pass. Sizes that the spec leaves open are the top of\n"
        "their range, or what `--dim` says."
    )
    add_spec(parser)
    parser.add_argument(
        "--dim",
        action="append",
        default=[],
        dest="dims",
        type=size_of,
        metavar="NAME=SIZE",
        help="a size that the spec leaves open: T=128, N=32",
    )
    add_common(parser)


def size_of(text: str) -> tuple[str, int]:
    """An argument `T=128`. Raises ArgumentTypeError."""
    found = re.match(r"([A-Za-z_]\w{0,63})=([1-9]\d{0,14})\Z", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no size: write `T=128`")
    return found[1], int(found[2])


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    found = cost(compilation.program, dict(arguments.dims))
    return report(compilation.warnings, arguments, "cost", found.to_json(), answer=_table(found))


def _table(found: Cost) -> str:
    sizes = ", ".join(f"{name} = {size}" for name, size in found.dims.items())
    rows: list[tuple[str, ...]] = [_HEAD]
    for layer in found.layers:
        shape = "[" + ", ".join(map(str, layer.shape)) + "]"
        own = "?" if layer.bytes is None else _figure(layer.bytes)
        rows.append(
            (layer.name, layer.kind, shape, _figure(layer.parameters), _figure(layer.macs), own)
        )
    total = (found.parameters, found.macs, found.bytes)
    rows.append((f"total ({sizes})" if sizes else "total", "", "", *map(_total, total)))
    columns = list(range(len(_HEAD)))
    widths = [max(len(row[i]) for row in rows) for i in columns]
    if sum(widths) + 2 * len(widths) - 2 > terminal_width(sys.stdout):
        # The name of a layer mostly tells its kind; a line that wraps tells nothing.
        columns.remove(1)
    return "\n".join(_line(row, widths, columns) for row in rows)


def _line(row: tuple[str, ...], widths: list[int], columns: list[int]) -> str:
    cells = (row[i].ljust(widths[i]) if i < 3 else row[i].rjust(widths[i]) for i in columns)
    return "  ".join(cells).rstrip()


def _figure(number: int) -> str:
    return f"{number:,}" if number else ""


def _total(number: int) -> str:
    return f"{number:,}"
