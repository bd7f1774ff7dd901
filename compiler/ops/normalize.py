"""`normalize`: subtract given means, divide by given deviations."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_equal, require_float, require_least_rank
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_HELPER = '''\
class Normalize(nn.Module):
    """Subtracts a mean from each channel (dim 1) and divides by a deviation."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.dim() - 2)
        return (x - self.mean.view(shape)) / self.std.view(shape)
'''


@component
class Normalize(Op):
    """Subtracts given means and divides by given deviations.

        normalize(mean=0.1307, std=0.3081)
        normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])

    y = (x − mean) / std. A list has a number for each channel, dim 1; both are constants
    and part of the exported file. Statistics that are fitted on the training part are a
    step of `preprocess`, `standardize`.

    Arguments:
        mean: what is subtracted; one number, or one for each channel
        std: what is divided by; one number, or one for each channel
    """

    name: ClassVar[str] = "normalize"

    mean: float | tuple[float, ...]
    std: PositiveFloat | tuple[PositiveFloat, ...]

    def validate(self) -> None:
        for field in ("mean", "std"):
            if getattr(self, field) == ():
                raise OpError("E0302", f"`{field}` is an empty list", blame=field)
        if (
            isinstance(self.mean, tuple)
            and isinstance(self.std, tuple)
            and len(self.mean) != len(self.std)
        ):
            raise OpError(
                "E0402",
                f"`mean` and `std` need equally many numbers, got {len(self.mean)}"
                f" and {len(self.std)}",
                blame="std",
            )

    @property
    def _channels(self) -> int | None:
        for value in (self.mean, self.std):
            if isinstance(value, tuple):
                return len(value)
        return None

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        if self._channels is not None:
            require_least_rank(self.name, x, 2, "[N, C, ...] where there is a number a channel")
            require_equal(
                self.name,
                x.shape[1],
                self._channels,
                f"`normalize` has numbers for {self._channels} channels, got {x}",
                blame="mean" if isinstance(self.mean, tuple) else "std",
                help="channels are dim 1; give a number for each, or one for all",
            )
        return x

    def _lists(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        mean = self.mean if isinstance(self.mean, tuple) else (self.mean,) * channels
        std = self.std if isinstance(self.std, tuple) else (self.std,) * channels
        return mean, std

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def torch(self, t: TorchWriter) -> str:
        if self._channels is None:
            assert not isinstance(self.mean, tuple)
            assert not isinstance(self.std, tuple)
            return f"({t['x']} - {t.literal(self.mean)}) / {t.literal(self.std)}"
        t.helper("Normalize", _HELPER)
        return f"{t.module('Normalize', *self._lists(self._channels))}({t['x']})"

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        if self._channels is None:
            assert not isinstance(self.mean, tuple)
            assert not isinstance(self.std, tuple)
            mean, std = b.scalar(self.mean, x.dtype), b.scalar(self.std, x.dtype)
        else:
            shape = (self._channels, *(1,) * (x.rank - 2))
            means, deviations = self._lists(self._channels)
            mean = b.constant(means, x.dtype, shape)
            std = b.constant(deviations, x.dtype, shape)
        return b.node("Div", b.node("Sub", b["x"], mean), std)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n = symbol("N")
        return (
            Example(cls(mean=0.1307, std=0.3081), {"x": float_tensor(n, 1, 4, 5)}),
            Example(
                cls(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
                {"x": float_tensor(n, 3, symbol("H"), symbol("W"))},
            ),
            Example(cls(mean=(0.5, -1.0), std=2.0), {"x": float_tensor(n, 2)}),
            Example(cls(mean=0.0, std=(2.0, 4.0)), {"x": float_tensor(n, 2, symbol("T"))}),
        )
