"""What an op writes to: its PyTorch form, with holes where names and numbers go.

An op is asked for its source text once. The text holds placeholders for the values it
reads, the submodule it calls, the numbers of the spec and the sizes of inputs; they are
filled when it is known which variable holds what, which numbers are arguments of the
class, and whether the line stands in a loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dlc.compiler.ir.dims import Dim, Poly, Symbol, render, substitute, symbols
from dlc.compiler.ir.graph import Graph, Inputs, Node, split_path
from dlc.compiler.ir.protocols import Literal, TorchWriter
from dlc.compiler.ir.types import TensorType

#: The holes: `__v3__` the fourth value of the graph, `__s0__` the first number of the node,
#: `__m__` its submodule, `__d1__` the second size read from the inputs of the graph.
PLACEHOLDER = re.compile(r"(__(?:v\d+|m|d\d+|s\d+)__)")

# The positional arguments of what ops construct, for the names of class arguments.
_POSITIONAL: dict[str, tuple[str, ...]] = {
    "nn.Linear": ("in_features", "out_features", "bias"),
    "nn.Bilinear": ("in1_features", "in2_features", "out_features"),
    "nn.Embedding": ("num_embeddings", "embedding_dim"),
    "nn.LayerNorm": ("normalized_shape",),
    "nn.RMSNorm": ("normalized_shape",),
    "nn.GroupNorm": ("num_groups", "num_channels"),
    "nn.LSTM": ("input_size", "hidden_size", "num_layers"),
    "nn.GRU": ("input_size", "hidden_size", "num_layers"),
    "nn.RNN": ("input_size", "hidden_size", "num_layers"),
    "nn.MultiheadAttention": ("embed_dim", "num_heads"),
    "nn.Dropout": ("p",),
    "nn.PReLU": ("num_parameters",),
}
_POSITIONAL_PREFIXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nn.Conv", ("in_channels", "out_channels", "kernel_size", "stride", "padding")),
    ("nn.BatchNorm", ("num_features",)),
    ("nn.InstanceNorm", ("num_features",)),
    ("nn.Dropout", ("p",)),
    ("nn.MaxPool", ("kernel_size", "stride", "padding")),
    ("nn.AvgPool", ("kernel_size", "stride", "padding")),
    ("nn.Adaptive", ("output_size",)),
)


def positional_names(constructor: str, helpers: dict[str, str]) -> tuple[str, ...]:
    """The names of the positional arguments of a torch class or a helper class."""
    if constructor in _POSITIONAL:
        return _POSITIONAL[constructor]
    for prefix, names in _POSITIONAL_PREFIXES:
        if constructor.startswith(prefix):
            return names
    source = helpers.get(constructor, "")
    signature = re.search(r"def __init__\(\s*self,?\s*(.*?)\)\s*(?:->|:)", source, re.DOTALL)
    if not signature:
        return ()
    return tuple(re.findall(r"(\w+)\s*:", signature[1]))


@dataclass(frozen=True, slots=True)
class Slot:
    """A number, flag or text of the spec in the code. `hint` names it best."""

    value: Literal
    hint: str


@dataclass(slots=True)
class ModuleCall:
    """`constructor(*args, **kwargs)` of a submodule; `wrap` is a function that it goes
    through, or empty."""

    constructor: str
    args: list[Slot]
    kwargs: dict[str, Slot]
    wrap: str = field(default="", compare=False)


@dataclass(slots=True)
class NodeCode:
    """The PyTorch form of one node with holes. `module` is None for a functional form;
    for a block call it is the class of the block. `reuses` is the node whose submodule is
    called once more, where this node has none of its own."""

    node: Node
    text: str
    slots: list[Slot] = field(default_factory=list)
    module: ModuleCall | None = None
    reuses: str = ""


@dataclass(slots=True)
class GraphCode:
    """The nodes of one graph in their PyTorch form. `values` are the values by number and
    `numbers` the numbers by value; `sizes` are the symbols that the code reads from the
    shapes of the graph's inputs."""

    graph: Graph
    values: list[str]
    numbers: dict[str, int]
    nodes: list[NodeCode] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)


class NodeWriter(TorchWriter):
    """The `TorchWriter` of one node."""

    def __init__(self, code: GraphCode, node: Node, helpers: dict[str, str]) -> None:
        self._code = code
        self._node = node
        self._helpers = helpers
        self._inputs = code.graph.node_inputs(node)
        self._results = code.graph.node_results(node)
        self.slots: list[Slot] = []
        self.submodule: ModuleCall | None = None

    @property
    def inputs(self) -> Inputs:
        return self._inputs

    @property
    def results(self) -> tuple[TensorType, ...]:
        return self._results

    def _value(self, value: str) -> str:
        return f"__v{self._code.numbers[value]}__"

    def __getitem__(self, port: str) -> str:
        return self.many(port)[0]

    def get(self, port: str) -> str | None:
        found = self.many(port)
        return found[0] if found else None

    def many(self, port: str) -> tuple[str, ...]:
        return tuple(self._value(value) for name, value in self._node.inputs if name == port)

    def module(self, constructor: str, *args: Literal, **kwargs: Literal) -> str:
        names = positional_names(constructor, self._helpers)
        call = ModuleCall(
            constructor,
            [
                Slot(value, names[i] if i < len(names) else self._field_of(value, "size"))
                for i, value in enumerate(args)
            ],
            {name: Slot(value, name) for name, value in kwargs.items()},
        )
        assert self.submodule in (None, call), f"`{self._node.kind}` makes two submodules"
        self.submodule = call
        return "__m__"

    def wrap(self, function: str) -> None:
        assert self.submodule is not None, f"`{self._node.kind}` has no submodule to wrap"
        self.submodule.wrap = function

    def helper(self, name: str, source: str) -> str:
        known = self._helpers.setdefault(name, source)
        assert known == source, f"two helpers are called `{name}`"
        return name

    def literal(self, value: Literal) -> str:
        self.slots.append(Slot(value, self._field_of(value, "value")))
        return f"__s{len(self.slots) - 1}__"

    def dim(self, dim: Dim) -> str:
        if isinstance(dim, int):
            self.slots.append(Slot(dim, self._field_of(dim, "size")))
            return f"__s{len(self.slots) - 1}__"
        return self._size_expression(dim)

    def _field_of(self, value: Literal, otherwise: str) -> str:
        """The argument of the op that has this value, for want of a better name."""
        fields = getattr(type(self._node.op), "__dataclass_fields__", {})
        for name in fields:
            found = getattr(self._node.op, name, None)
            if type(found) is type(value) and found == value:
                return str(name)
        return otherwise

    def _size_expression(self, dim: Poly) -> str:
        whole = self._read_size(dim)
        if whole is not None:
            return whole
        texts = {name: self._symbol(found) for name, found in symbols(dim).items()}
        text = render(dim, lambda name: texts[name])
        simple = re.fullmatch(r"[\w.\[\]]+", text)
        return text if simple else f"({text})"

    def _read_size(self, dim: Poly) -> str | None:
        """The size where an input of the node has just this one."""
        for _, value in self._node.inputs:
            for axis, size in enumerate(self._code.graph.values[value].shape):
                if size == dim:
                    return f"{self._value(value)}.shape[{axis}]"
        return None

    def _symbol(self, found: Symbol) -> str:
        read = self._read_size(Poly((((found,), 1),)))
        if read is not None:
            return read
        if found.name not in self._code.sizes:
            self._code.sizes.append(found.name)
        return f"__d{self._code.sizes.index(found.name)}__"


def size_source(graph: Graph, name: str) -> tuple[str, str] | None:
    """The input of a graph that shows a symbol, and the expression behind its name:
    `("tokens", ".shape[1]")`. None where no input has it as a factor of one size."""
    for value in graph.inputs:
        for axis, size in enumerate(graph.values[value].shape):
            if isinstance(size, int) or set(symbols(size)) != {name}:
                continue
            # a*name + c for a number a: solved by one exact division.
            c, at_one = substitute(size, {name: 0}), substitute(size, {name: 1})
            assert isinstance(c, int)
            assert isinstance(at_one, int)
            a = at_one - c
            if a <= 0 or size != Poly((((symbols(size)[name],), 1),)) * a + c:
                continue
            text = f".shape[{axis}]"
            if c:
                text = f"{text} {'-' if c > 0 else '+'} {abs(c)}"
            return value, text if a == 1 else (f"{text} // {a}" if not c else f"({text}) // {a}")
    return None


def write_node(code: GraphCode, node: Node, helpers: dict[str, str]) -> NodeCode:
    """The PyTorch form of an op node."""
    writer = NodeWriter(code, node, helpers)
    text = node.op.torch(writer)  # type: ignore[union-attr]
    owner = _reused(code.graph, node)
    return NodeCode(node, text, writer.slots, None if owner else writer.submodule, owner)


def _reused(graph: Graph, node: Node) -> str:
    """The layer that this node applies again: one of the same op that lends it everything."""
    if not node.shared or node.parameters:
        return ""
    layers = {n.name for n in graph.nodes}
    found = [(own, *split_path(path, layers)) for own, path in node.shared]
    owner = found[0][1]
    if any(lender != owner or own != theirs for own, lender, theirs in found):
        return ""
    return owner if any(n.name == owner and n.op == node.op for n in graph.nodes) else ""
