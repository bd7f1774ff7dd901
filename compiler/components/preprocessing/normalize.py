"""Standardization by given numbers."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import PositiveFloat
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._numbers import as_float, to_float
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import FLOAT, TensorType
from dlc.compiler.record import component


@component
class Normalize(Preprocess):
    """Takes given means away and divides by given deviations.

        preprocess:
          image: "normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])"

    y = (x - mean) / std, with a number for each channel, or feature: dim 1. For networks
    that were trained elsewhere; `standardize` fits both numbers to the training part.

    Arguments:
        mean: what is taken away; one number, or one for each channel
        std: what is divided by; one number, or one for each channel

    Source: torchvision.transforms.v2.Normalize.
    """

    name: ClassVar[str] = "normalize"

    mean: float | tuple[float, ...]
    std: PositiveFloat | tuple[PositiveFloat, ...]

    def validate(self) -> None:
        for key in ("mean", "std"):
            if getattr(self, key) == ():
                raise ComponentError(
                    "E0302",
                    f"`{key}` is an empty list",
                    blame=key,
                    help="give one number, or one for each channel",
                )
        lengths = {len(v) for v in (self.mean, self.std) if isinstance(v, tuple)}
        if len(lengths) > 1:
            raise ComponentError(
                "E0302",
                f"`mean` and `std` have {' and '.join(map(str, sorted(lengths)))} numbers",
                blame="std",
                help="give as many deviations as means, or one for all",
            )

    def infer(self, x: TensorType) -> TensorType:
        for key in ("mean", "std"):
            given = getattr(self, key)
            channels = x.shape[1] if x.rank > 1 else 1
            if isinstance(given, tuple) and len(given) != 1 and channels != len(given):
                raise ComponentError(
                    "E0402",
                    f"`{key}` has {len(given)} numbers, and dim 1 of {x} is {channels}",
                    blame=key,
                    help="give one number for each channel, or one for all",
                )
        return as_float(self.name, x)

    def spread(
        self, values: float | tuple[float, ...], rank: int
    ) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """The numbers, and the sizes by which they spread over a batch of a rank."""
        given = values if isinstance(values, tuple) else (values,)
        return given, ((1, len(given)) + (1,) * (rank - 2) if rank > 1 else (len(given),))

    def onnx(self, b: OnnxBuilder) -> str:
        rank = b.inputs.x.rank
        mean, shape = self.spread(self.mean, rank)
        std, of_std = self.spread(self.std, rank)
        centred = b.node("Sub", to_float(b), b.constant(mean, FLOAT, shape))
        return b.node("Div", centred, b.constant(std, FLOAT, of_std))
