"""`interpolate`: an image in another size."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar

from dlc.compiler.components.arguments import Gt, Le
from dlc.compiler.ir.dims import Dim, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import FLOAT, INT, TensorType, float_tensor
from dlc.compiler.ops._checks import require_float, require_rank
from dlc.compiler.ops._extent import require_room
from dlc.compiler.ops._interpolation import (
    CUBIC,
    CUBIC_SMOOTH,
    LAST_SAFE_FACTOR,
    beside,
    float32,
    nearest,
    taps,
)
from dlc.compiler.ops._subscript import bare, onnx_sizes
from dlc.compiler.ops.base import Example, Op, OpError
from dlc.compiler.record import component

_RANKS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
_LAYOUTS = {3: "[N, C, L]", 4: "[N, C, H, W]", 5: "[N, C, D, H, W]"}
_NEAREST = ("nearest", "nearest-exact")

#: More than any image is scaled by.
Factor = Annotated[float, Gt(0), Le(4096)]

#: Sizes that are not known are multiplied by fractions of up to this denominator.
_FINEST = 1024

_T = TypeVar("_T", Dim, float)
_Given: TypeAlias = dict[str, TensorType | tuple[TensorType, ...]]


@component
class Interpolate(Op):
    """An image in another size; also a signal, [N, C, L], or a volume, [N, C, D, H, W].

        interpolate(scale_factor=2)                          # [N, C, H, W] -> [N, C, 2H, 2W]
        interpolate(size=[224, 224], mode=bilinear, antialias=true)
        interpolate(size=[H, W], mode=bilinear)              # as large as what has H and W

    A side of n becomes `size`, or ⌊n · scale_factor⌋. Place i of the result lies at
    (i + ½) · n / size − ½ of the input, with `align_corners` at i · (n − 1) / (size − 1);
    `nearest` takes ⌊i · n / size⌋. What `mode=area` is in PyTorch is `adaptive_avg_pool2d`.

    Arguments:
        size: the new sides; one number, or one for each spatial dim
        scale_factor: what the sides are multiplied by, instead of `size`; one number, or
            one for each spatial dim
        mode: `nearest` repeats numbers; `linear` (one spatial dim), `bilinear` (two) and
            `trilinear` (three) weigh the two neighbours in each dim, `bicubic` (two) four;
            `nearest-exact` is `nearest` without its shift of half a place
        align_corners: whether the outermost numbers stay the outermost ones
        antialias: whether shrinking takes the mean of all that is left out; `bilinear` and
            `bicubic` only

    Source: Keys, Cubic convolution interpolation, 1981 (with a = −0.75, and −0.5 where
    `antialias` is set).
    """

    name: ClassVar[str] = "interpolate"

    size: Dim | tuple[Dim, ...] | None = None
    scale_factor: Factor | tuple[Factor, ...] | None = None
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"] = (
        "nearest"
    )
    align_corners: bool = False
    antialias: bool = False

    def validate(self) -> None:
        if (self.size is None) == (self.scale_factor is None):
            raise OpError(
                "E0311",
                "`interpolate` takes a `size` or a `scale_factor`, got "
                + ("neither" if self.size is None else "both"),
                blame=None if self.size is None else "size",
                help="`interpolate(scale_factor=2)` makes both sides twice as long",
            )
        if self.align_corners and self.mode in _NEAREST:
            raise OpError(
                "E0311",
                f"`mode={self.mode}` has no `align_corners`",
                blame="align_corners",
                help="leave it out, or use `mode=bilinear`",
            )
        if self.antialias and (self.mode not in ("bilinear", "bicubic") or self.align_corners):
            what = "align_corners" if self.align_corners else f"mode={self.mode}"
            raise OpError(
                "E0311",
                f"`antialias` does not go with `{what}`",
                blame="antialias",
                help="it goes with `mode=bilinear` and `mode=bicubic`, without `align_corners`",
            )

    def infer(self, inputs: Inputs) -> TensorType:
        x = inputs.x
        require_float(self.name, x)
        self._check_rank(x)
        sides = tuple(
            self._side(x, side, size, factor)
            for side, size, factor in zip(
                x.shape[2:], self._sizes(x), self._factors(x), strict=True
            )
        )
        return x.with_shape(*x.shape[:2], *sides)

    def _check_rank(self, x: TensorType) -> None:
        if self.mode in _NEAREST:
            require_rank(
                self.name,
                x,
                3,
                4,
                5,
                layout="[N, C, L], [N, C, H, W] or [N, C, D, H, W]",
            )
            return
        rank = _RANKS[self.mode]
        fitting = [f"`mode={mode}`" for mode, other in _RANKS.items() if other == x.rank]
        require_rank(
            f"interpolate(mode={self.mode})",
            x,
            rank,
            layout=_LAYOUTS[rank],
            help=f"use {' or '.join(fitting)}" if fitting else None,
        )

    def _sizes(self, x: TensorType) -> tuple[Dim | None, ...]:
        if self.size is None:
            return (None,) * (x.rank - 2)
        return _spread(x, "size", self.size)

    def _factors(self, x: TensorType) -> tuple[float | None, ...]:
        if self.scale_factor is None:
            return (None,) * (x.rank - 2)
        return _spread(x, "scale_factor", self.scale_factor)

    def _side(self, x: TensorType, side: Dim, size: Dim | None, factor: float | None) -> Dim:
        blame = "size"
        if size is None:
            assert factor is not None
            blame, size = "scale_factor", self._scaled(x, side, factor)
        require_room(
            size,
            f"a side of `interpolate` is at least 1, got {size}",
            f"a side of `interpolate` is at least 1, got {size}, which may be less",
            blame=blame,
            least=1,
        )
        return size

    def _scaled(self, x: TensorType, side: Dim, factor: float) -> Dim:
        if isinstance(side, int):
            return int(side * factor)
        above, below = factor.as_integer_ratio()
        if below > _FINEST or above > 1 << 20:
            raise OpError(
                "E0403",
                f"`interpolate` cannot tell how long `{side}` times {factor:g} is in {x}",
                blame="scale_factor",
                help="give the side a number, a `size`, or a factor that is a multiple of"
                " 1/2, 1/4, ...",
            )
        return side * above // below

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ()

    def gain(self, inputs: Inputs) -> float | None:
        if self.mode in _NEAREST:
            return 1.0
        x, y = inputs.x, self.infer(inputs)
        share = 1.0
        for side, size, factor in zip(x.shape[2:], y.shape[2:], self._factors(x), strict=True):
            if not isinstance(side, int) or not isinstance(size, int):
                return None
            filter_ = "cubic" if self.mode == "bicubic" else "linear"
            places = taps(filter_, side, size, factor, self.align_corners, self.antialias)
            share *= sum(w * w for place in places for w in place.values()) / size
        return share

    def torch(self, t: TorchWriter) -> str:
        options = []
        if isinstance(self.size, tuple):
            comma = "," if len(self.size) == 1 else ""
            sizes = ", ".join(bare(t, size) for size in self.size)
            options.append(f"size=({sizes}{comma})")
        elif self.size is not None:
            options.append(f"size={bare(t, self.size)}")
        else:
            options.append(f"scale_factor={t.literal(self.scale_factor)}")
        if self.mode != "nearest":
            options.append(f"mode={t.literal(self.mode)}")
        if self.align_corners:
            options.append(f"align_corners={t.literal(True)}")
        if self.antialias:
            options.append(f"antialias={t.literal(True)}")
        return f"F.interpolate({t['x']}, {', '.join(options)})"

    def onnx(self, b: OnnxBuilder) -> str:
        if self.mode in _NEAREST:
            return self._onnx_nearest(b)
        options: dict[str, Any] = {
            "mode": "cubic" if self.mode == "bicubic" else "linear",
            "coordinate_transformation_mode": "align_corners"
            if self.align_corners
            else "half_pixel",
        }
        if self.mode == "bicubic":
            options["cubic_coeff_a"] = CUBIC_SMOOTH if self.antialias else CUBIC
        if self.antialias:
            options |= {"antialias": 1, "exclude_outside": 1}
        x, y = b.inputs.x, b.results[0]
        if self.scale_factor is None or self.align_corners:
            spatial = list(range(2, x.rank))
            sizes = onnx_sizes(b, y.shape[2:])
            return b.node("Resize", b["x"], None, None, sizes, axes=spatial, **options)
        factors = [
            _onnx_factor(side, size, factor)
            for side, size, factor in zip(
                x.shape[2:], y.shape[2:], _spread(x, "scale_factor", self.scale_factor), strict=True
            )
        ]
        scales = b.constant([1.0, 1.0, *factors], FLOAT)
        return b.node("Resize", b["x"], None, scales, **options)

    def _onnx_nearest(self, b: OnnxBuilder) -> str:
        """One node where it rounds as PyTorch does, else the places computed as it does."""
        x, y = b.inputs.x, b.results[0]
        sides = tuple(zip(x.shape[2:], y.shape[2:], self._factors(x), strict=True))
        factors = [_safe_factor(side, size, factor) for side, size, factor in sides]
        known = [factor for factor in factors if factor is not None]
        if len(known) == len(factors):
            scales = b.constant([1.0, 1.0, *known], FLOAT)
            exact = self.mode == "nearest-exact"
            return b.node(
                "Resize",
                b["x"],
                None,
                scales,
                mode="nearest",
                coordinate_transformation_mode="half_pixel" if exact else "asymmetric",
                nearest_mode="round_prefer_ceil" if exact else "floor",
            )
        value = b["x"]
        for dim, (side, size, factor) in enumerate(sides, 2):
            if size != side or factor is not None:
                value = b.node("Gather", value, self._places(b, side, size, factor), axis=dim)
        return value

    def _places(self, b: OnnxBuilder, side: Dim, size: Dim, factor: float | None) -> str:
        shift = 0.5 if self.mode == "nearest-exact" else 0.0
        if isinstance(side, int) and isinstance(size, int):
            return b.constant(nearest(side, size, factor, shift), INT)
        if factor is not None:
            scale = b.scalar(1.0 / factor, FLOAT)
        else:
            lengths = (b.node("Cast", b.dim(n), to=FLOAT.onnx) for n in (side, size))
            scale = b.node("Div", *lengths)
        places = b.node("Range", b.scalar(0, INT), b.dim(size), b.scalar(1, INT))
        places = b.node("Cast", places, to=FLOAT.onnx)
        if shift:
            places = b.node("Add", places, b.scalar(shift, FLOAT))
        places = b.node("Floor", b.node("Mul", places, scale))
        return b.node("Min", b.node("Cast", places, to=INT.onnx), b.dim(side - 1))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, h, w, t = symbol("N"), symbol("H"), symbol("W"), symbol("T")
        image: _Given = {"x": float_tensor(n, 2, h, w)}
        known: _Given = {"x": float_tensor(n, 2, 7, 5)}
        signal: _Given = {"x": float_tensor(n, 2, t)}
        volume: _Given = {"x": float_tensor(n, 1, 3, h, 4)}
        return (
            Example(cls(scale_factor=2.0), image),
            Example(cls(scale_factor=(3.0, 1.0)), image),
            Example(cls(scale_factor=1.5), image),
            Example(cls(scale_factor=0.5), {"x": float_tensor(n, 2, 14, 9)}),
            Example(cls(scale_factor=0.7), known),
            Example(cls(size=(3, 12)), {"x": float_tensor(n, 1, 9, 20)}),
            Example(cls(size=(w, h)), image),
            Example(cls(size=4), signal),
            Example(cls(scale_factor=2.0), volume),
            Example(cls(scale_factor=2.5, mode="nearest-exact"), image),
            Example(cls(scale_factor=4.0, mode="nearest-exact"), image),
            Example(cls(size=(5, 11), mode="nearest-exact"), {"x": float_tensor(n, 1, 9, 26)}),
            Example(cls(scale_factor=2.0, mode="linear"), signal),
            Example(cls(size=(7,), mode="linear", align_corners=True), signal),
            Example(cls(scale_factor=2.0, mode="bilinear"), image),
            Example(cls(scale_factor=0.7, mode="bilinear"), {"x": float_tensor(n, 2, 10, 20)}),
            Example(cls(scale_factor=1.5, mode="bilinear", align_corners=True), image),
            Example(cls(size=(4, 9), mode="bilinear"), image),
            Example(cls(size=(w, 2 * h), mode="bilinear"), image),
            Example(cls(size=(3, 2), mode="bilinear", antialias=True), known),
            Example(cls(scale_factor=2.0, mode="bicubic"), image),
            Example(cls(size=6, mode="bicubic", align_corners=True), known),
            Example(cls(size=(3, 9), mode="bicubic", antialias=True), known),
            Example(cls(scale_factor=0.5, mode="bilinear", antialias=True), known),
            Example(cls(scale_factor=2.0, mode="trilinear"), volume),
            Example(cls(size=(2, 5, 7), mode="trilinear", align_corners=True), volume),
        )


def _spread(x: TensorType, field: str, given: _T | tuple[_T, ...]) -> tuple[_T, ...]:
    """One number for each spatial dim."""
    spatial = x.rank - 2
    if not isinstance(given, tuple):
        return (given,) * spatial
    if len(given) != spatial:
        raise OpError(
            "E0401",
            f"`interpolate` takes a number for each of the {spatial} spatial dims of {x},"
            f" got {len(given)}",
            blame=field,
        )
    return given


def _onnx_factor(side: Dim, size: Dim, factor: float) -> float:
    """The 32-bit factor that gives this size, whether it is multiplied by in 32 or 64 bits:
    0.7 as it stands makes 6 of 10."""
    found = float32(factor)
    if not isinstance(side, int) or not isinstance(size, int):
        return found
    while min(float32(found * side), found * side) < size:
        found = beside(found, 1)
    while max(float32(found * side), found * side) >= size + 1:
        found = beside(found, -1)
    return found


def _safe_factor(side: Dim, size: Dim, factor: float | None) -> float | None:
    """The factor where ONNX and PyTorch are sure to round alike: whole numbers, and powers
    of two."""
    if factor is None:
        if size == side:
            return 1.0
        if not isinstance(side, int) or not isinstance(size, int) or size % side:
            return None
        factor = size / side
    above, below = factor.as_integer_ratio()
    power_of_two = above & (above - 1) == 0
    return factor if power_of_two or (below == 1 and above <= LAST_SAFE_FACTOR) else None
