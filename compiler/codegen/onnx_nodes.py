"""What an ONNX graph is made of, and the builder that records it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dlc.compiler.codegen.onnx_sizes import Sizes
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import Attribute, Weight
from dlc.compiler.ir.types import DType, TensorType

Scalar = int | float | bool | str


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node. An input that is left out is the empty name; an attribute that is a recipe
    is a list of numbers or texts that the runtime computes."""

    op_type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str = ""
    attributes: tuple[tuple[str, Attribute | Recipe], ...] = ()


@dataclass(frozen=True, slots=True)
class OnnxConstant:
    """A tensor known to the compiler, its numbers in row-major order."""

    name: str
    values: tuple[Scalar, ...]
    dtype: DType
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A tensor of the state and what is done to it before it is written: the steps of
    `dlc.compiler.ir.protocols.Weight`, in which `concat` names other recipes, and two of a batch
    norm that a layer takes over. Left-out recipes are None:

        ("norm_scale", (axis, groups), scale, variance, eps)      of the layer's weight
        ("norm_shift", scale, shift, variance, eps, bias)         of the norm's mean
    """

    key: str
    steps: tuple[tuple[object, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class OnnxWeight:
    """A tensor that the runtime computes by its recipe."""

    name: str
    recipe: Recipe


@dataclass(slots=True)
class GraphRecord:
    """What has been written so far. `shared` are the keys of tensors that several layers
    use; those go into the file once, as they are."""

    opset: int
    nodes: list[OnnxNode] = field(default_factory=list)
    constants: list[OnnxConstant] = field(default_factory=list)
    weights: dict[Recipe, OnnxWeight] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    _names: dict[str, int] = field(default_factory=dict)
    _constants: dict[tuple[object, ...], str] = field(default_factory=dict)

    def name(self, wanted: str) -> str:
        """`wanted`, or `wanted_2`, ... where it is taken."""
        count = self._names.get(wanted, 0) + 1
        self._names[wanted] = count
        return wanted if count == 1 else self.name(f"{wanted}_{count}")

    def node(
        self,
        path: str,
        op_type: str,
        inputs: Sequence[str | None],
        outputs: int,
        domain: str = "",
        attributes: Mapping[str, Attribute | Recipe] | None = None,
    ) -> tuple[str, ...]:
        given = [value or "" for value in inputs]
        while given and not given[-1]:
            given.pop()
        name = self.name(f"{path}/{op_type}")
        results = (name,) if outputs == 1 else tuple(f"{name}:{i}" for i in range(outputs))
        self.nodes.append(
            OnnxNode(
                op_type, name, tuple(given), results, domain, tuple((attributes or {}).items())
            )
        )
        return results

    def constant(
        self, path: str, values: Sequence[Scalar], dtype: DType, shape: tuple[int, ...]
    ) -> str:
        # `repr` tells 1 from 1.0 and from True, and 0.0 from -0.0, which are equal as keys.
        key = (path, repr(tuple(values)), dtype, shape)
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = self.name(f"{path}/Constant")
            self.constants.append(OnnxConstant(found, tuple(values), dtype, shape))
        return found

    def weight(self, recipe: Recipe) -> str:
        found = self.weights.get(recipe)
        if found is None:
            found = self.weights[recipe] = OnnxWeight(self.name(recipe.key), recipe)
        return found.name


class RecordingBuilder:
    """The `OnnxBuilder` of one node: writes into the record under the node's path.

    `weight_key` gives the state_dict key of a parameter of the node, the owner's for one
    that is shared.
    """

    def __init__(
        self,
        record: GraphRecord,
        sizes: Sizes,
        *,
        path: str,
        inputs: Inputs,
        results: tuple[TensorType, ...],
        handles: Mapping[str, tuple[str, ...]],
        weight_key: Callable[[str], str],
    ) -> None:
        self._record = record
        self._sizes = sizes
        self._path = path
        self._inputs = inputs
        self._results = results
        self._handles = handles
        self._weight_key = weight_key

    @property
    def opset(self) -> int:
        return self._record.opset

    @property
    def inputs(self) -> Inputs:
        return self._inputs

    @property
    def results(self) -> tuple[TensorType, ...]:
        return self._results

    def __getitem__(self, port: str) -> str:
        return self._handles[port][0]

    def get(self, port: str) -> str | None:
        found = self._handles.get(port)
        return found[0] if found else None

    def many(self, port: str) -> tuple[str, ...]:
        return self._handles.get(port, ())

    def node(
        self, op_type: str, *inputs: str | None, domain: str = "", **attributes: Attribute
    ) -> str:
        return self._node(op_type, inputs, 1, domain, attributes)[0]

    def nodes(
        self,
        op_type: str,
        *inputs: str | None,
        outputs: int,
        domain: str = "",
        **attributes: Attribute,
    ) -> tuple[str, ...]:
        return self._node(op_type, inputs, outputs, domain, attributes)

    def _node(
        self,
        op_type: str,
        inputs: Sequence[str | None],
        outputs: int,
        domain: str,
        attributes: Mapping[str, Attribute],
    ) -> tuple[str, ...]:
        given = {
            name: self._recipe(value) if isinstance(value, Weight) else value
            for name, value in attributes.items()
        }
        return self._record.node(self._path, op_type, inputs, outputs, domain, given)

    def weight(self, weight: str | Weight) -> str:
        recipe = self._recipe(Weight(weight) if isinstance(weight, str) else weight)
        if recipe.key in self._record.shared:
            written = self._shared(recipe)
            if written is not None:
                return written
        return self._record.weight(recipe)

    def constant(
        self,
        values: Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool],
        dtype: DType,
        shape: Sequence[int] | None = None,
    ) -> str:
        dims = (len(values),) if shape is None else tuple(shape)
        return self._record.constant(self._path, values, dtype, dims)

    def scalar(self, value: float | int | bool, dtype: DType) -> str:
        return self._record.constant(self._path, (value,), dtype, ())

    def shape(self, dims: Sequence[Dim]) -> str:
        return self._sizes.vector(self._path, dims)

    def dim(self, dim: Dim) -> str:
        return self._sizes.scalar(self._path, dim)

    def cast(self, value: str, dtype: DType) -> str:
        """The value with another element type."""
        return self.node("Cast", value, to=dtype.onnx)

    def reshape_target(self, dims: Sequence[Dim]) -> str:
        """The second input of a `Reshape` to these sizes; one unknown size costs nothing."""
        unknown = [dim for dim in dims if not isinstance(dim, int)]
        if len(unknown) == 1:
            return self.constant([d if isinstance(d, int) else -1 for d in dims], DType.INT64)
        return self.shape(dims)

    def _recipe(self, weight: Weight) -> Recipe:
        steps: list[tuple[object, ...]] = []
        for step in weight.steps:
            if step[0] == "concat":
                _, axis, others = step
                assert isinstance(others, tuple)
                steps.append(("concat", axis, tuple(self._recipe(other) for other in others)))
            else:
                steps.append(step)
        return Recipe(self._weight_key(weight.name), tuple(steps))

    def _shared(self, recipe: Recipe) -> str | None:
        """A tensor that others use too: its change of layout is done in the graph, so that
        the file holds it once. None where no node can do a step."""
        if any(
            step[0] not in ("transpose", "reshape", "unsqueeze", "cast") for step in recipe.steps
        ):
            return None
        value = self._record.weight(Recipe(recipe.key))
        for kind, *operands in recipe.steps:
            (operand,) = operands
            if kind == "transpose":
                assert isinstance(operand, tuple)
                value = self.node("Transpose", value, perm=operand)
            elif kind == "cast":
                value = self.cast(value, DType(operand))
            elif kind == "reshape":
                assert isinstance(operand, tuple)
                value = self.node("Reshape", value, self.constant(operand, DType.INT64))
            else:
                assert isinstance(operand, int)
                value = self.node("Unsqueeze", value, self.constant((operand,), DType.INT64))
        return value
