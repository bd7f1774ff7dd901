"""What the steps share that turn the axes of the data."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from dlc.compiler.components.arguments import Gt, Lt, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import NumberStep, cast
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Answer, Dim, compare, product, symbol
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, DType, Shape, TensorType
from dlc.compiler.record import component

#: A number of components, or the share of the variance that they keep together.
Components: TypeAlias = Positive | Annotated[float, Gt(0), Lt(1)]


def flat_size(step: Preprocess, x: TensorType) -> Dim:
    """How many numbers a sample has. Raises `ComponentError` where there is no such number."""
    if x.rank < 2:
        raise ComponentError(
            "E0401",
            f"`{step.name}` takes several numbers a sample, and gets {x}",
            help="fill the input from several columns, with a glob or a list",
        )
    return product(x.shape[1:])


def projected(b: OnnxBuilder, matrix: str) -> str:
    """The samples, flattened and centred, times a fitted matrix. In float64: the products
    cancel, and a direction of little variance would drown in the rounding of the others."""
    value = b["x"]
    if b.inputs.x.rank > 2:
        value = b.node("Flatten", value, axis=1)
    value = b.node("Sub", cast(b, value, DType.FLOAT64), b.weight("mean"))
    return cast(b, b.node("MatMul", value, b.weight(matrix)), FLOAT)


@component
class ProjectionStep(NumberStep):
    """A step that gives some components of each sample.

    The numbers of a sample are taken as one row, whatever its dims.
    """

    @property
    def kept(self) -> int | float | None:
        """The `components` that are kept; None is all."""
        raise NotImplementedError(self.name)

    def before(self, y: Shape) -> Shape:
        if len(y) != 2:
            raise ComponentError(
                "E0401",
                f"`{self.name}` gives a row of numbers a sample, and {len(y)} dims are wanted",
                help="declare the input as `float[N, components]`",
            )
        wanted = y[1]
        if isinstance(self.kept, int) and compare(wanted, self.kept) is not Answer.EQUAL:
            raise ComponentError(
                "E0402",
                f"`{self.name}` keeps {self.kept} components, and {wanted} are wanted",
                blame="components",
                help=f"declare {self.kept} numbers a sample, or keep {wanted} components",
            )
        return (y[0], wanted if self.kept is None else symbol("features"))

    def infer(self, x: TensorType) -> TensorType:
        NumberStep.infer(self, x)
        size = flat_size(self, x)
        if isinstance(self.kept, int):
            if isinstance(size, int) and size < self.kept:
                raise ComponentError(
                    "E0402",
                    f"`{self.name}` keeps {self.kept} components of {size} numbers",
                    blame="components",
                    help=f"keep {size} at most",
                )
            size = self.kept
        elif self.kept is not None:
            size = symbol("components")
        return TensorType(FLOAT, (x.shape[0], size))

    def onnx(self, b: OnnxBuilder) -> str:
        return projected(b, "components")
