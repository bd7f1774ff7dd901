"""`x[:, 1:]`: parts of a tensor, as source text and as ONNX nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.ir.dims import Dim
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import DType
from dlc.compiler.record import record

_TO_THE_END = (1 << 63) - 1


@record
class Part:
    """`start:stop:step` of one dim, both within its size; `stop` None is the end."""

    start: Dim
    stop: Dim | None
    step: int = 1

    @classmethod
    def of(cls, start: Dim, stop: Dim, size: Dim, step: int = 1) -> Part:
        """The part with its ends spelled the shortest way: nothing for the end, `-1` for a
        place that is that far from an end which is not a number."""
        short_start, short_stop = _from_end(start, size), _from_end(stop, size)
        return cls(start=short_start, stop=None if short_stop == 0 else short_stop, step=step)

    def torch(self, t: TorchWriter) -> str:
        start = "" if self.start == 0 else bare(t, self.start)
        stop = "" if self.stop is None else bare(t, self.stop)
        parts = [start, stop] if self.step == 1 else [start, stop, t.literal(self.step)]
        # Arithmetic beside a colon wants air, as black and ruff have it.
        colon = " : " if any(" " in part for part in parts) else ":"
        return colon.join(parts).strip()


def _from_end(place: Dim, size: Dim) -> Dim:
    """`T - 1` of a dim of T is -1, and T itself is 0; all else stays."""
    if isinstance(size, int):
        return 0 if place == size else place
    distance = place - size
    return distance if isinstance(distance, int) else place


def subscript(value: str, dim: int, inner: str) -> str:
    """`value[:, inner]`; a dim counted from the end reads `value[..., inner]`."""
    if dim < 0:
        return f"{value}[{', '.join(['...', inner, *[':'] * (-dim - 1)])}]"
    return f"{value}[{', '.join([*[':'] * dim, inner])}]"


def bare(t: TorchWriter, size: Dim) -> str:
    """A size as source text where a comma, a colon or a bracket stands on both sides."""
    text = t.dim(size)
    return text[1:-1] if text.startswith("(") else text


def onnx_parts(b: OnnxBuilder, value: str, parts: Mapping[int, Part]) -> str:
    """The parts of several dims, by dim, in one node."""
    ends = [_TO_THE_END if part.stop is None else part.stop for part in parts.values()]
    steps = [part.step for part in parts.values()]
    return b.node(
        "Slice",
        value,
        onnx_sizes(b, [part.start for part in parts.values()]),
        onnx_sizes(b, ends),
        b.constant(list(parts), DType.INT64),
        None if all(step == 1 for step in steps) else b.constant(steps, DType.INT64),
    )


def onnx_sizes(b: OnnxBuilder, sizes: Sequence[Dim]) -> str:
    """A one-dimensional tensor of sizes, a constant where all are numbers."""
    known = [size for size in sizes if isinstance(size, int)]
    return b.constant(known, DType.INT64) if len(known) == len(sizes) else b.shape(sizes)
