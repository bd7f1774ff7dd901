"""`dlc evaluate`: the figures of a run, or of its ONNX file, on rows kept for testing."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dlc.compiler.cli.output import add_common, report
from dlc.runtime.bundle.manifest import is_bundle
from dlc.runtime.bundle.opening import find_model
from dlc.runtime.cli.providers import add_provider
from dlc.runtime.data.splits import PARTS
from dlc.runtime.failures import failure, shown
from dlc.runtime.inference.evaluator import (
    ALL,
    Evaluation,
    Subject,
    evaluate,
    model_subject,
    run_subject,
)
from dlc.runtime.inference.figures import figure_lines, plain


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc evaluate runs/lenet5
         dlc evaluate runs/lenet5/model.onnx --format json
         dlc evaluate model.onnx --data new.parquet

Measures the test part of the data that the model was trained on, or all rows of
another file."""
    parser.add_argument("target", metavar="TARGET", help="a run folder, a bundle, or an ONNX file")
    parser.add_argument("--data", metavar="FILE", help="the rows (default: those of the spec)")
    parser.add_argument(
        "--split",
        choices=(*PARTS, ALL),
        metavar="PART",
        help="train, validation, test, all (default: test)",
    )
    parser.add_argument("--show", type=int, default=0, metavar="N", help="show the first N answers")
    add_provider(parser)
    parser.add_argument(
        "--weights",
        choices=("best", "last", "average"),
        metavar="NAME",
        help="of a run: best, last, average (default: what the run ended with)",
    )
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    data = Path(arguments.data) if arguments.data else None
    found = evaluate(_subject(arguments), data=data, part=arguments.split, show=arguments.show)
    record = {
        "target": arguments.target,
        "split": found.part,
        "rows": found.rows,
        "metrics": plain(found.metrics),
        "matrices": {name: matrix.record() for name, matrix in found.matrices.items()},
        "runs_on": found.runs_on,
    }
    if arguments.show:
        record["samples"] = [
            {"row": s.row, "truth": dict(s.truth), "answer": dict(s.answer)} for s in found.samples
        ]
    return report((), arguments, "evaluate", record, answer=_answer(found))


def _subject(arguments: argparse.Namespace) -> Subject:
    target = Path(arguments.target)
    if not target.is_dir() or is_bundle(target):
        _refuse_weights(arguments, "a model file has one set of weights")
        return model_subject(find_model(target), arguments.provider, strict=arguments.strict)
    if find_spec("torch") is not None:
        if arguments.provider in ("tensorrt", "openvino"):
            raise failure(
                "E0612",
                f"`--provider {arguments.provider}` runs model files, and PyTorch runs the run "
                f"`{shown(target)}`",
                help=f"name its file: `dlc evaluate {shown(target / 'model.onnx')}`",
            )
        return run_subject(target, arguments.provider, arguments.weights)
    _refuse_weights(arguments, "without PyTorch the run's exported model is measured")
    model = target / "model.onnx"
    if not model.is_file():
        raise failure(
            "E0603",
            f"evaluating the run `{shown(target)}` needs PyTorch, or its exported model",
            help="pip install 'dlc[train]', or `dlc export` it where PyTorch is",
        )
    return model_subject(model, arguments.provider, strict=arguments.strict)


def _refuse_weights(arguments: argparse.Namespace, reason: str) -> None:
    if arguments.weights is not None:
        raise failure(
            "E0311",
            f"`--weights` chooses of the weights of a run: {reason}",
            help="leave `--weights` out",
            exit_code=2,
        )


def _answer(found: Evaluation) -> str:
    lines = []
    if found.samples:
        lines += [*_shown(found), ""]
    rows = f"{found.rows:,} row{'' if found.rows == 1 else 's'}"
    part = f"all {rows}" if found.part == ALL else f"{rows} of the {found.part} part"
    lines.append(f"{part} of {shown(found.data)}; {found.runs_on}")
    lines += [f"  {line}".rstrip() for line in figure_lines(found.metrics, found.matrices)]
    return "\n".join(lines)


def _shown(found: Evaluation) -> list[str]:
    cells: list[list[str]] = []
    outputs = list(found.samples[0].truth)
    head = ["row"]
    for output in outputs:
        head += ["truth", "answer"] if len(outputs) == 1 else [f"{output} truth", "answer"]
    cells.append(head)
    for sample in found.samples:
        line: list[Any] = [f"{sample.row:,}"]
        for output in outputs:
            line += [sample.truth[output], sample.answer[output]]
        cells.append(line)
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    return [
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        for line in cells
    ]
