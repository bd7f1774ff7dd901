"""What an exported network says about itself: columns, classes, figures, named layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlc.compiler.codegen.onnx_graph import LayerValue, OnnxGraph, Pipeline
from dlc.runtime.data.preprocessing import TOKENIZER, Preprocessing
from dlc.runtime.data.texts import paddings
from dlc.runtime.export.hints import hints
from dlc.runtime.export.metadata import InputColumns, ModelInfo, NodeValue
from dlc.runtime.export.parity import ParityReport
from dlc.runtime.objectives._applied import Applied

if TYPE_CHECKING:
    from dlc.runtime.export.exporter import Network


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
