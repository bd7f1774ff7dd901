"""The ONNX form of a program, as plain data.

`lower` walks the program once, blocks inlined, and lets every op write its nodes
through an `OnnxBuilder`. What comes out is an `OnnxGraph` that holds names, types and
recipes for weights but no numbers: the runtime fills those in and writes the file.

Names. A node is called after the layer and its own type (`encoder_layer.3.linear/MatMul`),
a weight after its state_dict key, or the name by which the layer computes it (`fc.weight`),
inputs and outputs as in the spec, dynamic sizes by their symbols. A result of a postprocess
step is `<output>_<suffix>`. Of several networks in one file, everything is called after its
network: `members.0.fc.weight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dlc.compiler.codegen.onnx_combination import combined
from dlc.compiler.codegen.onnx_nodes import (
    GraphRecord,
    OnnxConstant,
    OnnxNode,
    OnnxWeight,
    RecordingBuilder,
)
from dlc.compiler.codegen.onnx_sizes import Sizes
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.combination import Combination
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.ir.dims import substitute
from dlc.compiler.ir.graph import BlockCall, Graph, Inputs, Node, Program
from dlc.compiler.ir.parametrization import effective_path, plain_name
from dlc.compiler.ir.types import FLOAT, TensorType
from dlc.compiler.ops.base import Op

DEFAULT_OPSET = 20
OPSETS = range(20, 24)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What stands round the network in the file.

    `raw` is the type that an input arrives with, where it is not the declared one: an
    image column of bytes is `uint8[N, 784]` though the network wants
    `float[N, 1, 28, 28]`. `pictures` are inputs that arrive as decoders give them, bytes of
    [N, height, width, channels]. `labels` are the class names of an output. `fixed` gives dims
    that are closed in the file their one size.
    """

    preprocess: Mapping[str, tuple[Preprocess, ...]] = field(default_factory=dict)
    raw: Mapping[str, TensorType] = field(default_factory=dict)
    pictures: frozenset[str] = frozenset()
    postprocess: Mapping[str, tuple[Postprocess, ...]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Members:
    """Several networks with one beginning, and how each output is made of theirs. Their inputs
    and outputs have the names and types of the first."""

    programs: tuple[Program, ...]
    combinations: Mapping[str, Combination]


@dataclass(frozen=True, slots=True)
class LayerValue:
    """What a layer, a block or an input of the spec gives: its value in the graph."""

    value: str
    type: TensorType


@dataclass(frozen=True, kw_only=True)
class OnnxGraph:
    """A graph that lacks only the numbers of its weights. Nodes stand in an order in which
    each finds its inputs made.

    `layers` has the value of every input, layer and block by its path in the spec, in the order
    of execution; of one with several results that of the first, the others by their own names.
    `features` is the path of what the last layer with weights takes; empty where there is none.
    `folded` has the paths whose value a pass took away, each with the path that it went into.
    """

    name: str
    opset: int
    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]
    nodes: tuple[OnnxNode, ...]
    constants: tuple[OnnxConstant, ...]
    weights: tuple[OnnxWeight, ...]
    layers: Mapping[str, LayerValue] = field(default_factory=dict)
    features: str = ""
    folded: Mapping[str, str] = field(default_factory=dict)


def lower(
    program: Program,
    *,
    opset: int = DEFAULT_OPSET,
    pipeline: Pipeline | None = None,
    members: Members | None = None,
) -> OnnxGraph:
    """The ONNX graph of preprocessing, network and postprocessing, in evaluation mode; of
    several networks where `members` are given, the first of which is `program`.

    Raises `DiagnosticError` where ONNX cannot express a layer, at that layer.
    """
    return _Lowering(program, opset, pipeline or Pipeline(), members).run()


def member_prefix(member: int) -> str:
    """What precedes the names of a network that is one of several."""
    return f"members.{member}."


def preprocess_key(name: str, index: int) -> str:
    """What precedes the statistics of a step in the state: `preprocess.image.0`. `index`
    counts all steps of the input, host steps too."""
    return f"preprocess.{name}.{index}"


class _Lowering:
    def __init__(
        self, program: Program, opset: int, pipeline: Pipeline, members: Members | None
    ) -> None:
        self.program = program
        self.pipeline = pipeline
        self.members = members
        self.record = GraphRecord(opset)
        self.sizes = Sizes(self.record)
        self.layers: dict[str, LayerValue] = {}
        self.taken_last = ""
        if members is None:
            self.record.shared = _shared_keys(program)
        else:
            self.record.shared = frozenset(
                member_prefix(member) + key
                for member, one in enumerate(members.programs)
                for key in _shared_keys(one)
            )

    def run(self) -> OnnxGraph:
        main = self.program.graph
        raw = {name: self.pipeline.raw.get(name, main.values[name]) for name in main.inputs}
        for name, type_ in raw.items():
            self.sizes.add_source(name, type_)
        values = {name: self._prepared(name, raw[name]) for name in main.inputs}
        for name, value in values.items():
            self.sizes.add_source(value, main.values[name])
            self.layers[name] = LayerValue(value, self._closed(main.values[name]))
        results = self._network(values)
        types = {name: main.values[value] for name, value in main.outputs}
        outputs = [(name, results[name], type_) for name, type_ in types.items()]
        for name, type_ in types.items():
            for step in self.pipeline.postprocess.get(name, ()):
                outputs.append(self._postprocessed(name, results[name], type_, step))
        features = self._features()
        renamed = self._name_outputs(outputs, frozenset(raw))
        return OnnxGraph(
            name=self.program.name,
            opset=self.record.opset,
            inputs=tuple((name, self._closed(type_)) for name, type_ in raw.items()),
            outputs=tuple((name, self._closed(type_)) for name, _, type_ in outputs),
            nodes=tuple(self.record.nodes),
            constants=tuple(self.record.constants),
            weights=tuple(self.record.weights.values()),
            layers={
                path: replace(found, value=renamed.get(found.value, found.value))
                for path, found in self.layers.items()
            },
            features=features,
        )

    def _features(self) -> str:
        """What the last layer with weights takes. Of several networks none is the last."""
        if self.members is not None:
            return ""
        return next((p for p, found in self.layers.items() if found.value == self.taken_last), "")

    def _closed(self, type_: TensorType) -> TensorType:
        return type_.with_shape(*(substitute(dim, self.pipeline.fixed) for dim in type_.shape))

    def _network(self, values: Mapping[str, str]) -> dict[str, str]:
        """The handles of the outputs by name."""
        members, main = self.members, self.program
        if members is None:
            found = self._graph(main.graph, "", "", dict(values))
            return {name: found[value] for name, value in main.graph.outputs}
        answers: dict[str, list[str]] = {name: [] for name, _ in main.graph.outputs}
        for member, program in enumerate(members.programs):
            self.program = program
            prefix = member_prefix(member)
            found = self._graph(program.graph, prefix, prefix, dict(values))
            for name, value in program.graph.outputs:
                answers[name].append(found[value])
        self.program = main
        types = {name: main.graph.values[value] for name, value in main.graph.outputs}
        return {
            name: self._combined(name, types[name], handles) for name, handles in answers.items()
        }

    def _combined(self, name: str, type_: TensorType, handles: Sequence[str]) -> str:
        assert self.members is not None
        builder = RecordingBuilder(
            self.record,
            self.sizes,
            path=f"combine.{name}",
            inputs=Inputs({"x": (type_,) * len(handles)}),
            results=(type_,),
            handles={"x": tuple(handles)},
            weight_key=lambda key: f"combine.{name}.{key}",
        )
        return combined(builder, self.members.combinations[name])

    def _graph(
        self, graph: Graph, prefix: str, owner: str, values: dict[str, str]
    ) -> dict[str, str]:
        """Writes the nodes of a graph; gives the handle of every value in it. `owner` is the
        prefix of the weights: another call's where its layers are applied again."""
        for node in graph.nodes:
            if isinstance(node.op, BlockCall):
                results = self._call(node, node.op, prefix, owner, values)
            else:
                results = self._node(graph, node, prefix, owner, values)
                if node.parameters or node.shared:
                    self.taken_last = values[node.inputs[0][1]] if node.inputs else ""
            for name, value, handle in zip(
                (node.name, *node.outputs[1:]), node.outputs, results, strict=True
            ):
                type_ = self._closed(graph.values[value])
                self.layers[f"{prefix}{name}"] = LayerValue(handle, type_)
            values.update(zip(node.outputs, results, strict=True))
        return values

    def _call(
        self, node: Node, call: BlockCall, prefix: str, owner: str, values: Mapping[str, str]
    ) -> tuple[str, ...]:
        called = self.program.graphs[call.graph]
        given = {port: values[value] for port, value in node.inputs}
        if not given.keys() >= set(called.inputs):
            given = dict(zip(called.inputs, given.values(), strict=True))
        weights = f"{owner}{call.reuses or node.name}."
        inner = self._graph(called, f"{prefix}{node.name}.", weights, given)
        return tuple(inner[value] for _, value in called.outputs)

    def _node(
        self, graph: Graph, node: Node, prefix: str, owner: str, values: Mapping[str, str]
    ) -> tuple[str, ...]:
        assert isinstance(node.op, Op)
        path = f"{prefix}{node.name}"
        shared = {
            plain_name(own): owner + effective_path(lender, own) for own, lender in node.shared
        }
        builder = RecordingBuilder(
            self.record,
            self.sizes,
            path=path,
            inputs=graph.node_inputs(node),
            results=graph.node_results(node),
            handles=_handles(node, values),
            weight_key=lambda name: shared.get(name, f"{owner}{node.name}.{name}"),
        )
        try:
            results = node.op.onnx(builder)
        except ComponentError as error:
            place = Label(node.span) if node.span else None
            raise _refused(error, f"in layer `{path}`", place) from None
        return (results,) if isinstance(results, str) else results

    def _prepared(self, name: str, raw: TensorType) -> str:
        """The declared input, computed from the raw one by the graph steps."""
        declared = self.program.graph.values[name]
        value, type_ = name, raw
        if name in self.pipeline.pictures:
            value, type_ = self._picture(name, raw)
        for index, step in enumerate(self.pipeline.preprocess.get(name, ())):
            if step.where == "host":
                continue
            key = preprocess_key(name, index)
            try:
                result = step.infer(type_)
                builder = self._unary(key, value, type_, result)
                value, type_ = step.onnx(builder), result
            except ComponentError as error:
                raise _refused(error, f"in `preprocess` of `{name}`") from None
        return self._fitted(name, value, type_, declared)

    def _picture(self, name: str, raw: TensorType) -> tuple[str, TensorType]:
        """A decoded picture as steps take it: channels first, float from 0 to 1."""
        batch, height, width, channels = raw.shape
        type_ = TensorType(FLOAT, (batch, channels, height, width))
        builder = self._unary(f"preprocess.{name}", name, raw, type_)
        planes = builder.cast(builder.node("Transpose", name, perm=(0, 3, 1, 2)), FLOAT)
        return builder.node("Div", planes, builder.scalar(255.0, FLOAT)), type_

    def _fitted(self, name: str, value: str, type_: TensorType, declared: TensorType) -> str:
        """The value with the element type and shape that the network declares."""
        builder = self._unary(f"preprocess.{name}", value, type_, declared)
        if type_.dtype is not declared.dtype:
            value = builder.cast(value, declared.dtype)
        if not _same_sizes(type_, declared):
            value = builder.node("Reshape", value, builder.reshape_target(declared.shape))
        return value

    def _postprocessed(
        self, name: str, value: str, type_: TensorType, step: Postprocess
    ) -> tuple[str, str, TensorType]:
        try:
            result = step.infer(type_)
            builder = self._unary(f"postprocess.{name}.{step.name}", value, type_, result)
            handle = step.onnx(builder, self.pipeline.labels.get(name, ()))
        except ComponentError as error:
            raise _refused(error, f"in `postprocess` of `{name}`") from None
        return f"{name}_{step.suffix}", handle, result

    def _unary(
        self, path: str, value: str, type_: TensorType, result: TensorType
    ) -> RecordingBuilder:
        return RecordingBuilder(
            self.record,
            self.sizes,
            path=path,
            inputs=Inputs({"x": (type_,)}),
            results=(result,),
            handles={"x": (value,)},
            weight_key=lambda name: f"{path}.{name}",
        )

    def _name_outputs(
        self, outputs: Sequence[tuple[str, str, TensorType]], inputs: frozenset[str]
    ) -> dict[str, str]:
        """Gives the values that leave the graph their public names, by the names they had."""
        names = [name for name, _, _ in outputs]
        for name in names:
            if name in inputs or names.count(name) > 1:
                raise DiagnosticError(
                    Diagnostic(
                        code("E0501"),
                        f"two inputs or outputs of the model file would be called `{name}`",
                        help="rename the output, or drop the `postprocess` step that makes it",
                    )
                )
        made = {result for node in self.record.nodes for result in node.outputs}
        renamed: dict[str, str] = {}
        copies: list[OnnxNode] = []
        for name, value, _ in outputs:
            if value in made and value not in renamed:
                renamed[value] = name
            else:
                # An input, a weight or a value that already left under another name.
                copies.append(
                    OnnxNode("Identity", f"{name}/Identity", (renamed.get(value, value),), (name,))
                )
        self.record.nodes = [
            replace(
                node,
                inputs=tuple(renamed.get(value, value) for value in node.inputs),
                outputs=tuple(renamed.get(value, value) for value in node.outputs),
            )
            for node in self.record.nodes
        ] + copies
        return renamed


def _same_sizes(found: TensorType, declared: TensorType) -> bool:
    """Whether the sizes are equal; those that only the data tells have been compared with it."""
    return found.rank == declared.rank and all(
        a == b or not (isinstance(a, int) and isinstance(b, int))
        for a, b in zip(found.shape, declared.shape, strict=True)
    )


def _handles(node: Node, values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    handles: dict[str, tuple[str, ...]] = {}
    for port, value in node.inputs:
        handles[port] = (*handles.get(port, ()), values[value])
    return handles


def _shared_keys(program: Program) -> frozenset[str]:
    """The paths of tensors that more than one layer uses."""
    found: set[str] = set()
    for path, _, node in program.owners():
        prefix = path.removesuffix(node.name)
        found.update(prefix + effective_path(owner, own) for own, owner in node.shared)
    for prefix, graph in _calls(program):
        reused = {n.op.reuses for n in graph.nodes if isinstance(n.op, BlockCall)}
        for node in graph.nodes:
            if node.name in reused and isinstance(node.op, BlockCall):
                inner = program.walk(node.op.graph, f"{prefix}{node.name}.")
                found.update(
                    f"{path}.{plain_name(p.name)}" for path, _, n in inner for p in n.parameters
                )
    return frozenset(found)


def _calls(program: Program) -> Iterator[tuple[str, Graph]]:
    """Every graph with the prefix of its layers, once for each call of it."""
    waiting = [("", program.graph)]
    while waiting:
        prefix, graph = waiting.pop()
        yield prefix, graph
        for node in graph.nodes:
            if isinstance(node.op, BlockCall) and not node.op.reuses:
                waiting.append((f"{prefix}{node.name}.", program.graphs[node.op.graph]))


def _refused(error: ComponentError, where: str, place: Label | None = None) -> DiagnosticError:
    return DiagnosticError(
        Diagnostic(code(error.code), error.message, primary=place, notes=(where,), help=error.help)
    )
