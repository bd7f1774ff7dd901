"""What an exported network says about itself: columns, classes, figures, named layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlc.compiler.codegen.onnx_graph import LayerValue, OnnxGraph, Pipeline
from dlc.compiler.ir.types import DType
from dlc.runtime.data.preprocessing import TOKENIZER, Preprocessing
from dlc.runtime.data.texts import paddings
from dlc.runtime.export.hints import hints
from dlc.runtime.export.metadata import InputColumns, ModelInfo, NodeValue
from dlc.runtime.export.parity import ParityReport
from dlc.runtime.export.precision.report import PrecisionReport
from dlc.runtime.objectives._applied import Applied

if TYPE_CHECKING:
    from onnx import ModelProto

    from dlc.runtime.export.exporter import Network

# ONNX's numbers of float16 and bfloat16, by the names that specs have for them.
_HALVES = {type_.onnx: type_.spec_name for type_ in (DType.FLOAT16, DType.BFLOAT16)}


def model_info(
    network: Network, graph: OnnxGraph, pipeline: Pipeline, parity: ParityReport
) -> ModelInfo:
    """What the file of an exported network says about itself."""
    compilation = network.compilation
    inputs = {}
    if network.preprocessing is not None:
        main, chains = compilation.program.graph, compilation.settings.preprocess
        padding = paddings({name: main.values[name] for name in main.inputs}, chains)
        for name, record in network.preprocessing.inputs.items():
            steps = chains.get(name, ())
            tokenizer = next((s[TOKENIZER] for s in record.statistics if TOKENIZER in s), None)
            inputs[name] = InputColumns(
                columns=record.columns,
                steps=tuple(step.name for step in steps),
                host=tuple(step for step in steps if step.where == "host"),
                categories=bool(steps) and steps[0].takes == "categories",
                missing=bool(steps) and steps[0].missing,
                joins=steps[0].joins if steps else None,
                pictures=record.pictures,
                tokenizer="" if tokenizer is None else tokenizer.tobytes().decode(),
                padding=padding.get(name),
                hints=hints(record, steps),
            )
    return ModelInfo(
        name=compilation.program.name,
        spec=compilation.canonical,
        digest=compilation.digest,
        labels=pipeline.labels,
        inputs=inputs,
        metrics=network.metrics or {},
        parity=parity.record(),
        data=network.data,
        members=len(network.members.programs) if network.members is not None else 1,
        nodes={path: _node_value(layer) for path, layer in graph.layers.items()},
        folded=graph.folded,
        features=graph.features,
        fitted=_restored(network),
    )


def in_precision(
    info: ModelInfo, plain: ModelProto, model: ModelProto, report: PrecisionReport
) -> ModelInfo:
    """The same for a file in a smaller number format, which was `plain`: the values that it
    still has, with the types that they have in it."""
    import onnx

    before = {
        name: node.input[0] for node in plain.graph.node for name in node.output if node.input
    }
    inferred = onnx.shape_inference.infer_shapes(model).graph
    types = {
        value.name: value.type.tensor_type.elem_type
        for value in (*inferred.input, *inferred.value_info, *inferred.output)
    }
    made = {name for node in model.graph.node for name in node.output} | {
        *(value.name for value in model.graph.input),
        *(tensor.name for tensor in model.graph.initializer),
    }
    nodes, folded = {}, dict(info.folded)
    paths = {found.value: path for path, found in reversed([*info.nodes.items()])}
    for path, found in info.nodes.items():
        if found.value not in made:
            # An activation that is how the integers before it are rounded.
            folded[path] = paths.get(before.get(found.value, ""), report.precision)
            continue
        dtype = _HALVES.get(types.get(found.value, 0), found.dtype)
        nodes[path] = replace(found, dtype=dtype)
    features = info.features if info.features in nodes else ""
    return replace(info, precision=report.record(), nodes=nodes, folded=folded, features=features)


def _node_value(layer: LayerValue) -> NodeValue:
    shape = tuple(size if isinstance(size, int) else str(size) for size in layer.type.shape)
    return NodeValue(value=layer.value, dtype=layer.type.dtype.spec_name, shape=shape)


def _restored(network: Network) -> Preprocessing | None:
    """What the inputs were fitted to of which an objective makes targets."""
    settings, program = network.compilation.settings, network.compilation.program
    fitted = network.preprocessing
    if fitted is None or settings.data is None or settings.data.objective is None:
        return None
    inputs = {name: program.graph.values[name] for name in program.graph.inputs}
    losses = [term.loss for term in settings.loss]
    found = Applied(settings.data, inputs, dict(program.targets), settings.preprocess, losses)
    # Pieces of texts are what the file takes: its tokenizer says all.
    kept = {
        name: record
        for name, record in fitted.inputs.items()
        if name in found.restores and not any(TOKENIZER in s for s in record.statistics)
    }
    return Preprocessing(inputs=kept) if kept else None
