"""What a picture shows of a program: boxes and wires, without places.

A `Scene` is one graph: the network, or one typed instance of a block. Layers that a paper
would stack (a convolution, its norm, its activation) share a box, with a row each; calls
of one block that follow each other and differ in nothing are one box that counts them.
Every layer of the program is in one box, and every value that is read in one wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dlc.compiler.drawing.labels import amount
from dlc.compiler.ir.dims import Dim, symbols
from dlc.compiler.record import component

STACK: Final = "stack"  # layers, a row each
SIGN: Final = "sign"  # + × − ÷ in a circle
BLOCK: Final = "block"  # one call of a block, or several alike
INPUT: Final = "input"
OUTPUT: Final = "output"


@component
class Tensor:
    """A parameter or buffer as the details show it."""

    name: str
    shape: str
    elements: int
    role: str
    start: str


@component
class Layer:
    """One op. `notes` are its arguments in short form, `arguments` all of them. `macs` is None
    where they cannot be told; sizes that the spec leaves open stay symbols."""

    name: str
    kind: str
    family: str
    named: bool
    notes: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, str, str], ...]  # port, value, type
    results: tuple[tuple[str, str], ...]  # value, type
    tensors: tuple[Tensor, ...]
    parameters: int
    macs: Dim | None
    lent: tuple[tuple[str, str, str], ...]  # own parameter, its path, the layer that owns it
    place: str
    source: str


@component
class Box:
    """One thing that is drawn.

    `layers` are those of a stack or a sign. `calls` are the names of the calls that a block
    box stands for, `graph` is the scene that they run, `reuses` the call whose layers they
    apply again, and `tied` whether calls after the first do so with the first one's; `run` is
    the scene that shows several calls one by one.
    `in_ports` and `out_ports` are names to tell several wires apart; empty where one wire
    or a sign needs none. `changes` is False where the result has the shape of what came in.
    """

    key: str
    kind: str
    family: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()
    arguments: tuple[tuple[str, str], ...] = ()
    layers: tuple[Layer, ...] = ()
    calls: tuple[str, ...] = ()
    graph: str = ""
    run: str = ""
    reuses: str = ""
    tied: bool = False
    named: str = ""
    in_ports: tuple[str, ...] = ()
    out_ports: tuple[str, ...] = ()
    type: str = ""
    types: tuple[tuple[str, str], ...] = ()  # (value, type) of a block's ports
    parameters: int = 0
    macs: Dim | None = 0
    place: str = ""
    source: str = ""

    @property
    def count(self) -> int:
        return max(1, len(self.calls))


@component
class End:
    """Where a wire meets a box: its index, and the port, empty where it has one only."""

    box: int
    port: str = ""


@component
class Wire:
    """A value and all who read it. `label` is its shape, where it differs from what its maker
    read, else empty."""

    value: str
    source: End
    targets: tuple[End, ...]
    type: str
    label: str = ""


@component
class Scene:
    """One graph. Boxes are in the order of execution; `ins` and `outs` are the names of a
    block's ports, whose boxes are the first and the last."""

    name: str
    block: str
    notes: tuple[str, ...]
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    ins: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()


@component
class View:
    """A program to be drawn: its scenes by name of graph, and the figures of its title. `runs`
    are the scenes that show calls one by one which the others show as one box."""

    name: str
    main: str
    scenes: Mapping[str, Scene]
    runs: Mapping[str, Scene]
    parameters: int
    macs: Dim | None
    sizes: Mapping[str, int]
    open_sizes: tuple[str, ...]
    targets: tuple[tuple[str, str], ...]

    @property
    def scene(self) -> Scene:
        return self.scenes[self.main]

    @property
    def caption(self) -> str:
        """`11,689,512 parameters · 1.81 G MACs (N = 1)`."""
        parts = [f"{self.parameters:,} parameter{'s' if self.parameters != 1 else ''}"]
        if self.macs is not None:
            used = set(symbols(self.macs)) if not isinstance(self.macs, int) else set()
            taken = ", ".join(f"{n} = {size}" for n, size in self.sizes.items() if n not in used)
            parts.append(f"{amount(self.macs)} MACs" + (f" ({taken})" if taken else ""))
        return " · ".join(parts)
