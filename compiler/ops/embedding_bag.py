"""`embedding_bag`: one learned vector for a bag of indices."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import FLOAT, DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops._checks import require_equal, require_float, require_rank
from dlc.compiler.ops._embedding import Table
from dlc.compiler.ops.base import Example, OpError, Port
from dlc.compiler.record import component


@component
class EmbeddingBag(Table):
    """One learned vector for a bag of indices: the sum, the mean or the maximum of their rows.

        words -> embedding_bag(50000, 300, padding_idx=0)        # int[N, L] -> float[N, 300]
        words -> embedding_bag(50000, 300, mode=sum, per_sample_weights=tf_idf)

    Takes bags of one length, [N, L], filled up with `padding_idx`: what is padding counts for
    nothing, not in the mean either, and a bag of nothing else gives 0. The rows of a bag are
    never held one by one, unlike `embedding` with a mean behind it.

    PyTorch's other form, one row of indices with offsets, is not needed in batches.

    Arguments:
        mode: `mean`, `sum` or `max`
        padding_idx: a row that starts as 0, is not learned, and counts for nothing

    Source: Joulin et al., Bag of tricks for efficient text classification, 2016.
    """

    name: ClassVar[str] = "embedding_bag"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("x", "the indices, int[N, L]"),
        Port(
            "per_sample_weights",
            "what each row is multiplied by, float[N, L]; `mode=sum` only",
            optional=True,
        ),
    )

    num_embeddings: Positive
    embedding_dim: Positive
    max_norm: PositiveFloat | None = None
    norm_type: PositiveFloat = 2.0
    scale_grad_by_freq: bool = False
    mode: Literal["mean", "sum", "max"] = "mean"
    sparse: bool = False
    padding_idx: int | None = None

    def validate(self) -> None:
        super().validate()
        if self.mode == "max" and self.scale_grad_by_freq:
            raise OpError(
                "E0311",
                "`scale_grad_by_freq` goes with `mode=sum` and `mode=mean`",
                blame="scale_grad_by_freq",
            )
        if self.mode == "max" and self.sparse:
            raise OpError(
                "E0311",
                "`sparse` goes with `mode=sum` and `mode=mean`",
                blame="sparse",
                help="leave `sparse` out",
            )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        self._check_indices(x)
        require_rank(
            self.name, x, 2, layout="bags, [N, L]", help="a bag is one row of indices for a sample"
        )
        self._check_weights(inputs)
        return TensorType(FLOAT, (x.shape[0], self.embedding_dim))

    def _check_weights(self, inputs: Inputs) -> None:
        weights = inputs.get("per_sample_weights")
        if weights is None:
            return
        port = "per_sample_weights"
        require_float(self.name, weights, port)
        if self.mode != "sum":
            raise OpError(
                "E0311",
                f"`per_sample_weights` goes with `mode=sum`, got `mode={self.mode}`",
                blame=port,
                help="write `mode=sum`; a weighted mean is that by weights whose sum is 1",
            )
        require_rank(self.name, weights, 2, layout="weights of [N, L]", port=port)
        for have, want in zip(weights.shape, inputs.x.shape, strict=True):
            require_equal(
                self.name,
                have,
                want,
                f"`{port}` has a number for each index, got {weights} for {inputs.x}",
                blame=port,
            )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x", "per_sample_weights") if "per_sample_weights" in inputs else ("x",)

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        bags, length = inputs.x.shape
        # Where each bag begins, how many it has, and where its maxima are.
        numbers = bags * (2 + (self.embedding_dim if self.mode == "max" else 1))
        if self.mode != "sum" or self.padding_idx is not None:
            # The bag of each index.
            numbers = numbers + bags * length + 1
        return numbers * inputs.x.dtype.bytes

    def torch(self, t: TorchWriter) -> str:
        options = self.torch_options
        if self.mode != "mean":
            options["mode"] = self.mode
        bag = t.module("nn.EmbeddingBag", self.num_embeddings, self.embedding_dim, **options)
        weights = t.get("per_sample_weights")
        given = f", per_sample_weights={weights}" if weights is not None else ""
        return f"{bag}({t['x']}{given})"

    def onnx(self, b: OnnxBuilder) -> str:
        rows = self.onnx_rows(b)
        middle = b.constant([1], DType.INT64)
        weights = b.get("per_sample_weights")
        if self.padding_idx is None:
            if weights is None:
                reduce = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax"}[self.mode]
                return b.node(reduce, rows, middle, keepdims=0)
            return self._weighted(b, weights, rows)
        index = self.padding_idx % self.num_embeddings
        padding = b.node("Equal", b["x"], b.scalar(index, b.inputs.x.dtype))
        zero = b.scalar(0.0, FLOAT)
        if self.mode == "max":
            return self._greatest(b, rows, padding)
        if weights is None:
            counts = b.node("Cast", b.node("Not", padding), to=FLOAT.onnx)
        else:
            counts = b.node("Where", padding, zero, weights)
        total = self._weighted(b, counts, rows)
        if self.mode == "sum":
            return total
        count = b.node("ReduceSum", counts, middle)
        return b.node("Div", total, b.node("Max", count, b.scalar(1.0, FLOAT)))

    def _weighted(self, b: OnnxBuilder, weights: str, rows: str) -> str:
        middle = b.constant([1], DType.INT64)
        product = b.node("MatMul", b.node("Unsqueeze", weights, middle), rows)
        return b.node("Squeeze", product, middle)

    def _greatest(self, b: OnnxBuilder, rows: str, padding: str) -> str:
        lowest, zero = b.scalar(float("-inf"), FLOAT), b.scalar(0.0, FLOAT)
        mask = b.node("Unsqueeze", padding, b.constant([2], DType.INT64))
        rows = b.node("Where", mask, lowest, rows)
        y = b.node("ReduceMax", rows, b.constant([1], DType.INT64), keepdims=0)
        # A bag of padding alone.
        return b.node("Where", b.node("Equal", y, lowest), zero, y)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        bags, weights = int_tensor(n, t), float_tensor(n, t)
        made: list[tuple[EmbeddingBag, dict[str, TensorType]]] = [
            (cls(num_embeddings=9, embedding_dim=4, mode=mode, padding_idx=padding), {"x": bags})
            for mode in ("mean", "sum", "max")
            for padding in (None, 1)
        ]
        made += [
            (
                cls(num_embeddings=9, embedding_dim=4, mode="sum", padding_idx=padding),
                {"x": bags, "per_sample_weights": weights},
            )
            for padding in (None, -8)
        ]
        made += [
            (cls(num_embeddings=9, embedding_dim=4, max_norm=0.8), {"x": bags}),
            (cls(num_embeddings=9, embedding_dim=4, scale_grad_by_freq=True), {"x": bags}),
            (cls(num_embeddings=9, embedding_dim=4, sparse=True, padding_idx=1), {"x": bags}),
        ]
        return tuple(Example(op, dict(inputs), {"x": (0, 9)}) for op, inputs in made)
