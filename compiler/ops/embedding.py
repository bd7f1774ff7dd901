"""`embedding`: a learned vector for each index."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Positive, PositiveFloat
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import FLOAT, TensorType, int_tensor
from dlc.compiler.ops._embedding import Table
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component


@component
class Embedding(Table):
    """A learned vector for each index.

        tokens -> embedding(30522, 768, padding_idx=0)      # int[N, T] -> float[N, T, 768]

    Row i of a table of [num_embeddings, embedding_dim]. `linear(vocab, weight=tok.weight)`
    uses the same table to score words.

    Arguments:
        padding_idx: a row that starts as 0 and is not learned
    """

    name: ClassVar[str] = "embedding"

    num_embeddings: Positive
    embedding_dim: Positive
    padding_idx: int | None = None
    max_norm: PositiveFloat | None = None
    norm_type: PositiveFloat = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False

    def infer(self, inputs: Inputs) -> TensorType:
        self._check_indices(inputs.x)
        return TensorType(FLOAT, (*inputs.x.shape, self.embedding_dim))

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",)

    def torch(self, t: TorchWriter) -> str:
        sizes = (self.num_embeddings, self.embedding_dim)
        return f"{t.module('nn.Embedding', *sizes, **self.torch_options)}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        return self.onnx_rows(b)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        words = int_tensor(n, t)
        return tuple(
            Example(op, {"x": x}, {"x": (0, 9)})
            for op, x in (
                (cls(num_embeddings=9, embedding_dim=4), words),
                (cls(num_embeddings=9, embedding_dim=4), int_tensor(n)),
                (cls(num_embeddings=9, embedding_dim=4, padding_idx=0), words),
                (cls(num_embeddings=9, embedding_dim=4, padding_idx=-1), int_tensor(n, 2, t)),
                (cls(num_embeddings=9, embedding_dim=4, max_norm=0.8), words),
                (cls(num_embeddings=9, embedding_dim=4, max_norm=1.5, norm_type=1.0), words),
                (cls(num_embeddings=9, embedding_dim=4, max_norm=0.8, norm_type=3.0), words),
                (cls(num_embeddings=9, embedding_dim=4, scale_grad_by_freq=True), words),
                (cls(num_embeddings=9, embedding_dim=4, padding_idx=2, sparse=True), words),
            )
        )
