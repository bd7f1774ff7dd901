"""The bytes of tensors that are alive during a training step, followed layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.record import record


@record
class Tensor:
    """A tensor of the forward pass: its numbers, and the bytes of one."""

    name: str
    elements: int
    width: int

    @property
    def bytes(self) -> int:
        return self.elements * self.width


@record
class Layer:
    """A layer as memory sees it. `inputs` and `results` are the tensors that flow through,
    views resolved; `kept` are those that autograd keeps, `own` the bytes it keeps beside
    them; `weights` are the bytes of what it trains, by the names of their owners, and `cast`
    those of narrow copies of them; `block` is the checkpointed call that it lies in."""

    inputs: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    kept: tuple[Tensor, ...] = ()
    own: int = 0
    weights: tuple[tuple[str, int], ...] = ()
    cast: int = 0
    view: bool = False
    block: str = ""


class Step:
    """The live bytes of a step, parameters and state of the optimizer apart."""

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        losses: int,
    ) -> None:
        self.layers = layers
        self.outputs = outputs
        self.losses = losses
        self.cast = sum(layer.cast for layer in layers)
        self.given = {t.name for t in inputs}
        self.kept_bytes = 0

    def peaks(self) -> tuple[int, int]:
        """The peak of the forward pass, and that of the backward pass."""
        forward, kept = self._forward()
        self.kept_bytes = sum(kept.values()) + self.cast
        return forward, self._backward(kept)

    def _forward(self) -> tuple[int, dict[str, int]]:
        """The peak, and by name the bytes that are kept at the end."""
        last = _last_uses(self.layers, self.outputs)
        kept: dict[str, int] = {}
        flowing: dict[str, int] = {}
        peak = 0
        for place, layer in enumerate(self.layers):
            for tensor in layer.results:
                if tensor.name not in self.given:
                    flowing[tensor.name] = tensor.bytes
            if not layer.block:
                self._keep(layer, place, kept)
            elif place == 0 or self.layers[place - 1].block != layer.block:
                # A checkpoint keeps what goes into the block.
                for tensor in layer.inputs:
                    if tensor.name not in self.given:
                        kept[tensor.name] = tensor.bytes
            inner = self._inside(place) if layer.block else {}
            live = {**inner, **kept, **flowing}
            peak = max(peak, sum(live.values()) + self.cast)
            for name in [name for name in flowing if last.get(name, -1) <= place]:
                del flowing[name]
        for tensor in self.outputs:
            kept[tensor.name] = tensor.bytes
        kept["loss"] = self.losses
        return max(peak, sum(kept.values()) + self.cast), kept

    def _keep(self, layer: Layer, place: int, kept: dict[str, int]) -> None:
        for tensor in layer.kept:
            if tensor.name not in self.given:
                kept[tensor.name] = tensor.bytes
        if layer.own:
            kept[f"own {place}"] = layer.own

    def _inside(self, place: int) -> dict[str, int]:
        """What is live of the block that a layer lies in, up to it, without gradients."""
        layer = self.layers[place]
        return {t.name: t.bytes for t in layer.inputs if t.name not in self.given}

    def _backward(self, kept: dict[str, int]) -> int:
        kept = dict(kept)
        gradients = {t.name: t.bytes for t in self.outputs}
        first = _first_uses(self.layers)
        # The loss' own gradient lives beside what it was computed from, and beside that of the
        # outputs, which is as wide as the loss before it is as narrow as they are.
        given = max(sum(gradients.values()), self.losses)
        peak = sum(kept.values()) + given + self.losses + self.cast
        kept.pop("loss", None)
        done: dict[str, int] = {}
        cast = self.cast
        recomputed = ""
        made_at = {t.name: place for place, layer in enumerate(self.layers) for t in layer.results}
        for place in reversed(range(len(self.layers))):
            layer = self.layers[place]
            if layer.block and layer.block != recomputed:
                recomputed = layer.block
                self._recompute(place, kept)
            # A second gradient of one weight lives until it is added to the first.
            second = sum(size for name, size in layer.weights if name in done)
            done.update(layer.weights)
            if not layer.view:
                for tensor in layer.inputs:
                    # Data has no gradient.
                    if tensor.name not in self.given:
                        gradients.setdefault(tensor.name, tensor.bytes)
            live = sum(kept.values()) + sum(gradients.values()) + sum(done.values())
            peak = max(peak, live + second + cast)
            # Its narrow copies of weights are read for the last time.
            cast -= layer.cast
            if layer.view:
                continue
            for tensor in layer.results:
                gradients.pop(tensor.name, None)
            kept.pop(f"own {place}", None)
            for tensor in (*layer.kept, *layer.results):
                name = tensor.name.partition(" (")[0]
                uses = min(first.get(tensor.name, place), made_at.get(name, place))
                if uses >= place:
                    kept.pop(tensor.name, None)
        return peak

    def _recompute(self, end: int, kept: dict[str, int]) -> None:
        """Puts back what the layers of a block keep, computed anew."""
        place = end
        while place >= 0 and self.layers[place].block == self.layers[end].block:
            self._keep(self.layers[place], place, kept)
            place -= 1


def _last_uses(layers: Sequence[Layer], outputs: Sequence[Tensor]) -> dict[str, int]:
    """The last layer that reads each tensor; outputs are read after all."""
    found: dict[str, int] = {}
    for place, layer in enumerate(layers):
        for tensor in (*layer.inputs, *layer.results):
            found[tensor.name] = place
    for tensor in outputs:
        found[tensor.name] = len(layers)
    return found


def _first_uses(layers: Sequence[Layer]) -> dict[str, int]:
    """The first layer that keeps each tensor: when it is done with, so is the tensor."""
    found: dict[str, int] = {}
    for place, layer in enumerate(layers):
        for tensor in layer.kept:
            found.setdefault(tensor.name, place)
    return found


def inference_peak(
    layers: Sequence[Layer],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    held: Mapping[str, int],
) -> int:
    """The peak of a forward pass without gradients."""
    given = {t.name for t in inputs}
    last = _last_uses(layers, outputs)
    live: dict[str, int] = {}
    peak = cast = 0
    for place, layer in enumerate(layers):
        for tensor in layer.results:
            if tensor.name not in given:
                live[tensor.name] = tensor.bytes
        # Autocast keeps its narrow copies of weights until it ends.
        cast += layer.cast
        copies = sum(t.bytes for t in layer.kept if t.name.endswith(" (narrow)"))
        peak = max(peak, sum(live.values()) + cast + copies)
        for name in [n for n in live if max(last.get(n, -1), held.get(n, -1)) <= place]:
            del live[name]
    return peak
