"""`dlc report`: a run as one page."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import add_common, report
from dlc.runtime.failures import failure, shown

if TYPE_CHECKING:
    from dlc.runtime.inference.evaluator import Subject

REPORT = "report.html"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc report runs/lenet5
         dlc report runs/wine --by alcohol --best-error 0.01

Writes a page that opens without a network: what to do next by bias and variance, what
was found, curves, errors with their rows, signals and gradients by layer, the network,
its cost, the data and how to do it again."""
    parser.add_argument("run", metavar="DIR", help="a run folder")
    parser.add_argument("-o", "--output", metavar="FILE", help=f"default: DIR/{REPORT}")
    add_measuring(parser)
    add_common(parser, formats=("text", "json"), lints=False)


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """The arguments about errors."""
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        help="figures for each value of a column",
    )
    parser.add_argument(
        "--best-error",
        type=error_text,
        default=0.0,
        metavar="E",
        help="the error nobody could avoid, a person's (default: 0)",
    )
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda")


def error_text(text: str) -> float:
    """A number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is no error: write `0.02`")
    return value


def run(arguments: argparse.Namespace) -> int:
    require_plots()
    from dlc.runtime.insight.bias_variance import lines
    from dlc.runtime.insight.report.facts import facts_of
    from dlc.runtime.insight.report.report import write_report

    folder = Path(arguments.run)
    subject = subject_of(folder, arguments.device)
    facts = facts_of(folder, subject, by=arguments.by, best=arguments.best_error)
    place = Path(arguments.output) if arguments.output else folder / REPORT
    write_files(place.parent, {place.name: write_report(facts)})
    record = {
        "file": str(place),
        "verdicts": [verdict.record() for verdict in facts.verdicts],
        "findings": facts.findings,
        "notes": list(facts.notes),
    }
    answer = [line for verdict in facts.verdicts for line in (*lines(verdict), "")]
    answer += [f"note: {note}" for note in facts.notes]
    answer.append(f"{shown(place)}: the report")
    return report((), arguments, "report", record, answer="\n".join(answer))


def require_plots() -> None:
    """Raises `Failure` E0603 where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise failure(
            "E0603",
            "a report needs `matplotlib`, which is not installed",
            help="pip install 'dlc[report]'",
            exit_code=2,
        )


def subject_of(folder: Path, device: str) -> Subject | None:
    """What answers for a run: itself by PyTorch, else its exported model; None where there is
    neither, or the folder is one of several members without an answer of their own."""
    from dlc.runtime.inference.evaluator import model_subject, run_subject

    if find_spec("torch") is not None:
        return run_subject(folder, device)
    model = folder / "model.onnx"
    return model_subject(model) if model.is_file() else None
