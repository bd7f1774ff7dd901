"""Angles that grow along a sequence, for the ops that tell places by sines and cosines."""

from __future__ import annotations

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import FLOAT, INT, DType

_HELPER = '''\
def angles(x: Tensor, base: float) -> Tensor:
    """[T, E / 2] for x of [..., T, E]: place t times base ** (-2i / E).

    In float32 whatever x is, as half precision cannot count the places; the powers in float64,
    so that long sequences meet the angles of the exported file.
    """
    places = torch.arange(x.shape[-2], dtype=torch.float32, device=x.device)
    exponents = torch.arange(0, x.shape[-1], 2, dtype=torch.float64, device=x.device)
    return places[:, None] * (base ** (-exponents / x.shape[-1])).float()
'''


def angles_helper(t: TorchWriter) -> None:
    """Puts the function `angles(x, base)` into the module."""
    t.helper("angles", _HELPER)


def onnx_waves(b: OnnxBuilder, steps: Dim, width: int, base: float) -> tuple[str, str]:
    """The cosines and sines of the angles, [steps, width / 2], in the type of the input."""
    if isinstance(steps, int):
        places = b.constant(range(steps), FLOAT, (steps, 1))
    else:
        places = b.node("Range", b.scalar(0, INT), b.dim(steps), b.scalar(1, INT))
        places = b.node("Cast", places, to=FLOAT.onnx)
        places = b.node("Unsqueeze", places, b.constant([1], DType.INT64))
    rates = b.constant([base ** (-i / width) for i in range(0, width, 2)], FLOAT)
    angles = b.node("Mul", places, rates)
    dtype = b.inputs.x.dtype
    waves = (b.node("Cos", angles), b.node("Sin", angles))
    if dtype is FLOAT:
        return waves
    cos, sin = (b.node("Cast", wave, to=dtype.onnx) for wave in waves)
    return cos, sin
