"""From a trained network to a file that is proved to compute the same.

The file is made, checked and compared with PyTorch before it gets its name; where
anything fails, nothing is left behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlc.compiler.codegen.onnx_graph import Members, Pipeline, lower, preprocess_key
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.postprocessing.labels import Labels
from dlc.compiler.components.preprocessing.base import raw_type
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.dims import INFINITY, Symbol, symbols
from dlc.compiler.ir.graph import Graph, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.passes.simplify import simplify
from dlc.runtime.data.pictures import picture_type
from dlc.runtime.data.preprocessing import Preprocessing, refuse_unavailable
from dlc.runtime.data.raw import reading
from dlc.runtime.export.draft import Draft, OutsideDraft
from dlc.runtime.export.metadata import DataRecord, ModelInfo
from dlc.runtime.export.model_info import in_precision, model_info
from dlc.runtime.export.onnx_builder import IR_VERSIONS, export_program
from dlc.runtime.export.parity import ParityReport, compare
from dlc.runtime.export.precision.report import PrecisionReport
from dlc.runtime.export.probes import Probe, RawValues, probes
from dlc.runtime.export.reference import TorchReference, network_state
from dlc.runtime.export.scores import class_scores
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import failure, io_failure
from dlc.runtime.transfer.pretrained import Report

if TYPE_CHECKING:
    from torch import nn

    from dlc.runtime.export.precision.choosing import Lowered

# Above this the weights go to a file of their own; protobuf itself ends at 2 GiB.
OUTSIDE_BYTES = 1_500_000_000
# Conv, pools and recurrent layers have a bfloat16 form since.
_BFLOAT16_OPSET = 22


@dataclass(frozen=True, kw_only=True)
class Network:
    """What is exported. `preprocessing` is None for weights that were never trained here;
    then the file takes the network's inputs as the spec declares them. `started` is what of
    them came from the spec's `transfer`. Where it is several networks with one answer, these are
    `members`, `module` an `EnsembleNetwork`, and `compilation` that of the first. `root` is
    the folder that the data of a run is below."""

    compilation: Compilation
    module: nn.Module
    preprocessing: Preprocessing | None = None
    data: DataRecord | None = None
    metrics: Mapping[str, float] | None = None
    started: Report | None = None
    members: Members | None = None
    root: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file that passed the gate. `folded` are layers without a node of their own, each with
    the one that does their work. `emit_seconds` is the making of the graph and its weights in
    memory, without checks and writing."""

    path: Path
    outside: Path | None
    bytes: int
    opset: int
    ir_version: int
    nodes: int
    folded: Mapping[str, str]
    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]
    parity: ParityReport
    emit_seconds: float
    precision: PrecisionReport | None = None
    warnings: tuple[Diagnostic, ...] = ()


def export_network(
    network: Network,
    out: Path,
    opset: int | None = None,
    *,
    outside_bytes: int = OUTSIDE_BYTES,
    fold: bool = True,
    precision: str | None = None,
    max_drop: float | None = None,
) -> Exported:
    """Writes a network as ONNX, proved equal to PyTorch. Without `fold` the file has a node for
    all that each layer does, as the spec has it. `precision` and `max_drop` are the spec's where
    they are None; a spec's precision waits for weights that were trained.

    Raises `DiagnosticError` E0614 where ONNX cannot express a layer, `Failure` E0601 where
    the results differ, E0602, E0403, E0611; for a smaller number format E0902 to E0904.
    """
    compilation = network.compilation
    program, settings = compilation.program, compilation.settings
    if precision is None:
        precision = settings.export.precision if network.preprocessing is not None else "float32"
    if max_drop is None:
        max_drop = settings.export.max_drop
    if network.preprocessing is not None:
        refuse_unavailable(settings.preprocess)
    pipeline = _pipeline(program, settings, network.preprocessing)
    began = time.perf_counter()
    members = network.members
    opset = _opset(opset, settings.export.opset, precision)
    graph = lower(program, opset=opset, pipeline=pipeline, members=members)
    if fold:
        graph = simplify(graph)
    state = network_state(network.module, program, members) | _statistics(network.preprocessing)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise io_failure("cannot make", out.parent, error) from None
    large = sum(array.nbytes for array in state.values()) > outside_bytes
    draft = (OutsideDraft if large else Draft)(graph, state, out, fold=fold)
    with draft:
        seconds = time.perf_counter() - began
        reference = TorchReference(network.module, program, settings, network.preprocessing)
        parity = compare(
            network_probes(network),
            draft.model(),
            reference,
            _postprocess(program, pipeline),
            scores=class_scores(program, settings),
        )
        if not parity.ok:
            raise parity.refusal()
        info = model_info(network, graph, pipeline, parity)
        smaller = None
        if precision != "float32":
            smaller = _smaller(network, draft, precision, info, max_drop)
            info = in_precision(info, draft.proto, smaller.model, smaller.report)
            draft.proto = smaller.model
        outside = draft.place(info.properties())
    return Exported(
        path=out,
        outside=outside,
        bytes=out.stat().st_size + (outside.stat().st_size if outside else 0),
        opset=graph.opset,
        ir_version=IR_VERSIONS[graph.opset],
        nodes=len(draft.proto.graph.node),
        folded=dict(graph.folded),
        inputs=dict(graph.inputs),
        outputs=dict(graph.outputs),
        parity=parity,
        emit_seconds=seconds,
        precision=smaller.report if smaller is not None else None,
        warnings=smaller.warnings if smaller is not None else (),
    )


def _opset(given: int | None, stated: int, precision: str) -> int:
    if precision != "bf16":
        return given or stated
    if given is not None and given < _BFLOAT16_OPSET:
        raise failure(
            "E0311",
            f"convolutions and pools take bf16 from opset {_BFLOAT16_OPSET} on, not in {given}",
            help=f"leave `--opset` out, or write `--opset {_BFLOAT16_OPSET}`",
            exit_code=2,
        )
    return given or max(stated, _BFLOAT16_OPSET)


def _smaller(
    network: Network, draft: Draft, precision: str, info: ModelInfo, max_drop: float
) -> Lowered:
    from dlc.runtime.export.precision.choosing import lowered
    from dlc.runtime.export.precision.measured import undecided

    if network.preprocessing is None:
        raise undecided("these weights were not trained here, and nothing is preprocessed")
    if isinstance(draft, OutsideDraft):
        raise failure(
            "E0903",
            f"weights in a file of their own are not brought to {precision}",
            help="write float32: `--precision float32`",
        )
    return lowered(
        draft.proto,
        precision,
        compilation=network.compilation,
        root=network.root,
        properties=info.properties(),
        max_drop=max_drop,
    )


def network_probes(network: Network) -> Iterator[Probe]:
    """The inputs on which the file of a network is compared."""
    program, settings = network.compilation.program, network.compilation.settings
    pipeline = _pipeline(program, settings, network.preprocessing)
    raw = _raw(program, pipeline)
    return probes(program, raw, _centres(network), pipeline.fixed, raws=_raw_values(network))


# ── what stands round the network ────────────────────────────────────────────


def _pipeline(
    program: Program, settings: Settings, preprocessing: Preprocessing | None
) -> Pipeline:
    pipeline = Pipeline(
        postprocess=settings.postprocess,
        fixed=_fixed(program, settings),
        labels=_labels(program, settings, preprocessing),
    )
    if preprocessing is None:
        return pipeline
    raw = {}
    for name, record in preprocessing.inputs.items():
        declared, chain = program.graph.values[name], settings.preprocess.get(name, ())
        if record.pictures:
            raw[name] = picture_type(name, chain, declared)
            continue
        how = reading(chain, declared)
        column = declared if how is None else how.type
        if any(step.spatial for step in chain):
            # Pictures of any size, where the record leaves their sides open.
            column = raw_type(chain, declared)
        sizes = zip(record.shape, column.shape[1:], strict=True)
        shape = (column.shape[0], *(given if size is None else size for size, given in sizes))
        raw[name] = TensorType(record.dtype, shape)
        # The file takes what the host steps give.
        for step in chain if how is not None else ():
            raw[name] = step.infer(raw[name]) if step.where == "host" else raw[name]
    pictures = frozenset(name for name, r in preprocessing.inputs.items() if r.pictures)
    return replace(pipeline, preprocess=settings.preprocess, raw=raw, pictures=pictures)


def _raw(program: Program, pipeline: Pipeline) -> dict[str, TensorType]:
    values = program.graph.values
    return {name: pipeline.raw.get(name, values[name]) for name in program.graph.inputs}


def _fixed(program: Program, settings: Settings) -> dict[str, int]:
    """The size of every dim that `export.dynamic` leaves out: the top of its range, and 1 for
    the batch, as `dlc cost` counts."""
    dynamic = settings.export.dynamic
    if dynamic is None:
        return {}
    found: dict[str, Symbol] = {}
    batch: set[str] = set()
    for name in program.graph.inputs:
        shape = program.graph.values[name].shape
        for dim in shape:
            found.update(symbols(dim))
        batch.update(symbols(shape[0]) if shape else ())
    fixed = {}
    for name, symbol in found.items():
        if name in dynamic:
            continue
        if symbol.high >= INFINITY and name not in batch:
            raise failure(
                "E0403",
                f"`{name}` is not in `export.dynamic`, and nothing says what size it has",
                help=f"add it to `export.dynamic`, or give its range: `dims: {{{name}: 1..512}}`",
            )
        fixed[name] = symbol.high if symbol.high < INFINITY else 1
    return fixed


def _labels(
    program: Program, settings: Settings, preprocessing: Preprocessing | None
) -> dict[str, tuple[str, ...]]:
    """The class names of each output whose classes are named: in the spec, in the data, or
    by their numbers."""
    known = preprocessing.labels if preprocessing else {}
    pairs = [term.loss.names for term in settings.loss] + [m.names for m in settings.metrics]
    words = {output: known[target] for output, target, *_ in pairs if target in known}
    found = {}
    types = {name: program.graph.values[value] for name, value in program.graph.outputs}
    for name, steps in settings.postprocess.items():
        for step in steps:
            if isinstance(step, Labels):
                classes = types[name].shape[step.dim]
                assert isinstance(classes, int)
                given = step.names or words.get(name, ())
                # A class that the training part lacks has a place in the output and no word.
                rest = (str(number) for number in range(len(given), classes))
                found[name] = (*given, *rest)
    return found


def _statistics(preprocessing: Preprocessing | None) -> dict[str, Array]:
    if preprocessing is None:
        return {}
    return {
        f"{preprocess_key(name, index)}.{statistic}": value
        for name, record in preprocessing.inputs.items()
        for index, statistics in enumerate(record.statistics)
        for statistic, value in statistics.items()
    }


def _centres(network: Network) -> dict[str, tuple[Array, Array]]:
    """Where the raw values of an input lie, for those whose first step was fitted to it."""
    if network.preprocessing is None:
        return {}
    return {
        name: (record.statistics[0]["mean"], record.statistics[0]["std"])
        for name, record in network.preprocessing.inputs.items()
        if record.statistics and {"mean", "std"} <= set(record.statistics[0])
    }


def _raw_values(network: Network) -> dict[str, RawValues]:
    """What the columns held, for the inputs whose steps do not take every value."""
    if network.preprocessing is None:
        return {}
    chains = network.compilation.settings.preprocess
    found = {}
    for name, record in network.preprocessing.inputs.items():
        steps = list(zip(chains.get(name, ()), record.statistics, strict=False))
        first = next((pair for pair in steps if pair[0].where == "graph"), None)
        if first is None:
            continue
        step, statistics = first
        entries: list[str | int] = list(getattr(step, "order", ()))
        if step.takes in ("texts", "categories") and "entries" in statistics:
            entries = statistics["entries"].tolist()
        if record.dtype.is_int:
            entries = [int(entry) for entry in entries]
        hosted = any(pair[0].where == "host" for pair in steps)
        found[name] = RawValues(
            entries=tuple(entries),
            # An unknown category gets a number of the author's, which may index nothing.
            closed=getattr(step, "unknown", 0) < 0,
            joins=step.joins,
            range=None if hosted else record.range,
            missing=step.missing and not hosted,
        )
    return found


def _postprocess(
    program: Program, pipeline: Pipeline
) -> Callable[[Mapping[str, Array]], dict[str, Array]] | None:
    """What the postprocess steps make of network outputs, by onnx's own evaluator: a second
    implementation, slow and independent of onnxruntime."""
    if not any(pipeline.postprocess.values()):
        return None
    from onnx.reference import ReferenceEvaluator

    types = {name: program.graph.values[value] for name, value in program.graph.outputs}
    inputs = {f"{name}/given": type_ for name, type_ in types.items()}
    alone = Graph(
        name="postprocess",
        block="",
        inputs=tuple(inputs),
        outputs=tuple((name, f"{name}/given") for name in types),
        nodes=(),
        values=inputs,
    )
    program = Program(name="postprocess", graphs={"postprocess": alone}, main="postprocess")
    only = Pipeline(postprocess=pipeline.postprocess, labels=pipeline.labels)
    evaluator = ReferenceEvaluator(export_program(program, {}, pipeline=only))
    names = [output for output in evaluator.output_names if output not in types]

    def run(outputs: Mapping[str, Array]) -> dict[str, Array]:
        feeds = {f"{name}/given": value for name, value in outputs.items()}
        # Its sigmoid overflows, and divides inf by inf, beside the right answer, and says so.
        with np.errstate(over="ignore", invalid="ignore"):
            return dict(zip(names, evaluator.run(names, feeds), strict=True))

    return run
