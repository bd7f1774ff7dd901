"""What the ops share that look rows up in a learned table."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.ir.graph import Inputs, Parameter
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, DType, TensorType
from dlc.compiler.ops.base import InitializedOp, OpError

#: What PyTorch adds to a norm before it divides by it.
_SAFE = 1e-7


class Table(InitializedOp):
    """A table of learned vectors, [num_embeddings, embedding_dim].

    The arguments are declared by each op, in PyTorch's order.

    Arguments:
        num_embeddings: the number of rows; an index is below it
        embedding_dim: the size of the vectors
        max_norm: rows that are longer are shortened to it when they are looked up; not for a
            table that another layer shares
        norm_type: the p of the norm that measures them
        scale_grad_by_freq: whether the gradient of a row is divided by how often the batch
            has it
        sparse: whether a gradient holds the rows of the batch alone: for large tables, with
            `sparse_adam`, `sgd` or `adagrad`
    """

    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool

    def validate(self) -> None:
        super().validate()
        rows, row = self.num_embeddings, self.padding_idx
        if row is not None and not -rows <= row < rows:
            raise OpError(
                "E0302",
                f"`padding_idx` is a row of the table, expected {-rows} to {rows - 1}, got {row}",
                blame="padding_idx",
            )
        if self.norm_type != 2.0 and self.max_norm is None:
            raise OpError(
                "E0311",
                "`norm_type` says how `max_norm` measures, and there is none",
                blame="norm_type",
                help="leave it out, or give `max_norm`",
            )
        if self.sparse and self.scale_grad_by_freq:
            raise OpError(
                "E0311",
                "`sparse` and `scale_grad_by_freq` exclude each other",
                blame="sparse",
                help="leave one of them out",
            )

    def _check_indices(self, x: TensorType) -> None:
        if not x.dtype.is_int:
            raise OpError(
                "E0406",
                f"`{self.name}` takes indices, int, got {x}",
                blame="x",
                help="declare the input `int`; strings become indices with"
                " `preprocess: {x: vocabulary}`",
            )

    def index_limits(self) -> dict[str, int]:
        return {"x": self.num_embeddings}

    def parameters(self, inputs: Inputs) -> tuple[Parameter, ...]:
        return (self.weight_parameter("weight", self.num_embeddings, self.embedding_dim),)

    @property
    def torch_options(self) -> dict[str, Value]:
        """The keyword arguments of the module that are not PyTorch's defaults."""
        return {
            name: getattr(self, name)
            for name, default in (
                ("padding_idx", None),
                ("max_norm", None),
                ("norm_type", 2.0),
                ("scale_grad_by_freq", False),
                ("sparse", False),
            )
            if getattr(self, name) != default
        }

    def onnx_rows(self, b: OnnxBuilder) -> str:
        """The rows of the indices, one dim more than those have."""
        rows = b.node("Gather", b.weight("weight"), b["x"], axis=0)
        if self.max_norm is None:
            return rows
        norm = self._norm(b, rows)
        longest = b.scalar(self.max_norm, FLOAT)
        factor = b.node("Div", longest, b.node("Add", norm, b.scalar(_SAFE, FLOAT)))
        shortened = b.node("Mul", rows, factor)
        return b.node("Where", b.node("Greater", norm, longest), shortened, rows)

    def _norm(self, b: OnnxBuilder, rows: str) -> str:
        last = b.constant([-1], DType.INT64)
        if self.norm_type in (1.0, 2.0):
            return b.node("ReduceL1" if self.norm_type == 1.0 else "ReduceL2", rows, last)
        powers = b.node("Pow", b.node("Abs", rows), b.scalar(self.norm_type, FLOAT))
        total = b.node("ReduceSum", powers, last)
        return b.node("Pow", total, b.scalar(1 / self.norm_type, FLOAT))
