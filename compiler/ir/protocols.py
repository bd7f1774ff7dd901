"""What an op sees of the two code generators, and what it may ask of them.

An op writes neither files nor tensors: `torch` gives source text through a
`TorchWriter`, `onnx` gives nodes through an `OnnxBuilder`. Values are handles: source
names in the one case, ONNX value names in the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.record import record

Literal: TypeAlias = int | float | bool | str | tuple["Literal", ...] | None


class TorchWriter(Protocol):
    """Gives the PyTorch form of one node.

    Every number that depends on a spec goes through `module`, `literal` or `dim`, so
    that blocks which differ only in sizes can share one class.
    """

    @property
    def inputs(self) -> Inputs:
        """The types at the ports."""

    @property
    def results(self) -> tuple[TensorType, ...]:
        """The types of the results."""

    def __getitem__(self, port: str) -> str:
        """The source name of the value at a port."""

    def get(self, port: str) -> str | None:
        """The same, None where nothing is given."""

    def many(self, port: str) -> tuple[str, ...]:
        """The names at a variadic port."""

    def module(self, constructor: str, *args: Literal, **kwargs: Literal) -> str:
        """A submodule `self.<node name> = constructor(*args, **kwargs)`; gives `self.<node name>`.
        Keyword arguments equal to PyTorch's default are left out by the op, not here."""

    def wrap(self, function: str) -> None:
        """Has the submodule go through a function once it is made and its weights are filled:
        `weight_norm(nn.Linear(784, 256))`. The function changes it in place and gives it."""

    def helper(self, name: str, source: str) -> str:
        """A class or function put once at the top of the module; gives `name`. A class
        whose `__init__` makes parameters can then be used with `module`."""

    def literal(self, value: Literal) -> str:
        """A value of the spec as source text."""

    def dim(self, dim: Dim) -> str:
        """A size as source text: a number, or an expression over sizes of the inputs."""


@record
class Weight:
    """A parameter of the node, and what is done to it when it is written into the file.

    The compiler holds no numbers, so changes of layout are recorded as steps and
    carried out by the runtime: ("transpose", perm), ("reshape", shape),
    ("blocks", axis, order) which cuts an axis into len(order) equal blocks and puts
    them in that order, ("concat", axis, others), ("unsqueeze", axis), ("scale", factor),
    ("slice", axis, start, stop), ("cast", dtype name), ("places", first) which gives each
    element of a list its place, counted from `first`.
    """

    name: str
    steps: tuple[tuple[object, ...], ...] = ()

    def _then(self, *step: object) -> Weight:
        return Weight(self.name, (*self.steps, step))

    def transpose(self, *perm: int) -> Weight:
        return self._then("transpose", perm)

    def reshape(self, *shape: int) -> Weight:
        return self._then("reshape", shape)

    def blocks(self, order: Sequence[int], axis: int = 0) -> Weight:
        return self._then("blocks", axis, tuple(order))

    def concat(self, *others: Weight, axis: int) -> Weight:
        return self._then("concat", axis, others)

    def unsqueeze(self, axis: int) -> Weight:
        return self._then("unsqueeze", axis)

    def scale(self, factor: float) -> Weight:
        return self._then("scale", factor)

    def slice(self, axis: int, start: int, stop: int) -> Weight:
        return self._then("slice", axis, start, stop)

    def cast(self, dtype: DType) -> Weight:
        return self._then("cast", dtype.value)

    def places(self, first: int) -> Weight:
        return self._then("places", first)


#: A weight as an attribute is a list of numbers or texts that the runtime fills in.
Attribute: TypeAlias = int | float | str | Sequence[int] | Sequence[float] | Sequence[str] | Weight


class OnnxBuilder(Protocol):
    """Gives the ONNX form of one node. Value handles are strings."""

    @property
    def opset(self) -> int: ...

    @property
    def inputs(self) -> Inputs: ...

    @property
    def results(self) -> tuple[TensorType, ...]: ...

    def __getitem__(self, port: str) -> str: ...

    def get(self, port: str) -> str | None: ...

    def many(self, port: str) -> tuple[str, ...]: ...

    def node(
        self, op_type: str, *inputs: str | None, domain: str = "", **attributes: Attribute
    ) -> str:
        """One ONNX node with one result; a None input is left out."""

    def nodes(
        self,
        op_type: str,
        *inputs: str | None,
        outputs: int,
        domain: str = "",
        **attributes: Attribute,
    ) -> tuple[str, ...]:
        """One ONNX node with several results."""

    def weight(self, weight: str | Weight) -> str:
        """A parameter of this node as an initializer; a shared one is the owner's tensor."""

    def constant(
        self,
        values: Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool],
        dtype: DType,
        shape: Sequence[int] | None = None,
    ) -> str:
        """A constant tensor; `shape` None is one-dimensional."""

    def scalar(self, value: float | int | bool, dtype: DType) -> str:
        """A constant without dims."""

    def shape(self, dims: Sequence[Dim]) -> str:
        """A one-dimensional int64 tensor of sizes; symbolic ones are computed from the inputs."""

    def dim(self, dim: Dim) -> str:
        """One size as an int64 tensor without dims."""
