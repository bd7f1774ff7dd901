"""`embedding`: a learned vector for each index."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import FLOAT, TensorType, int_tensor
from dlc.compiler.ops.base import Example, OpError, WeightedOp
from dlc.compiler.record import component


@component
class Embedding(WeightedOp):
    """A learned vector for each index.

        tokens -> embedding(30522, 768, padding_idx=0)      # int[N, T] -> float[N, T, 768]

    Row i of a table of [num_embeddings, embedding_dim]. `linear(vocab, weight=tok.weight)`
    uses the same table to score words.

    Arguments:
        num_embeddings: the number of rows; an index is below it
        embedding_dim: the size of the vectors
        padding_idx: a row that starts as 0 and is not learned
    """

    name: ClassVar[str] = "embedding"
    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    num_embeddings: Positive
    embedding_dim: Positive
    padding_idx: int | None = None

    @property
    def has_bias(self) -> bool:
        return False

    def validate(self) -> None:
        super().validate()
        rows, row = self.num_embeddings, self.padding_idx
        if row is not None and not -rows <= row < rows:
            raise OpError(
                "E0302",
                f"`padding_idx` is a row of the table, expected {-rows} to {rows - 1}, got {row}",
                blame="padding_idx",
            )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        if not x.dtype.is_int:
            raise OpError(
                "E0406",
                f"`embedding` takes indices, int, got {x}",
                blame="x",
                help="declare the input `int`; strings become indices with"
                " `preprocess: {x: vocabulary}`",
            )
        return TensorType(FLOAT, (*x.shape, self.embedding_dim))

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        return (self.weight_parameter("weight", self.num_embeddings, self.embedding_dim),)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def torch(self, t: TorchWriter) -> str:
        options: dict[str, Value] = {}
        if self.padding_idx is not None:
            options["padding_idx"] = self.padding_idx
        table = t.module("nn.Embedding", self.num_embeddings, self.embedding_dim, **options)
        return f"{table}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.node("Gather", b.weight("weight"), b["x"], axis=0)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        bounds = {"x": (0, 9)}
        return (
            Example(cls(num_embeddings=9, embedding_dim=4), {"x": int_tensor(n, t)}, bounds),
            Example(cls(num_embeddings=9, embedding_dim=4), {"x": int_tensor(n)}, bounds),
            Example(
                cls(num_embeddings=9, embedding_dim=4, padding_idx=0),
                {"x": int_tensor(n, t)},
                bounds,
            ),
            Example(
                cls(num_embeddings=9, embedding_dim=4, padding_idx=-1),
                {"x": int_tensor(n, 2, t)},
                bounds,
            ),
        )
