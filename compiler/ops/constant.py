"""`constant`: numbers that are written in the spec."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, TypeAlias

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, Poly
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import BOOL, FLOAT, INT, DType, TensorType
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component

Number: TypeAlias = int | float | bool

_HELPERS = {
    "Constant": '''\
class Constant(nn.Module):
    """Given numbers, which go where the module goes and are no part of its state."""

    def __init__(self, values: tuple[object, ...]) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(values), persistent=False)

    def forward(self) -> Tensor:
        return self.value
''',
    "Filled": '''\
class Filled(nn.Module):
    """One number in every place, which goes where the module goes and is no part of its state."""

    def __init__(self, size: tuple[int, ...], number: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.full(size, number), persistent=False)

    def forward(self) -> Tensor:
        return self.value
''',
}


@component
class Constant(Op):
    """Numbers that are written in the spec.

        weights = constant(0.299, 0.587, 0.114)              # float[3]
        kernel = constant([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=float)
        first = constant(0.0, shape=[1, 128])                # one number in every place

    Takes no value: it stands at the head of a line, and others join it by its name. A list
    of numbers has one dim, a list of lists two. The numbers are part of the generated module
    and of the exported file, not of the weights: nothing learns them, and a checkpoint does
    not hold them.

    Arguments:
        values: the numbers, as lists within each other where there are several dims
        shape: the size of each dim, all filled with the one number that is given
        dtype: `float`, `int` or `bool`; without it, what the numbers are: whole numbers make
            int, a number with a fraction makes all float
    """

    name: ClassVar[str] = "constant"
    ports: ClassVar[tuple[Port, ...]] = ()
    variadic: ClassVar[str | None] = "values"

    values: tuple[Any, ...]
    shape: tuple[Dim, ...] | None = keyword(None)
    dtype: Literal["float", "int", "bool"] | None = keyword(None)

    def validate(self) -> None:
        self._require_even(self.values, _sizes(self.values))
        numbers = list(_numbers(self.values))
        for number in numbers:
            self._require_number(number)
        if any(isinstance(n, bool) for n in numbers) and not all(
            isinstance(n, bool) for n in numbers
        ):
            raise OpError(
                "E0301",
                "`values` of `constant` holds numbers and flags",
                blame="values",
                help="write 1 for `true` and 0 for `false`",
            )
        self._require_dtype(numbers)
        self._require_shape()

    def _require_even(self, values: tuple[Any, ...], sizes: tuple[int, ...]) -> None:
        if not values:
            raise OpError("E0302", "`values` of `constant` holds an empty list", blame="values")
        for item in values:
            inner = isinstance(item, tuple)
            if inner != (len(sizes) > 1) or (inner and len(item) != sizes[1]):
                raise OpError(
                    "E0402",
                    "the lists of `constant` must be equally long and deep",
                    blame="values",
                    help="a list of lists has as many numbers in each",
                )
            if inner:
                self._require_even(item, sizes[1:])

    def _require_number(self, number: object) -> None:
        if isinstance(number, Poly):
            raise OpError(
                "E0403",
                f"`constant` needs numbers, and the size `{number}` is not known when compiling",
                blame="values",
            )
        if not isinstance(number, int | float):
            raise OpError(
                "E0301",
                f"`values` of `constant` wants numbers, got `{number}`",
                blame="values",
                help="write numbers, or the names of parameters",
            )

    def _require_dtype(self, numbers: list[Number]) -> None:
        if self.dtype in (None, "float"):
            return
        for number in numbers:
            fits = float(number).is_integer() if self.dtype == "int" else number in (0, 1)
            if not fits:
                wanted = (
                    "whole numbers" if self.dtype == "int" else "`true` and `false`, or 1 and 0"
                )
                raise OpError(
                    "E0301",
                    f"a `constant` of {self.dtype} holds {wanted}, got {number}",
                    blame="values",
                )

    def _require_shape(self) -> None:
        if self.shape is None:
            return
        if len(self.values) != 1 or isinstance(self.values[0], tuple):
            raise OpError(
                "E0311",
                "`shape` says how much one number fills, and `values` holds a list",
                blame="shape",
                help="leave out `shape`, or give one number",
            )
        for size in self.shape:
            if not isinstance(size, int):
                raise OpError(
                    "E0403",
                    f"`constant` needs known sizes, got `{size}`",
                    blame="shape",
                    help="write 1 there: an operation stretches it, and `expand` does",
                )
            if size < 1:
                raise OpError(
                    "E0302", f"a size of `constant` is at least 1, got {size}", blame="shape"
                )

    @property
    def element_type(self) -> DType:
        """What `dtype` says, else what the numbers are."""
        if self.dtype is not None:
            return {"float": FLOAT, "int": INT, "bool": BOOL}[self.dtype]
        kinds = {type(number) for number in _numbers(self.values)}
        return FLOAT if float in kinds else INT if int in kinds else BOOL

    def infer(self, inputs: Inputs) -> TensorType:
        shape = _sizes(self.values) if self.shape is None else self.shape
        return TensorType(self.element_type, shape)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        kind = {FLOAT: float, INT: int, BOOL: bool}[self.element_type]
        values = _converted(self.values, kind)
        if self.shape is None:
            t.helper("Constant", _HELPERS["Constant"])
            return f"{t.module('Constant', values)}()"
        t.helper("Filled", _HELPERS["Filled"])
        sizes = tuple(size for size in self.shape if isinstance(size, int))
        assert isinstance(values, tuple)
        return f"{t.module('Filled', sizes, values[0])}()"

    def onnx(self, b: OnnxBuilder) -> str:
        result = b.results[0]
        sizes = [size for size in result.shape if isinstance(size, int)]
        kind = {FLOAT: float, INT: int, BOOL: bool}[result.dtype]
        numbers = [kind(number) for number in _numbers(self.values)]
        if self.shape is not None:
            numbers *= math.prod(sizes)
        return b.constant(numbers, result.dtype, sizes)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(values=(0.299, 0.587, 0.114)), {}),
            Example(cls(values=((1, 2, 3), (4, 5, 6))), {}),
            Example(cls(values=((0, 1), (1, -4)), dtype="float"), {}),
            Example(cls(values=(True, False)), {}),
            Example(cls(values=(1, 0, 1), dtype="bool"), {}),
            Example(cls(values=(2.0, 3), dtype="int"), {}),
            Example(cls(values=(0.5,), shape=(1, 4)), {}),
            Example(cls(values=(7,), shape=(2, 1, 3)), {}),
        )


def _sizes(values: Any) -> tuple[int, ...]:
    """The length of the lists, outermost first, by the first of each."""
    sizes: list[int] = []
    while isinstance(values, tuple):
        sizes.append(len(values))
        values = values[0] if values else None
    return tuple(sizes)


def _numbers(values: Any) -> Iterator[Any]:
    """The numbers in row-major order."""
    if not isinstance(values, tuple):
        yield values
        return
    for item in values:
        yield from _numbers(item)


def _converted(values: Any, kind: type[Number]) -> Value:
    if isinstance(values, tuple):
        return tuple(_converted(item, kind) for item in values)
    return kind(values)
