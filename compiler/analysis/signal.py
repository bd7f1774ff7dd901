"""How large signals and gradients are, layer by layer, before a network has seen any data.

Signals are followed through the network as numbers of known mean and mean square, equal for all
units of a value: weights are independent of what they multiply, so that a unit sums fan_in
products and is nearly normal, and an activation does to its moments what it does to those of a
normal number. Gradients go the other way: through a layer by the fan out and the mean square of
its weights, through an activation by the mean square of its slope. Where values meet, independent
ones add.

That is exact in the limit of wide layers (He et al., "Delving deep into rectifiers", 2015; Glorot
and Bengio, 2010; Schoenholz et al., "Deep information propagation", 2017). It is a guess behind a
pool, whose inputs are taken to be independent, and it stops at layers whose output is not such a
sum: attention, recurrence, products of signals. Behind the next norm it is known again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlc.compiler.analysis.activation_moments import activated, gated, largest_of
from dlc.compiler.analysis.flat import Flat, Layer, flatten
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.ir.graph import Parameter, Program
from dlc.compiler.record import record

WEIGHTED = frozenset(
    {"linear", "conv1d", "conv2d", "conv3d"} | {f"conv_transpose{rank}d" for rank in (1, 2, 3)}
)
#: What hands on the numbers that come in, in another order or shape.
_MOVING = frozenset(
    {
        *("flatten", "unflatten", "reshape", "squeeze", "unsqueeze", "permute", "transpose"),
        *("identity", "select", "slice", "crop", "expand", "chunk", "split", "flip", "roll"),
        *("channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "to", "tile"),
        # Pairs of numbers are turned, which keeps the sums of their squares.
        "rotary_embedding",
    }
)
_DROPPING = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "stochastic_depth"})
#: What adds numbers of mean 0 that do not depend on what comes in.
_ADDING = frozenset({"learned_positions", "sinusoidal_positions", "gaussian_noise"})
_NORMS = ("batch_norm", "instance_norm", "group_norm", "layer_norm")
_TINY = 1e-300


@record
class Moments:
    """Mean and mean square of the numbers of a value; not `exact` where they are a guess."""

    mean: float
    square: float
    exact: bool = True

    @property
    def variance(self) -> float:
        return max(self.square - self.mean * self.mean, 0.0)


@record
class LayerSignal:
    """One layer. `moments` are those of its first result and `gradient` the mean square of the
    loss's derivative by it, over that of the network's output; None where the theory stops.
    `fan_in` and `fan_out` are those of a layer with weights, `weight` the mean square of these, and
    `weight_gradient` that of the derivative by a weight for one sample, in the same unit."""

    path: str
    kind: str
    moments: Moments | None
    gradient: float | None
    fan_in: int = 0
    fan_out: int = 0
    weight: float | None = None
    weight_gradient: float | None = None
    shape: str = ""


@record
class Signal:
    """A network: its layers in the order of execution, and `gaps`, the layers at which the theory
    stops, each with the reason; it goes on behind the next norm."""

    layers: tuple[LayerSignal, ...]
    gaps: tuple[tuple[str, str], ...] = ()

    @property
    def stops(self) -> str:
        """The first of the gaps, "" where the theory goes through."""
        return self.gaps[0][0] if self.gaps else ""

    def of(self, path: str) -> LayerSignal:
        """The layer of that path. Raises KeyError."""
        found = next((layer for layer in self.layers if layer.path == path), None)
        if found is None:
            raise KeyError(path)
        return found

    @property
    def weighted(self) -> tuple[LayerSignal, ...]:
        """The layers with weights."""
        return tuple(layer for layer in self.layers if layer.weight is not None)


def signal(program: Program, inputs: Mapping[str, Moments] | None = None) -> Signal:
    """Follows signals from the inputs and gradients from the outputs of a network that is being
    trained, as it starts. An input that is not given has mean 0 and variance 1."""
    flat = flatten(program)
    return _Follower(flat, dict(inputs or {})).signal(program.graph.inputs)


class _Follower:
    def __init__(self, flat: Flat, inputs: dict[str, Moments]) -> None:
        self.flat = flat
        self.inputs = inputs
        self.values: dict[str, Moments | None] = {}
        self.gradients: dict[str, float | None] = {}
        self.fans: dict[int, tuple[int, int, float | None]] = {}

    def signal(self, names: Sequence[str]) -> Signal:
        for name in names:
            known = self.flat.types[name].dtype.is_float
            self.values[name] = self.inputs.get(name, Moments(0.0, 1.0)) if known else None
        gaps = []
        for place, layer in enumerate(self.flat.layers):
            found = self._forward(place, layer)
            for output in layer.outputs:
                self.values[output] = found
            if found is None and self._is_gap(layer):
                gaps.append((layer.path, why_unknown(layer.node.kind)))
        self._backward_all()
        layers = tuple(
            LayerSignal(
                layer.path,
                layer.node.kind,
                self.values[layer.outputs[0]],
                self.gradients.get(layer.outputs[0]),
                *self.fans.get(place, (0, 0, None)),
                self._weight_gradient(place, layer),
                self.flat.types[layer.outputs[0]].shape_text,
            )
            for place, layer in enumerate(self.flat.layers)
        )
        return Signal(layers, tuple(gaps))

    def _is_gap(self, layer: Layer) -> bool:
        """Whether the signal is lost in this layer, and was not before it; whole numbers and
        truths are no signals."""
        types = self.flat.types
        if not any(types[value].dtype.is_float for value in layer.outputs):
            return False
        signals = [value for value in layer.values if types[value].dtype.is_float]
        return all(self.values[value] is not None for value in signals)

    def _weight_gradient(self, place: int, layer: Layer) -> float | None:
        """A weight of a convolution is met at every position, and what is learned there adds."""
        if place not in self.fans:
            return None
        x, above = self.values[layer.values[0]], self.gradients.get(layer.outputs[0])
        sizes = self.flat.types[layer.outputs[0]].shape
        places = sizes[2:] if layer.node.kind.startswith("conv") else sizes[1:-1]
        if x is None or above is None or not all(isinstance(size, int) for size in places):
            return None
        return math.prod(int(s) for s in places if isinstance(s, int)) * above * x.square

    # ── forward ──────────────────────────────────────────────────────────────

    def _forward(self, place: int, layer: Layer) -> Moments | None:
        kind, op = layer.node.kind, layer.node.op
        given = [self.values[value] for value in layer.values]
        if kind in WEIGHTED:
            return self._weighted(place, layer, given[0])
        if kind == "embedding":
            return _drawn(layer)
        if kind.startswith(_NORMS):
            # Their scale starts at 1 and their shift at 0, unless `init` says otherwise.
            scale = _scale(layer)
            return None if scale is None else Moments(0.0, scale)
        if kind == "parameter":
            return _drawn(layer)
        if any(one is None for one in given) or not given:
            return None
        first = given[0]
        assert first is not None
        if kind in _ADDING:
            more = _added(layer)
            return None if more is None else Moments(first.mean, first.square + more, first.exact)
        if kind == "rms_norm":
            scale = _scale(layer)
            if scale is None or first.square <= _TINY:
                return None
            return Moments(first.mean * math.sqrt(scale / first.square), scale, first.exact)
        if kind in _DROPPING:
            keep = 1.0 - float(getattr(op, "p", 0.0))
            return Moments(first.mean, first.square / keep, first.exact) if keep > 0 else None
        if kind in _MOVING:
            return first
        if kind == "normalize":
            # By constants, which are those of the data.
            return Moments(0.0, 1.0)
        if "_pool" in kind:
            return self._pooled(layer, first)
        if kind in ("add", "sub"):
            return _sum(layer.values, given, minus=kind == "sub")
        if kind == "concat":
            return self._joined(layer, [one for one in given if one is not None])
        if kind == "neg":
            return Moments(-first.mean, first.square, first.exact)
        if kind == "maxout":
            pieces = int(getattr(op, "num_pieces", 1))
            return Moments(*largest_of(pieces, first.mean, first.variance), first.exact)
        if len(given) != 1:
            return None
        found = _activation(op, first)
        return None if found is None else Moments(found[0], found[1], first.exact)

    def _weighted(self, place: int, layer: Layer, x: Moments | None) -> Moments | None:
        weight = _parameter(layer, "weight")
        if weight is None or not all(isinstance(size, int) for size in weight.shape):
            return None
        shape = tuple(int(size) for size in weight.shape if isinstance(size, int))
        window = math.prod(shape[2:])
        strides = math.prod(getattr(layer.node.op, "strides", ()))
        groups = int(getattr(layer.node.op, "groups", 1))
        inside = self._inside(layer) * window
        if layer.node.kind.startswith("conv_transpose"):
            # Stored as [inputs, units / groups, *window].
            fan_in, fan_out = shape[0] // groups * inside / strides, shape[1] * inside
        else:
            fan_in, fan_out = shape[1] * inside, shape[0] // groups * inside / strides
        square = _mean_square(weight, shape)
        self.fans[place] = round(fan_in), round(fan_out), square
        if x is None or square is None:
            return None
        bias = _parameter(layer, "bias")
        shift = 0.0 if bias is None else _bias_square(bias, shape)
        return Moments(0.0, fan_in * square * x.square + shift, x.exact)

    def _pooled(self, layer: Layer, x: Moments) -> Moments | None:
        """As if the numbers of a window were independent, which neighbours are not."""
        window = self._window(layer)
        if window is None:
            return None
        if "max" in layer.node.kind:
            mean, square = largest_of(window[0], x.mean, x.variance)
            return Moments(mean, square, exact=False)
        if "avg" in layer.node.kind:
            return Moments(x.mean, x.mean * x.mean + x.variance / window[0], exact=False)
        return None

    def _window(self, layer: Layer) -> tuple[int, float] | None:
        """How many numbers a result of a pool is made of, and how many there are for each."""
        given, made = (self._elements(v) for v in (layer.values[0], layer.outputs[0]))
        if not given or not made:
            return None
        kernel = getattr(layer.node.op, "kernel", None)
        share = given / made
        return (math.prod(kernel) if kernel else max(round(share), 1)), share

    def _inside(self, layer: Layer) -> float:
        """The share of a window's places that lie inside the picture, on average: the others are
        zeros of the padding."""
        op, kind = layer.node.op, layer.node.kind
        if not kind.startswith("conv") or kind.startswith("conv_transpose"):
            return 1.0
        padding = getattr(op, "padding", 0)
        if padding == 0 or getattr(op, "padding_mode", "zeros") != "zeros":
            return 1.0
        share = 1.0
        sizes = self.flat.types[layer.values[0]].shape[2:]
        results = self.flat.types[layer.outputs[0]].shape[2:]
        kernel, strides = getattr(op, "kernel", ()), getattr(op, "strides", ())
        dilations = getattr(op, "dilations", (1,) * len(kernel))
        for axis, (size, result) in enumerate(zip(sizes, results, strict=True)):
            if not isinstance(size, int) or not isinstance(result, int):
                continue
            k, s, d = kernel[axis], strides[axis], dilations[axis]
            before = padding[axis] if isinstance(padding, tuple) else padding
            if not isinstance(before, int):
                before = d * (k - 1) // 2  # "same"
            hits = sum(
                1
                for at in range(result)
                for tap in range(k)
                if 0 <= at * s - before + tap * d < size
            )
            share *= hits / max(result * k, 1)
        return share

    def _joined(self, layer: Layer, given: Sequence[Moments]) -> Moments | None:
        """The numbers of several values side by side, each by how many it has."""
        counts = [self._elements(value) for value in layer.values]
        known = [count for count in counts if count is not None]
        if len(known) != len(given):
            return None
        total = sum(known)
        return Moments(
            sum(n * one.mean for n, one in zip(known, given, strict=True)) / total,
            sum(n * one.square for n, one in zip(known, given, strict=True)) / total,
            all(one.exact for one in given),
        )

    def _elements(self, value: str) -> int | None:
        sizes = self.flat.types[value].shape[1:]
        if not all(isinstance(size, int) for size in sizes):
            return None
        return math.prod(int(size) for size in sizes if isinstance(size, int))

    # ── backward ─────────────────────────────────────────────────────────────

    def _backward_all(self) -> None:
        for value in self.flat.outputs.values():
            self.gradients[value] = 1.0
        for place in reversed(range(len(self.flat.layers))):
            layer = self.flat.layers[place]
            for index, value in enumerate(layer.values):
                # What comes in twice gets the same gradient twice, not two independent ones.
                times = layer.values.count(value)
                for output in layer.outputs:
                    above = self.gradients.get(output, 0.0)
                    found = self._through(place, layer, index, above)
                    if found is not None:
                        found *= times * self._share(layer, value, output)
                    self._add(value, found)

    def _add(self, value: str, more: float | None) -> None:
        """Gradients of several readers add: they are independent."""
        before = self.gradients.get(value, 0.0)
        self.gradients[value] = None if before is None or more is None else before + more

    def _share(self, layer: Layer, value: str, output: str) -> float:
        """How many numbers of a result each number that came in is part of, on average: fewer
        than one where some are left out, more where they are repeated."""
        kind = layer.node.kind
        if kind not in _MOVING and kind not in ("add", "sub"):
            return 1.0
        given, made = self._elements(value), self._elements(output)
        return made / given if given and made else 1.0

    def _through(self, place: int, layer: Layer, index: int, above: float | None) -> float | None:
        kind, op = layer.node.kind, layer.node.op
        if above == 0.0:
            return 0.0
        if above is None:
            return None
        x = self.values[layer.values[index]]
        if kind in WEIGHTED:
            _, fan_out, square = self.fans.get(place, (0, 0, None))
            return None if square is None else above * fan_out * square
        if kind in ("add", "sub", "concat", "neg") or kind in _MOVING or kind in _ADDING:
            return above
        if kind == "maxout":
            # The largest of a group gets all of it.
            return above / int(getattr(op, "num_pieces", 1))
        if kind in _DROPPING:
            keep = 1.0 - float(getattr(op, "p", 0.0))
            return above / keep if keep > 0 else None
        if kind == "normalize":
            std = getattr(op, "std", 1.0)
            stds = std if isinstance(std, tuple) else (std,)
            share: float = sum(1.0 / (one * one) for one in stds) / len(stds)
            return above * share
        if "_pool" in kind:
            window = self._window(layer)
            if window is None or not ("max" in kind or "avg" in kind):
                return None
            # A result sends its gradient to the largest, or an equal share of it to each.
            return above / window[1] / (1 if "max" in kind else window[0])
        if x is None:
            return None
        if kind.startswith(_NORMS):
            scale = _scale(layer)
            return None if scale is None or x.variance <= _TINY else above * scale / x.variance
        if kind == "rms_norm":
            scale = _scale(layer)
            return None if scale is None or x.square <= _TINY else above * scale / x.square
        found = _activation(op, x) if len(layer.values) == 1 else None
        return None if found is None else above * found[2]


#: Why the theory stops, by kinds of layers.
_REASONS = {
    "attention": "weights that are signals themselves",
    "lstm": "a state that is fed back",
    "gru": "a state that is fed back",
    "rnn": "a state that is fed back",
    "softmax": "shares of one sum",
    "mul": "a product of signals",
    "matmul": "a product of signals",
    "bilinear": "a product of signals",
    "div": "a product of signals",
    "norm": "a norm that starts at 0",
    "mean": "a mean of numbers that are not independent",
}
_OTHERWISE = "no sum of many independent numbers"


def why_unknown(kind: str) -> str:
    """Why the signal behind a layer of this kind is not known."""
    return next((reason for part, reason in _REASONS.items() if part in kind), _OTHERWISE)


def _activation(op: Any, x: Moments) -> tuple[float, float, float] | None:
    return gated(op, x.mean, x.variance) or activated(op, x.mean, x.variance)


def _added(layer: Layer) -> float | None:
    """The mean square of what a layer adds."""
    kind, op = layer.node.kind, layer.node.op
    if kind == "sinusoidal_positions":
        return 0.5
    if kind == "gaussian_noise":
        return float(getattr(op, "std", 0.0)) ** 2
    drawn = _drawn(layer)
    return None if drawn is None else drawn.square


def _parameter(layer: Layer, name: str) -> Parameter | None:
    """A parameter of a layer, by its name; a weight that is stored in parts is none."""
    found = [p for _, p in layer.parameters if p.name == name]
    return found[0] if found else None


def _mean_square(weight: Parameter, shape: tuple[int, ...]) -> float | None:
    """The mean square of a weight as it starts; that of torch's own default without one."""
    if isinstance(weight.initializer, Initializer):
        return weight.initializer.mean_square(shape)
    return 1.0 / (3.0 * math.prod(shape[1:]))


def _bias_square(bias: Parameter, shape: tuple[int, ...]) -> float:
    size = tuple(int(size) for size in bias.shape if isinstance(size, int))
    if isinstance(bias.initializer, Initializer):
        return bias.initializer.mean_square(size) or 0.0
    return 1.0 / (3.0 * math.prod(shape[1:]))


def _scale(layer: Layer) -> float | None:
    """The mean square of what a norm multiplies by; 1 where it does not."""
    weight = _parameter(layer, "weight")
    if weight is None or not isinstance(weight.initializer, Initializer):
        return 1.0
    shape = tuple(int(size) for size in weight.shape if isinstance(size, int))
    return weight.initializer.mean_square(shape)


def _drawn(layer: Layer) -> Moments | None:
    """The rows of a table, which start as numbers of mean 0."""
    weight = _parameter(layer, "weight")
    if weight is None:
        return None
    if not isinstance(weight.initializer, Initializer):
        return Moments(0.0, 1.0)
    shape = tuple(int(size) for size in weight.shape if isinstance(size, int))
    square = weight.initializer.mean_square(shape)
    return None if square is None else Moments(0.0, square)


def _sum(values: Sequence[str], given: Sequence[Moments | None], *, minus: bool) -> Moments:
    """Of independent values, but for one that comes in several times."""
    factors: dict[str, float] = {}
    named: dict[str, Moments] = {}
    for k, (value, one) in enumerate(zip(values, given, strict=True)):
        assert one is not None
        factors[value] = factors.get(value, 0.0) + (-1.0 if minus and k else 1.0)
        named[value] = one
    mean = sum(factor * named[value].mean for value, factor in factors.items())
    variance = sum(factor * factor * named[value].variance for value, factor in factors.items())
    exact = all(one.exact for one in named.values())
    return Moments(mean, variance + mean * mean, exact)
