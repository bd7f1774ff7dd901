"""`parameter`: a learned tensor."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import keyword
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.initializers.constant import Constant
from dlc.compiler.components.initializers.normal import Normal
from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.graph import Parameter as Declared
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops.base import Example, InitializedOp, OpError, Port
from dlc.compiler.record import component

_HELPER = '''\
class LearnedTensor(nn.Module):
    """A tensor that is learned, the same for every sample."""

    def __init__(self, *size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))

    def forward(self) -> Tensor:
        return self.weight
'''

_START = Normal(std=0.02)


@component
class Parameter(InitializedOp):
    """A learned tensor, the same for every sample: a class token, a table of positions.

        token = parameter(1, 1, 768)
        cls = token -> expand(N, 1, 768)
        [cls, patches] -> concat(dim=1)

        table = parameter(1, 197, 768, init=normal(std=0.02))
        x + table

    Takes no value: it stands at the head of a line, and others join it by its name. It has no
    batch of its own; an addition stretches it over the batch where its size is the number 1
    or missing in front, `expand` does so before a `concat`.

    It starts as `init` says, else as `parameter` in the `init` section says, else with normal
    numbers of deviation 0.02, as the tokens and tables of BERT, GPT-2 and ViT do. Zeros would
    be no start for what multiplies: no gradient would reach the other factor.

    Arguments:
        size: the size of each dim; all are known when compiling
        decay: false counts it among the norms: `no_decay=[norm]` spares it, as the penalties
            of `regularization` do
    """

    name: ClassVar[str] = "parameter"
    ports: ClassVar[tuple[Port, ...]] = ()
    variadic: ClassVar[str | None] = "size"
    shareable: ClassVar[tuple[str, ...]] = ("weight",)

    size: tuple[Dim, ...]
    decay: bool = keyword(True)

    def validate(self) -> None:
        if not self.size:
            raise OpError(
                "E0303", "`parameter` needs a size", help="write one for each dim, `parameter(1)`"
            )
        for size in self.size:
            if not isinstance(size, int):
                raise OpError(
                    "E0403",
                    f"`parameter` needs known sizes, got `{size}`",
                    blame="size",
                    help="a learned tensor has the same size for every batch: write the greatest"
                    " that is needed, and cut it with `slice`; the batch is 1, and `expand`"
                    " stretches it",
                )
            if size < 1:
                raise OpError(
                    "E0302", f"a size of `parameter` is at least 1, got {size}", blame="size"
                )

    def infer(self, inputs: Inputs) -> TensorType:
        return float_tensor(*self.size)

    def parameters(self, inputs: Inputs) -> tuple[Declared, ...]:
        start: Initializer = self.init or _START
        role = "weight" if self.decay else "norm"
        return (Declared(name="weight", shape=self.size, role=role, initializer=start),)

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        t.helper("LearnedTensor", _HELPER)
        sizes = [size for size in self.size if isinstance(size, int)]
        return f"{t.module('LearnedTensor', *sizes)}()"

    def onnx(self, b: OnnxBuilder) -> str:
        return b.weight("weight")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(size=(1, 1, 4)), {}),
            Example(cls(size=(5, 4), decay=False), {}),
            Example(cls(size=(1,), init=Constant(val=2.0)), {}),
        )
