"""Values and the layers between them, for the lints about a network."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dlc.compiler.analysis.flat import Flat, Layer, flatten, producers, readers
from dlc.compiler.compilation import Compilation
from dlc.compiler.ir.graph import Parameter

WEIGHTED = frozenset(
    {"linear", *(f"conv{rank}d" for rank in (1, 2, 3))}
    | {f"conv_transpose{rank}d" for rank in (1, 2, 3)}
)
RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu", "elu", "celu", "gelu", "silu", "mish"})
SATURATING = frozenset({"tanh", "sigmoid", "hardtanh", "hardsigmoid", "softsign"})
DROPPING = frozenset({f"dropout{rank}" for rank in ("", "1d", "2d", "3d")} | {"alpha_dropout"})
#: What hands on numbers in another order or shape.
MOVING = frozenset(
    {
        *("flatten", "unflatten", "reshape", "squeeze", "unsqueeze", "permute", "transpose"),
        *("identity", "to"),
    }
)
#: What leaves some numbers out, and the others as they are.
PICKING = frozenset({"select", "slice", "crop", "gather", "index_select"})


class Chains:
    """A network without blocks, with what gives and reads each value."""

    def __init__(self, compilation: Compilation) -> None:
        self.flat: Flat = flatten(compilation.program)
        self._producers = producers(self.flat)
        self._readers = readers(self.flat)
        self.outputs = frozenset(self.flat.outputs.values())

    @property
    def layers(self) -> list[Layer]:
        return self.flat.layers

    def source(self, value: str) -> Layer | None:
        """What gives a value; None for an input."""
        return self._producers.get(value)

    def before(self, layer: Layer, through: Collection[str]) -> Layer | None:
        """The layer whose result `layer` takes first, those of the kinds `through` passed by."""
        return self._origin(layer.values[0], through) if layer.values else None

    def _origin(self, value: str, through: Collection[str]) -> Layer | None:
        found = self.source(value)
        while found is not None and found.node.kind in through and found.values:
            found = self.source(found.values[0])
        return found

    def readers(self, value: str) -> list[Layer]:
        """What reads a value."""
        return [self.layers[place] for place in self._readers.get(value, [])]

    def after(self, layer: Layer) -> list[Layer]:
        """What reads the first result of a layer."""
        return self.readers(layer.outputs[0])

    def end(self, output: str, through: Collection[str]) -> Layer | None:
        """The layer that gives an output of the network, those of the kinds `through` passed by;
        None for a target and for an input."""
        return self._origin(self.flat.outputs.get(output, ""), through)

    def follower(self, layer: Layer, through: Collection[str]) -> Layer | None:
        """The one layer that takes the result, those of the kinds `through` passed by; None
        where there are several, or the value is an output."""
        found = layer
        while True:
            next_ = self.after(found)
            if len(next_) != 1 or found.outputs[0] in self.outputs:
                return None
            found = next_[0]
            if found.node.kind not in through:
                return found

    def of_kinds(self, kinds: Collection[str]) -> Iterator[Layer]:
        return (layer for layer in self.layers if layer.node.kind in kinds)


_last: list[tuple[Compilation, Chains]] = []


def chains_of(compilation: Compilation) -> Chains:
    """The chains of a compilation; the lints of one ask for them one after the other."""
    if not _last or _last[0][0] is not compilation:
        _last[:] = [(compilation, Chains(compilation))]
    return _last[0][1]


def weight_of(layer: Layer) -> Parameter | None:
    """The weight of a layer, where it is stored as one tensor of known sizes."""
    for _, parameter in layer.parameters:
        if parameter.name == "weight" and all(isinstance(s, int) for s in parameter.shape):
            return parameter
    return None


def sizes(parameter: Parameter) -> tuple[int, ...]:
    """The shape of a parameter whose sizes are known."""
    return tuple(size for size in parameter.shape if isinstance(size, int))
