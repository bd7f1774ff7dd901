"""`dlc lr-range`: a learning rate, found by trying."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import USAGE, add_common, report
from dlc.compiler.drawing.chart import Chart, shown, text_chart, write_chart
from dlc.runtime.failures import failure

if TYPE_CHECKING:
    from dlc.runtime.training.lr_range import Sweep


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc lr-range specs/lenet5.yaml -o range.svg

Trains some steps while the learning rate rises, and shows where the loss falls
fastest and a tenth of where it is least. Writes nothing but the picture."""
    add_spec(parser)
    parser.add_argument(
        "--low", type=_rate, default=1e-6, metavar="LR", help="first rate (default: 1e-6)"
    )
    parser.add_argument(
        "--high", type=_rate, default=1.0, metavar="LR", help="last rate (default: 1)"
    )
    parser.add_argument(
        "--steps", type=_steps, default=100, metavar="N", help="how many rates (default: 100)"
    )
    parser.add_argument("-o", "--output", metavar="F", help="a picture to write: .svg")
    parser.add_argument("--force", action="store_true", help="replace the file where it exists")
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="cpu, cuda, mps (default: auto)"
    )
    add_common(parser, formats=("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    target = _target(arguments)
    if arguments.low >= arguments.high:
        raise failure(
            "E0310",
            f"`--low` of {arguments.low:g} is not below `--high` of {arguments.high:g}",
            help="the rate rises from the one to the other",
            exit_code=USAGE,
        )
    compilation = compile_spec(arguments)
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.device import choose_device
    from dlc.runtime.loading import load_module
    from dlc.runtime.training.lr_range import sweep
    from dlc.runtime.training.plan import plan_of

    found = sweep(
        plan_of(compilation, generate(compilation)),
        load=load_module,
        device=choose_device(arguments.device),
        low=arguments.low,
        high=arguments.high,
        steps=arguments.steps,
        say=lambda _: None,
    )
    chart = _chart(compilation.program.name, found)
    answer = f"{text_chart(chart)}\n\n{_advice(found)}"
    if target is not None:
        write_files(target.parent, {target.name: write_chart(chart)})
        answer += f"\nwritten: {arguments.output}"
    record = {
        "rates": found.rates,
        "losses": found.losses,
        "smoothed": found.smoothed,
        "steepest": found.steepest,
        "lowest": found.lowest,
        "tenth_of_lowest": found.lowest / 10,
        "diverged": found.diverged,
        "file": arguments.output,
    }
    return report(compilation.warnings, arguments, "lr-range", record, answer=f"{answer}\n")


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


def _chart(name: str, found: Sweep) -> Chart:
    marks = [(found.lowest / 10, "a tenth of the lowest")]
    if found.steepest is not None:
        marks.append((found.steepest, "steepest"))
    low, high = found.rates[0], found.rates[-1]
    return Chart(
        title=f"{name}: loss over the learning rate",
        x_label="learning rate",
        y_label="loss, smoothed",
        xs=found.rates,
        ys=found.smoothed,
        marks=[(rate, text) for rate, text in marks if low <= rate <= high],
        log_x=True,
    )


def _advice(found: Sweep) -> str:
    if found.steepest is None:
        return "the loss did not fall: try other rates (`--low`, `--high`), or more `--steps`"
    lines = [
        f"steepest fall at      {shown(found.steepest)}",
        f"a tenth of the lowest {shown(found.lowest / 10)}",
    ]
    if found.diverged:
        lines.append(f"diverged at           {shown(found.rates[-1])}")
    else:
        lines.append("it did not diverge: `--high` may be larger")
    lines.append(f"next: `--set optimizer.lr={shown(min(found.steepest, found.lowest / 10))}`")
    return "\n".join(lines)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"`{text}` is no learning rate: write `1e-6`")
    return value


def _steps(text: str) -> int:
    if not text.isdecimal() or not 10 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of steps from 10 on")
    return int(text)
