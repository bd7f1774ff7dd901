"""Numbers as the index of an interval."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import FeatureStep, cast, to_float
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, INT, TensorType
from dlc.compiler.record import component


@component
class Bucketize(FeatureStep):
    """Gives the index of the interval that a number lies in.

        preprocess: {age: ["bucketize([18, 30, 50, 65])", one_hot(5)]}

    y = how many edges are not above x: 0 below the first edge, the number of edges from the
    last on. The edges are given, or fitted for each feature: `buckets` of equally many rows
    of the training part, or of equal width. What lies outside the training part falls into
    the first or last bucket. Where values repeat so often that edges of a feature coincide,
    it has fewer buckets.

    Arguments:
        edges: the numbers between the intervals, ascending
        buckets: instead of edges, how many intervals are fitted
        strategy: `quantile` makes buckets of equally many rows, `uniform` of equal width
        dim: with `buckets` the dim of the features: 1 for the columns of a table or the
            channels of an image; -1 is the last
    """

    name: ClassVar[str] = "bucketize"
    statistics: ClassVar[tuple[str, ...]] = ("edges",)

    edges: tuple[float, ...] = ()
    buckets: Annotated[int, Ge(2)] | None = None
    strategy: Literal["quantile", "uniform"] = "quantile"

    def validate(self) -> None:
        FeatureStep.validate(self)
        if bool(self.edges) == (self.buckets is not None):
            both = "both `edges` and `buckets`" if self.edges else "neither `edges` nor `buckets`"
            raise ComponentError(
                "E0311" if self.edges else "E0303",
                f"`bucketize` has {both}",
                blame="buckets" if self.edges else None,
                help="give the numbers between the intervals, `edges=[18, 65]`, or how many are "
                "fitted, `buckets=10`",
            )
        for low, high in zip(self.edges, self.edges[1:], strict=False):
            if not low < high:
                raise ComponentError(
                    "E0310",
                    f"the edge {high:g} stands behind {low:g}",
                    blame="edges",
                    help="give the edges in ascending order, each once",
                )

    def infer(self, x: TensorType) -> TensorType:
        return FeatureStep.infer(self, x).with_dtype(INT)

    def onnx(self, b: OnnxBuilder) -> str:
        edges = b.constant(self.edges, FLOAT) if self.edges else b.weight("edges")
        value = b.node("Unsqueeze", to_float(b), b.constant([-1], INT))
        reached = cast(b, b.node("GreaterOrEqual", value, edges), INT)
        return b.node("ReduceSum", reached, b.constant([-1], INT), keepdims=0)
