"""`stochastic_depth`: whole branches left out at random, while training."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Probability
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import Literal as Value
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._dropout import TrainingOnly
from dlc.compiler.ops.base import Example
from dlc.compiler.record import component

_HELPER = '''\
class StochasticDepth(nn.Module):
    """Zeros for whole samples while training (`row`), or for all of a batch at once."""

    def __init__(self, p: float, mode: str = "row") -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        kept = x.new_empty((rows,) + (1,) * (x.dim() - 1)).bernoulli_(1.0 - self.p)
        return x * kept.div_(1.0 - self.p)
'''


@component
class StochasticDepth(TrainingOnly):
    """Whole branches left out at random, while training: the last layer of a residual body.

        residual { linear(dim) -> gelu -> linear(dim) -> stochastic_depth(0.1) }

    What comes in becomes 0 with probability p and is divided by 1 − p otherwise, each sample
    for itself; a residual then passes its input alone. Deeper layers take a larger p, for
    instance `stochastic_depth(0.2 * i / 11)` in `repeat 12 as i`. As in torchvision's
    `ops.StochasticDepth`.

    Arguments:
        p: the probability of a zero
        mode: `row` draws for each sample, `batch` once for all of them

    Source: Huang et al., Deep networks with stochastic depth, 2016.
    """

    name: ClassVar[str] = "stochastic_depth"

    p: Probability
    mode: Literal["batch", "row"] = "row"

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # A factor for each sample.
        x = inputs.x
        draws = x.shape[0] if self.mode == "row" else 1
        return draws * x.dtype.bytes if self.p else 0

    def gain(self, inputs: Inputs) -> float:
        return 1 / (1 - self.p)

    def torch(self, t: TorchWriter) -> str:
        t.helper("StochasticDepth", _HELPER)
        options: dict[str, Value] = {} if self.mode == "row" else {"mode": self.mode}
        return f"{t.module('StochasticDepth', self.p, **options)}({t['x']})"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, h, w = (symbol(name) for name in "NTHW")
        return (
            Example(cls(p=0.2), {"x": float_tensor(n, 3, h, w)}),
            # So rare that the one draw keeps the batch, and a gradient with it.
            Example(cls(p=0.02, mode="batch"), {"x": float_tensor(n, t, 4)}),
            Example(cls(p=0.0), {"x": float_tensor(n, 4)}),
            Example(cls(p=0.1), {"x": float_tensor(n)}),
        )
