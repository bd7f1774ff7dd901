"""What training and inference take of a device's memory, before either has begun.

The live bytes of one training step are followed through the network as a list of layers:
forward, where tensors are born and those that autograd keeps stay; backward, from the last
layer to the first, where gradients are born and what was kept dies; and the update. What is
given is the greatest sum on the way, in bytes of tensors: what an allocator rounds up, and
what the libraries keep for themselves, comes on top.

Source: Chen et al., "Training deep nets with sublinear memory cost" (2016), for what
checkpoints of blocks save.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlc.compiler.analysis.cost import sizes_of
from dlc.compiler.analysis.live_bytes import Layer, Step, Tensor, inference_peak
from dlc.compiler.analysis.shapes import with_input_types
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import BlockCall, Graph, Inputs, Node, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import record

# Results that are their first input's numbers under another shape.
_VIEWS = frozenset(
    {
        *("flatten", "unflatten", "reshape", "squeeze", "unsqueeze", "permute", "transpose"),
        *("expand", "select", "slice", "crop", "chunk", "split", "identity", "shape"),
    }
)
# What autocast computes in 16 bits, and what it brings back to 32; all else keeps the
# widest format of its inputs.
NARROW = frozenset(
    {
        *("linear", "bilinear", "conv1d", "conv2d", "conv3d"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("matmul", "einsum", "scaled_dot_product_attention", "multihead_attention"),
        *("rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"),
    }
)
_WIDE = frozenset(
    {
        *("layer_norm", "group_norm", "rms_norm", "l2_normalize", "local_response_norm"),
        *("softmax", "softmin", "log_softmax", "logsumexp", "cosine_similarity", "cdist"),
        *("exp", "log", "pow", "reciprocal", "rsqrt", "softplus", "erf", "norm"),
        *("sum", "prod", "cumsum", "var", "std", "normalize"),
    }
)
# Of these, what autocast brings back on a CPU.
_WIDE_ON_CPU = frozenset({"cdist", "prod"})
# What keeps a mask of what it dropped.
_MASKED = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d"})
NARROW_BYTES = 2
FLOAT_BYTES = 4


@record
class Memory:
    """The bytes of a step over `batch` samples.

    `parameters` and `buffers` are there all the time, `optimizer` is its state, `gradients`
    those of all parameters, `activations` what autograd keeps at the end of the forward pass;
    `training` is the peak of a step and `inference` that of a forward pass without gradients.
    `whole` is False where a layer's theory stops: its own part is then left out.
    """

    batch: int
    parameters: int
    buffers: int
    gradients: int
    optimizer: int
    activations: int
    training: int
    inference: int
    whole: bool

    def to_json(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name in (
                *("batch", "parameters", "buffers", "gradients", "optimizer", "activations"),
                *("training", "inference", "whole"),
            )
        }


def memory(
    program: Program,
    settings: Settings | None = None,
    *,
    batch: int = 1,
    dims: Mapping[str, int] | None = None,
    autocast: bool = False,
    checkpoint: bool = False,
    accelerator: bool = True,
) -> Memory:
    """The memory of a step over so many samples. `dims` are other sizes that are left open;
    one that is not given is the top of its range. With `autocast` the forward pass is in 16
    bits; with `checkpoint` every call of a block at the top keeps its inputs alone and
    computes the rest again. A CPU, `accelerator` False,
    keeps masks of dropout as floats, and normalizes in 16 bits.

    Raises `DiagnosticError` E0403 where a size has no top, E0202 and E0302 where `dims`
    names or sets what the program does not allow.
    """
    walk = _walk(program, batch, dims, autocast, checkpoint, accelerator)
    typed, layers = walk.program, walk.layers()
    outputs = walk.outputs
    parameters = sum(_number(p.elements) * p.dtype.bytes for _, p in typed.parameters())
    trainable = sum(
        _number(p.elements) * p.dtype.bytes for _, p in typed.parameters() if p.trainable
    )
    optimizer = settings.optimizer if settings is not None else None
    state = 0 if optimizer is None else state_copies(optimizer) * trainable
    inputs = sum(t.bytes for t in walk.inputs)
    losses = _loss_bytes(typed, settings)
    step = Step(layers, inputs=walk.inputs, outputs=outputs, losses=losses)
    fixed = parameters + state + inputs
    forward, backward = step.peaks()
    return Memory(
        batch=batch,
        parameters=trainable,
        buffers=parameters - trainable,
        gradients=trainable,
        optimizer=state,
        activations=step.kept_bytes,
        training=fixed + max(forward, backward, trainable),
        inference=parameters + inputs + inference_peak(layers, walk.inputs, outputs, walk.held),
        whole=walk.whole,
    )


def flow(
    program: Program,
    *,
    batch: int = 1,
    dims: Mapping[str, int] | None = None,
    autocast: bool = False,
    accelerator: bool = True,
) -> tuple[Program, Sequence[Layer], frozenset[str]]:
    """The network with its sizes, its layers in the order of `Program.walk`, each with the
    tensors that flow through, and the names of those that are data. The arguments are those of
    `memory`, and so is what is raised."""
    walk = _walk(program, batch, dims, autocast, False, accelerator)
    layers = walk.layers()
    return walk.program, layers, frozenset(tensor.name for tensor in walk.inputs)


def _walk(
    program: Program,
    batch: int,
    dims: Mapping[str, int] | None,
    autocast: bool,
    checkpoint: bool,
    accelerator: bool,
) -> _Walk:
    typed = with_input_types(program, sizes_of(program, dims or {}, batch=batch))
    return _Walk(typed, autocast=autocast, checkpoint=checkpoint, accelerator=accelerator)


def state_copies(optimizer: Optimizer) -> int:
    """How many numbers an optimizer keeps for each number that is trained."""
    momentum = bool(getattr(optimizer, "momentum", 0.0))
    found = {
        "sgd": momentum,
        "rmsprop": 1 + momentum + bool(getattr(optimizer, "centered", False)),
        "adagrad": 1,
        "muon": 1,
        "newton": 0,
        "lbfgs": 2 * int(getattr(optimizer, "history_size", 0)) + 3,
        "adam": 2 + bool(getattr(optimizer, "amsgrad", False)),
        "adamw": 2 + bool(getattr(optimizer, "amsgrad", False)),
    }
    return int(found.get(optimizer.name, 2))


def _loss_bytes(program: Program, settings: Settings | None) -> int:
    """What losses keep beside what they compare: those over classes the logarithms of all
    shares, in 32 bits."""
    if settings is None:
        return 0
    types = {name: program.graph.values[value] for name, value in program.graph.outputs}
    return sum(
        _number(types[name].elements) * FLOAT_BYTES
        for term in settings.loss
        if term.loss.applies == "softmax"
        for name in term.loss.names
        if name in types
    )


# ── the network as a list of layers ──────────────────────────────────────────


class _Walk:
    """`held` says up to which layer a variable of the generated code holds a tensor, used or
    not: a named result until its function returns, an argument until the call does."""

    def __init__(
        self, program: Program, *, autocast: bool, checkpoint: bool, accelerator: bool
    ) -> None:
        self.program = program
        self._autocast = autocast
        self._checkpoint = checkpoint
        self._accelerator = accelerator
        self._wide = _WIDE if accelerator else _WIDE_ON_CPU
        self._layers: list[Layer] = []
        self._cast: set[str] = set()
        self.whole = True
        self.held: dict[str, int] = {}
        self.inputs: tuple[Tensor, ...] = ()
        self.outputs: tuple[Tensor, ...] = ()

    def layers(self) -> list[Layer]:
        graph = self.program.graph
        tensors = {name: self._new(name, graph.values[name]) for name in graph.inputs}
        self.inputs = tuple(tensors.values())
        self._graph(graph, "", "", tensors, "")
        self.outputs = tuple({t.name: t for t in (tensors[v] for _, v in graph.outputs)}.values())
        return self._layers

    def _new(self, name: str, type: TensorType, width: int | None = None) -> Tensor:
        return Tensor(name, _number(type.elements), width or type.dtype.bytes)

    def _graph(
        self, graph: Graph, prefix: str, owner: str, tensors: dict[str, Tensor], block: str
    ) -> None:
        """`prefix` is the path of the call, `owner` that of the call whose weights it has."""
        variables = [tensors[name] for name in graph.inputs]
        for node in graph.nodes:
            if isinstance(node.op, BlockCall):
                self._call(node, node.op, prefix, owner, tensors, block)
            else:
                self._layers.append(self._layer(graph, node, prefix, owner, tensors, block))
            if node.named:
                variables += [tensors[value] for value in node.outputs]
        for tensor in variables:
            self.held[tensor.name] = max(self.held.get(tensor.name, 0), len(self._layers) - 1)

    def _call(
        self,
        node: Node,
        op: BlockCall,
        prefix: str,
        owner: str,
        tensors: dict[str, Tensor],
        block: str,
    ) -> None:
        called = self.program.graphs[op.graph]
        inner = {port: tensors[value] for port, value in node.inputs}
        path = f"{prefix}{node.name}."
        self._graph(
            called,
            path,
            f"{owner}{op.reuses or node.name}.",
            inner,
            block or (path if self._checkpoint else ""),
        )
        for value, (_, result) in zip(node.outputs, called.outputs, strict=True):
            tensors[value] = inner[result]

    def _layer(
        self,
        graph: Graph,
        node: Node,
        prefix: str,
        owner: str,
        tensors: dict[str, Tensor],
        block: str,
    ) -> Layer:
        inputs = tuple(tensors[value] for _, value in node.inputs)
        types, results = graph.node_inputs(node), graph.node_results(node)
        if inputs and (node.kind in _VIEWS or _drops_nothing(node)):
            # A part of a tensor keeps the whole of it.
            for value in node.outputs:
                tensors[value] = inputs[0]
            return Layer(inputs=inputs[:1], results=inputs[:1], view=True, block=block)
        width = self._width(node.kind, inputs)
        made = []
        for value, type in zip(node.outputs, results, strict=True):
            narrow = width if type.dtype.is_float else None
            tensors[value] = self._new(prefix + value, type, narrow)
            made.append(tensors[value])
        kept, own = self._kept(node, types, results, tensors, width)
        weights = tuple(self._weights(node, types, owner))
        return Layer(
            inputs=inputs,
            results=tuple(made),
            kept=kept,
            own=own,
            weights=weights,
            cast=self._cast_bytes(node, weights),
            block=block,
        )

    def _weights(self, node: Node, types: Inputs, owner: str) -> Iterator[tuple[str, int]]:
        op: Any = node.op
        lent = dict(node.shared)
        for parameter in op.parameters(types):
            if parameter.trainable:
                name = lent.get(parameter.name, f"{node.name}.{parameter.name}")
                yield owner + name, _number(parameter.elements) * parameter.dtype.bytes

    def _cast_bytes(self, node: Node, weights: Sequence[tuple[str, int]]) -> int:
        """Narrow copies of weights, which autocast makes once and autograd keeps."""
        if not self._autocast or node.kind not in NARROW:
            return 0
        new = [(name, size) for name, size in weights if name not in self._cast]
        self._cast.update(name for name, _ in new)
        return sum(size * NARROW_BYTES // FLOAT_BYTES for _, size in new)

    def _width(self, kind: str, inputs: Sequence[Tensor]) -> int:
        """The bytes of a float that a layer gives."""
        if not self._autocast:
            return FLOAT_BYTES
        if kind in NARROW:
            return NARROW_BYTES
        if kind in self._wide or not inputs:
            return FLOAT_BYTES
        floats = [t.width for t in inputs if t.width in (NARROW_BYTES, FLOAT_BYTES)]
        return max(floats, default=FLOAT_BYTES)

    def _kept(
        self,
        node: Node,
        types: Inputs,
        results: tuple[TensorType, ...],
        tensors: Mapping[str, Tensor],
        width: int,
    ) -> tuple[tuple[Tensor, ...], int]:
        op: Any = node.op
        ports = op.keeps(types)
        if ports is None:
            self.whole = False
            return (), 0
        values = dict(zip(op.result_names(len(node.outputs)), node.outputs, strict=True))
        kept = []
        for name in ports:
            found = [values[name]] if name in values else [v for p, v in node.inputs if p == name]
            kept += [self._as_kept(tensors[value], node.kind) for value in found]
        own = _number(op.own_bytes(types, results))
        if node.kind in _MASKED:
            own *= 1 if self._accelerator else width
        elif node.kind in NARROW:
            own = own * width // FLOAT_BYTES
        return tuple(kept), own

    def _as_kept(self, tensor: Tensor, kind: str) -> Tensor:
        """A tensor, or the copy in another width that autocast makes of it."""
        if self._autocast and kind in NARROW and tensor.width == FLOAT_BYTES:
            return Tensor(f"{tensor.name} (narrow)", tensor.elements, NARROW_BYTES)
        if self._autocast and kind in self._wide and tensor.width == NARROW_BYTES:
            return Tensor(f"{tensor.name} (wide)", tensor.elements, FLOAT_BYTES)
        return tensor


def _drops_nothing(node: Node) -> bool:
    return node.kind in _MASKED and getattr(node.op, "p", None) == 0


def _number(size: Dim) -> int:
    assert isinstance(size, int), f"`{size}` is not known"
    return size
