"""What a graph is like, as far as the options of a provider depend on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

Size: TypeAlias = int | str
#: Least and greatest size; None where nothing says it.
Range: TypeAlias = tuple[int, int | None]

_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv"})
_CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
# Where a recurrent node takes the lengths of its rows.
_LENGTHS = 4
_FLOAT16, _BFLOAT16, _STRING = 10, 16, 8


@dataclass(frozen=True, kw_only=True)
class GraphFacts:
    """`inputs` are the sizes of each input that holds numbers; a size that the file leaves
    open is its name. `batch` names the first size, which every call may give another value.
    `half` says that weights have 16 bits, `texts` that the graph holds texts somewhere, which
    only the processor handles, `lengths` that a recurrent layer takes rows of other lengths."""

    inputs: Mapping[str, tuple[Size, ...]]
    batch: str = ""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    convolutions: bool = False
    half: bool = False
    control_flow: bool = False
    texts: bool = False
    lengths: bool = False
    nodes: int = 0
    digest: str = ""

    @property
    def varying(self) -> frozenset[str]:
        """The sizes that change from call to call, but for the batch."""
        names = {size for sizes in self.inputs.values() for size in sizes if isinstance(size, str)}
        return frozenset(names - {self.batch})

    @property
    def capturable(self) -> bool:
        """Whether its work can be recorded once and replayed as a CUDA graph."""
        return not (self.varying or self.control_flow or self.texts)


def facts_of(
    model: ModelProto, *, ranges: Mapping[str, Range] | None = None, digest: str = ""
) -> GraphFacts:
    """The facts of a model. `ranges` are those of its open sizes, as far as they are known;
    `digest` tells files apart."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs: dict[str, tuple[Size, ...]] = {}
    texts = False
    for given in model.graph.input:
        if given.name in weights:
            continue
        tensor = given.type.tensor_type
        if tensor.elem_type == _STRING:
            texts = True
            continue
        inputs[given.name] = tuple(
            size.dim_value if size.HasField("dim_value") else size.dim_param or f"?{given.name}{i}"
            for i, size in enumerate(tensor.shape.dim)
        )
    first = next((sizes[0] for sizes in inputs.values() if sizes), "")
    kinds: set[str] = set()
    count = 0
    half = lengths = False
    for graph in _graphs(model):
        kinds |= {node.op_type for node in graph.node}
        count += len(graph.node)
        lengths |= any(
            node.op_type in _RECURRENT and "".join(node.input[_LENGTHS : _LENGTHS + 1])
            for node in graph.node
        )
        half |= any(t.data_type in (_FLOAT16, _BFLOAT16) for t in graph.initializer)
        texts |= any(t.data_type == _STRING for t in graph.initializer)
    return GraphFacts(
        inputs=inputs,
        batch=first if isinstance(first, str) else "",
        ranges=ranges or {},
        convolutions=bool(kinds & _CONVOLUTIONS),
        half=half,
        control_flow=bool(kinds & _CONTROL_FLOW),
        texts=texts,
        lengths=lengths,
        nodes=count,
        digest=digest,
    )


def _graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The graph and those inside its nodes."""
    stack: list[Any] = [model.graph]
    while stack:
        graph = stack.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    stack.append(attribute.g)
                stack.extend(attribute.graphs)
