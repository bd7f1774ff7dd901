"""What a network has to fill: its tensors by state_dict key, and what is tied."""

from __future__ import annotations

from collections.abc import Mapping

from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import DType
from dlc.compiler.record import component


@component
class Wanted:
    """One parameter or buffer of ours."""

    shape: tuple[int, ...]
    dtype: DType
    trainable: bool

    @property
    def elements(self) -> int:
        total = 1
        for size in self.shape:
            total *= size
        return total

    def __str__(self) -> str:
        return f"{self.dtype.value}{list(self.shape)}"


@component
class Network:
    """The tensors of a network by their path in it. `tied` maps the further names of one
    that several layers use to the name of its owner, which alone is in `tensors`."""

    name: str
    tensors: Mapping[str, Wanted]
    tied: Mapping[str, str]


def network_of(program: Program) -> Network:
    """What a program has to fill, in the order of its layers."""
    tensors: dict[str, Wanted] = {}
    tied: dict[str, str] = {}
    for path, _, node in program.owners():
        for parameter in node.parameters:
            tensors[f"{path}.{parameter.name}"] = Wanted(
                shape=tuple(_known(size) for size in parameter.shape),
                dtype=parameter.dtype,
                trainable=parameter.trainable,
            )
        around = path[: len(path) - len(node.name)]
        for name, owner in node.shared:
            tied[f"{path}.{name}"] = around + owner
    return Network(name=program.name, tensors=tensors, tied=tied)


def _known(size: object) -> int:
    assert isinstance(size, int), f"the size `{size}` of a parameter is not known"
    return size
