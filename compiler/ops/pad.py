"""`pad`: more at the ends of dims."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.base import keyword
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import BOOL, DType, TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops._extent import require_room
from dlc.compiler.ops._subscript import Part, bare, onnx_parts, onnx_sizes
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_ONNX_MODE = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@component
class Pad(Op):
    """More at the ends of dims: a number, or what the tensor itself has there.

        pad(1, 2)                  # the last dim: 1 before, 2 after; [N, 8, 5] -> [N, 8, 8]
        pad(1, 1, 2, 2)            # W by 1 and 1, H by 2 and 2
        pad(0, 0, 1, -1)           # [N, T, C] one step later: a zero first, the last step gone
        pad(3, 3, 3, 3, mode=reflect)
        pad(0, 512 - T)            # every sequence 512 long

    The pairs go from the last dim forwards, as in PyTorch: left, right, top, bottom, front,
    back. `constant` pads any dims, and cuts where a number is negative. The other modes
    pad the last one to three dims, of which one or two come first; [N, T, C] is brought
    to [N, C, T] before.

    Arguments:
        pad: how much before and after the last dim, then the one before it, and so on
        mode: `constant` adds `value`; `reflect` mirrors without repeating the edge;
            `replicate` repeats the edge; `circular` goes on at the other end
        value: the number that `constant` adds
    """

    name: ClassVar[str] = "pad"
    variadic: ClassVar[str | None] = "pad"

    pad: tuple[Dim, ...]
    mode: Literal["constant", "reflect", "replicate", "circular"] = keyword("constant")
    value: float = keyword(0.0)

    def validate(self) -> None:
        if not self.pad or len(self.pad) % 2:
            raise OpError(
                "E0302",
                f"`pad` takes a pair for each dim, the last one first, got {len(self.pad)} numbers",
                blame="pad",
                help="`pad(1, 1, 1, 1)` adds 1 on all four sides of an image",
            )
        if self.mode == "constant":
            return
        if self.value != 0.0:
            raise OpError("E0311", f"`mode={self.mode}` adds no `value`", blame="value")
        if any(isinstance(size, int) and size < 0 for size in self.pad):
            raise OpError(
                "E0302",
                f"`mode={self.mode}` adds and does not cut, got {self._text()}",
                blame="pad",
                help="cut with `slice` or `crop`",
            )

    def _text(self) -> str:
        return "[" + ", ".join(map(str, self.pad)) + "]"

    def _pairs(self, x: TensorType) -> tuple[tuple[Dim, Dim], ...]:
        """What is added before and after every dim, the first dim first."""
        pairs = tuple(zip(self.pad[::2], self.pad[1::2], strict=True))[::-1]
        return ((0, 0),) * (x.rank - len(pairs)) + pairs

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        self._check_type(x)
        self._check_rank(x)
        sides: list[Dim] = []
        for dim, (size, pair) in enumerate(zip(x.shape, self._pairs(x), strict=True)):
            for added in pair:
                if not isinstance(added, int):
                    self._check_added(added)
            self._check_mode(x, size, pair)
            side = size + pair[0] + pair[1]
            self._check_left(x, dim, size, pair, side)
            sides.append(side)
        return x.with_shape(*sides)

    def _check_type(self, x: TensorType) -> None:
        if x.dtype is DType.STRING or (x.dtype is BOOL and self.mode != "constant"):
            raise OpError("E0406", f"`pad` takes numbers, got {x}", blame="x")
        if not x.dtype.is_float and not self.value.is_integer():
            raise OpError(
                "E0406",
                f"`pad` adds {x.dtype.spec_name} to {x}, got {self.value:g}",
                blame="value",
            )

    def _check_rank(self, x: TensorType) -> None:
        count = len(self.pad) // 2
        if count > x.rank:
            raise OpError(
                "E0401", f"`pad` got {count} pairs for the {x.rank} dims of {x}", blame="pad"
            )
        if self.mode != "constant" and (count > 3 or x.rank - count not in (1, 2)):
            raise OpError(
                "E0401",
                f"`mode={self.mode}` pads the last one to three dims, of which one or two come"
                f" first, got {count} pairs for {x}",
                blame="pad",
                help=f"give {x.rank - 2} pairs, 0 where nothing is added"
                if 3 <= x.rank <= 5
                else "bring the tensor to [N, C, ...] with `permute` or `flatten`",
            )

    def _check_added(self, added: Dim) -> None:
        require_room(
            added,
            f"`pad` adds {added}, which is less than 0",
            f"`pad` adds {added}, which may be less than 0",
            blame="pad",
            help="cut with `slice` or `crop`",
        )

    def _check_mode(self, x: TensorType, size: Dim, pair: tuple[Dim, Dim]) -> None:
        """Reflection needs more than it adds, wrapping at least as much."""
        if self.mode not in ("reflect", "circular"):
            return
        for added in pair:
            if added == 0:
                continue
            least = "more than" if self.mode == "reflect" else "at least"
            require_room(
                size - added,
                f"`mode={self.mode}` needs {least} the {added} that it adds, got {size} in {x}",
                f"`mode={self.mode}` needs {least} the {added} that it adds, got `{size}` in"
                f" {x}, which may be less",
                blame="pad",
                help="add less, or use `mode=replicate`",
                least=1 if self.mode == "reflect" else 0,
            )

    def _check_left(
        self, x: TensorType, dim: int, size: Dim, pair: tuple[Dim, Dim], side: Dim
    ) -> None:
        """Cutting takes no more than there is, and leaves something with what is added."""
        cut = sum(added for added in pair if isinstance(added, int) and added < 0)
        if not cut:
            return
        for left, least in ((size + cut, 0), (side, 1)):
            require_room(
                left,
                f"`pad` cuts more than there is of dim {dim} of {x}, got {pair[0]} and {pair[1]}",
                f"`pad` may cut more than there is of dim {dim} of {x}, got {pair[0]} and"
                f" {pair[1]}",
                blame="pad",
                least=least,
            )

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",) if self.mode in ("reflect", "replicate") else ()

    def gain(self, inputs: Inputs) -> float | None:
        if self.mode != "constant":
            return 1.0
        share = 1.0
        for size, pair in zip(inputs.x.shape, self._pairs(inputs.x), strict=True):
            if pair == (0, 0):
                continue
            if not isinstance(size, int) or not all(isinstance(added, int) for added in pair):
                return None
            before, after = (int(added) for added in pair if isinstance(added, int))
            share *= (size + min(before, 0) + min(after, 0)) / (size + before + after)
        return share + self.value**2 * (1.0 - share)

    def torch(self, t: TorchWriter) -> str:
        options = ""
        if self.mode != "constant":
            options += f", mode={t.literal(self.mode)}"
        if self.value != 0.0:
            options += f", value={t.literal(self._value(t.inputs.x))}"
        return f"F.pad({t['x']}, ({', '.join(bare(t, size) for size in self.pad)}){options})"

    def _value(self, x: TensorType) -> float | int | bool:
        if x.dtype is BOOL:
            return bool(self.value)
        return self.value if x.dtype.is_float else int(self.value)

    def onnx(self, b: OnnxBuilder) -> str:
        x = b.inputs.x
        pairs = self._pairs(x)
        value = self._cut(b, pairs)
        added = [_added(before) for before, _ in pairs] + [_added(after) for _, after in pairs]
        if not any(size != 0 for size in added):
            return value
        pads = onnx_sizes(b, added)
        if self.mode != "constant":
            return b.node("Pad", value, pads, mode=_ONNX_MODE[self.mode])
        constant = b.scalar(self._value(x), x.dtype) if self.value != 0.0 else None
        return b.node("Pad", value, pads, constant)

    def _cut(self, b: OnnxBuilder, pairs: tuple[tuple[Dim, Dim], ...]) -> str:
        """What is left where a number is negative."""
        parts: dict[int, Part] = {}
        for dim, (before, after) in enumerate(pairs):
            start = -before if isinstance(before, int) and before < 0 else 0
            stop = after if isinstance(after, int) and after < 0 else None
            if start or stop is not None:
                parts[dim] = Part(start=start, stop=stop)
        return onnx_parts(b, b["x"], parts) if parts else b["x"]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t, s = symbol("N"), symbol("T"), symbol("S", 3)
        h, w, high = symbol("H", 4), symbol("W", 4), symbol("T", 1, 8)
        return (
            Example(cls(pad=(1, 2)), {"x": float_tensor(n, 3, t)}),
            Example(cls(pad=(1, 0, 2, 3), value=-0.5), {"x": float_tensor(n, 2, h, w)}),
            Example(cls(pad=(0, 0, 1, -1)), {"x": float_tensor(n, t, 3)}),
            Example(cls(pad=(-1, -1, 0, 0, 1, 1)), {"x": float_tensor(n, 2, 3, s)}),
            Example(cls(pad=(0, 8 - high)), {"x": int_tensor(n, high)}, {"x": (0, 9)}),
            Example(cls(pad=(0, t), value=7.0), {"x": int_tensor(n, t)}, {"x": (0, 9)}),
            Example(cls(pad=(1, 1), value=1.0), {"x": bool_tensor(n, t)}),
            Example(cls(pad=(2, 1), mode="reflect"), {"x": float_tensor(n, 2, s)}),
            Example(cls(pad=(1, 2, 3, 0), mode="reflect"), {"x": float_tensor(n, 2, h, w)}),
            Example(
                cls(pad=(1, 1, 0, 2, 1, 0), mode="reflect"), {"x": float_tensor(n, 2, 3, 4, 2)}
            ),
            Example(cls(pad=(2, 3), mode="replicate"), {"x": float_tensor(n, t)}),
            Example(cls(pad=(1, 2, 0, 3), mode="replicate"), {"x": float_tensor(n, 2, t, t)}),
            Example(cls(pad=(2, 1), mode="circular"), {"x": float_tensor(n, 2, s)}),
            Example(cls(pad=(1, 2, 4, 0), mode="circular"), {"x": float_tensor(n, 2, h, w)}),
            Example(
                cls(pad=(0, 1, 1, 0, 2, 2), mode="circular"), {"x": float_tensor(n, 2, 3, 4, 2)}
            ),
        )


def _added(size: Dim) -> Dim:
    return max(size, 0) if isinstance(size, int) else size
