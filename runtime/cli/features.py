"""`dlc features`: what a layer inside a model gives for the rows of a table."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlc.compiler.cli.output import add_common, report
from dlc.runtime.bundle.manifest import is_bundle
from dlc.runtime.bundle.opening import find_model
from dlc.runtime.cli.predict import positive
from dlc.runtime.cli.providers import add_provider
from dlc.runtime.export.metadata import ModelInfo, NodeValue
from dlc.runtime.failures import USAGE, failure, shown
from dlc.runtime.inference.answers import AnswerFile
from dlc.runtime.inference.features import FeatureExtractor, feature_columns, read_nodes
from dlc.runtime.inference.inner_values import chosen_value
from dlc.runtime.inference.predictor import open_data


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc features runs/lenet5 digits.parquet -o out.parquet --keep label
         dlc features model.onnx digits.parquet -o conv2.csv --node conv2
         dlc features runs/lenet5 --list

Writes the row numbers from 1, the columns to keep, and what a layer, block or input
of the spec gives: in Parquet and JSON Lines one column of lists, in CSV and TSV a
column for each number. An ONNX file needs no PyTorch; a run folder is exported first.
Files of any size are read in chunks; the order is kept."""
    parser.add_argument("model", metavar="MODEL", help="a run folder, a bundle, or an ONNX file")
    parser.add_argument("data", metavar="DATA", nargs="?", help="csv, tsv, jsonl or parquet")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="what is written: parquet, csv, tsv or jsonl"
    )
    parser.add_argument(
        "--node",
        metavar="NAME",
        help="the layer, block or input (default: what the last layer with weights takes)",
    )
    parser.add_argument("--list", action="store_true", help="show the nodes with their types")
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="put a column of the data before the features",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="take N rows at most")
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="rows at a time (default: by their size)"
    )
    add_provider(parser)
    parser.add_argument(
        "--weights",
        choices=("best", "last", "average"),
        metavar="NAME",
        help="of a run: best, last, average (default: what the run ended with)",
    )
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    _refuse_contradictions(arguments)
    with _model_file(arguments) as path:
        nodes, info = read_nodes(path)
        if arguments.list:
            return _list(arguments, nodes, info)
        node = chosen_value(nodes, arguments.node, info)
        extractor = FeatureExtractor(
            path=path, provider=arguments.provider, strict=arguments.strict, node=node
        )
        table = open_data(Path(arguments.data))
        began = time.perf_counter()
        out = Path(arguments.output)
        lists = out.suffix.lower() not in (".csv", ".tsv")
        with AnswerFile(out) as file:
            for part in extractor.answers(
                table,
                batch_size=arguments.batch_size,
                limit=arguments.limit,
                keep=arguments.keep,
            ):
                (values,) = part.outputs.values()
                kept = {
                    name: part.kept.column(name).combine_chunks() for name in part.kept.column_names
                }
                columns = {"row": pa.array(part.numbers), **kept}
                file.write(columns | feature_columns(node, values, columns, lists=lists))
            if file.rows == 0:
                raise failure("E0604", "the data has no rows", help="give a table with rows")
        seconds = time.perf_counter() - began
        record: dict[str, Any] = {
            "model": arguments.model,
            "data": arguments.data,
            "output": arguments.output,
            "node": node,
            "type": str(nodes[node]),
            "rows": file.rows,
            "provider": extractor.session.provider,
            "seconds": round(seconds, 3),
        }
        text = (
            f"wrote {shown(out)}: `{node}`, {nodes[node]}, of {file.rows:,} "
            f"row{'' if file.rows == 1 else 's'}\n{extractor.session.note}, in {seconds:.2g} s"
        )
        return report((), arguments, "features", record, answer=text)


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    for name in arguments.keep:
        if arguments.keep.count(name) > 1:
            raise failure("E0311", f"`--keep {name}` is given twice", exit_code=USAGE)
    if arguments.list:
        return
    if arguments.data is None or arguments.output is None:
        raise failure(
            "E0309",
            "there is nothing to write: " + ("no data" if arguments.data is None else "no `-o`"),
            help="`dlc features MODEL DATA -o features.parquet`, or `--list` alone",
            exit_code=USAGE,
        )
    for name in (arguments.model, arguments.data):
        given, out = Path(name), Path(arguments.output)
        if given.exists() and out.exists() and given.samefile(out):
            raise failure(
                "E0611",
                f"the features would replace `{shown(given)}`, which they are made from",
                help="give `-o` another name",
                exit_code=USAGE,
            )


@contextmanager
def _model_file(arguments: argparse.Namespace) -> Iterator[Path]:
    """The model file; a run folder is exported for the time of the command, so that what is
    given is what the run's weights are now, and proved equal to PyTorch."""
    path = Path(arguments.model)
    bundle = path.is_dir() and is_bundle(path)
    if path.is_dir() and not bundle and find_spec("torch") is not None:
        from dlc.runtime.export.exporter import export_network
        from dlc.runtime.export.sources import of_run

        with tempfile.TemporaryDirectory(prefix="dlc-features-") as folder:
            network, out = of_run(path, arguments.weights), Path(folder) / "model.onnx"
            # With a value of every layer, and their full precision.
            yield export_network(network, out, fold=False, precision="float32").path
        return
    if arguments.weights is not None:
        raise failure(
            "E0311",
            "`--weights` chooses of the weights of a run, which needs PyTorch",
            help="leave `--weights` out",
            exit_code=USAGE,
        )
    if path.is_dir() and not bundle and not (path / "model.onnx").is_file():
        raise failure(
            "E0603",
            f"features of the run `{shown(path)}` need PyTorch, or its exported model",
            help="pip install 'dlc[train]', or `dlc export` it where PyTorch is",
        )
    yield find_model(path)


def _list(arguments: argparse.Namespace, nodes: Mapping[str, NodeValue], info: ModelInfo) -> int:
    width = max((len(name) for name in nodes), default=0)
    lines = [
        f"{name.ljust(width)}  {node}" + ("  (default)" if name == info.features else "")
        for name, node in nodes.items()
    ]
    lines += [
        f"{name.ljust(width)}  not in the file: folded into `{into}`"
        for name, into in info.folded.items()
    ]
    record = {
        "model": arguments.model,
        "folded": dict(info.folded),
        "nodes": {
            name: {"dtype": node.dtype, "shape": list(node.shape)} for name, node in nodes.items()
        },
        "default": info.features or None,
    }
    return report((), arguments, "features", record, answer="\n".join(lines))
