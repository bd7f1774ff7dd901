"""`dlc learning-curve`: whether more data would help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import add_common, report
from dlc.compiler.drawing.chart import Chart, text_chart, write_chart
from dlc.runtime.failures import USAGE, failure

if TYPE_CHECKING:
    from dlc.runtime.insight.learning_curve import Curve

_SAYS = {
    "more_data": "the validation loss still falls with the rows: more data will help",
    "both": "the validation loss still falls, close to the training loss: more data will help, "
    "and a bigger network with them",
    "bigger_network": "both losses lie flat and close together: more data will not help, "
    "a bigger network may",
    "neither": "the validation loss lies flat above the training loss: more rows of this kind will "
    "hardly help; regularize, or try another architecture",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc learning-curve specs/wine.yaml
         dlc learning-curve specs/lenet5.yaml --shares 0.1,0.3,1 -o curve.svg

Trains the spec on more and more of its training part, each time for as many steps, and
shows the figures on these rows and on the validation part."""
    add_spec(parser)
    parser.add_argument(
        "--shares",
        type=_shares,
        metavar="A,B,...",
        help="of the training part (default: 0.1,0.2,0.4,0.7,1)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="a chart (svg)")
    parser.add_argument("--force", action="store_true", help="replace the file")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda")
    add_common(parser)


def _shares(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0.0 < share <= 1.0 for share in found):
        raise argparse.ArgumentTypeError(f"`{text}` are no shares: write `0.1,0.3,1`")
    return found


def run(arguments: argparse.Namespace) -> int:
    import sys

    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.insight.learning_curve import SHARES, learning_curve
    from dlc.runtime.loading import load_module
    from dlc.runtime.training.plan import plan_of
    from dlc.runtime.training.progress import progress_for

    target = _target(arguments)
    compilation = compile_spec(arguments)
    path = Path(arguments.spec)
    found = learning_curve(
        plan_of(compilation, generate(compilation)),
        spec=(path.name, path.read_text(encoding="utf-8")),
        load=load_module,
        progress=progress_for(sys.stderr),
        shares=arguments.shares or SHARES,
        device=arguments.device,
    )
    answer = f"{_table(found)}\n\n{_SAYS[found.verdict]}\n"
    chart = _chart(compilation.program.name, found)
    if chart is not None:
        answer = f"{text_chart(chart)}\n\n{answer}"
        if target is not None:
            write_files(target.parent, {target.name: write_chart(chart)})
            answer += f"written: {arguments.output}\n"
    record = {**found.record(), "file": arguments.output}
    return report(compilation.warnings, arguments, "learning-curve", record, answer=answer)


def _target(arguments: argparse.Namespace) -> Path | None:
    if arguments.output is None:
        return None
    target = Path(arguments.output)
    problem = ""
    if target.suffix.lower() != ".svg":
        problem = f"`{arguments.output}` is no `.svg`"
    elif target.exists() and not arguments.force:
        problem = f"`{arguments.output}` exists"
    if problem:
        raise failure("E0611", problem, help="name an `.svg`; `--force` replaces", exit_code=USAGE)
    return target


def _table(found: Curve) -> str:
    names = [*found.points[0].training]
    head = ["rows", *(f"{part} {name}" for name in names for part in ("train", "val"))]
    rows = [head]
    for point in found.points:
        cells = [f"{point.rows:,}"]
        for name in names:
            cells += [f"{point.training[name]:.4g}", f"{point.validation[name]:.4g}"]
        rows.append(cells)
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    )


def _chart(name: str, found: Curve) -> Chart | None:
    if len(found.points) < 2 or "loss" not in found.points[0].validation:
        return None
    return Chart(
        title=f"{name}: validation loss over the rows of training",
        x_label="rows",
        y_label="validation loss",
        xs=[float(point.rows) for point in found.points],
        ys=[point.validation["loss"] for point in found.points],
    )
