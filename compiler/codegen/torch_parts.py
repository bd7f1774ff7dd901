"""The modules of a network's parts: what is frozen for good, and the rest."""

from __future__ import annotations

from dataclasses import dataclass

from dlc.compiler.analysis.frozen_features import frozen_features
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.compilation import Compilation
from dlc.compiler.components.base import ComponentError
from dlc.compiler.diagnostics.model import DiagnosticError


@dataclass(frozen=True, kw_only=True)
class FrozenParts:
    """The source of two modules: `trunk` gives features from `inputs`, `head` the network's
    outputs from what is `taken`: features by the same names, and inputs. `layers` are those of
    the trunk in the main graph."""

    trunk: str
    head: str
    inputs: tuple[str, ...]
    taken: tuple[str, ...]
    layers: tuple[str, ...]


def frozen_parts(compilation: Compilation) -> FrozenParts | None:
    """The parts of a network, see `frozen_features`; None where there are none, or where one
    shows no size that it needs, such as a length that only an input tells."""
    try:
        found = frozen_features(compilation.program, compilation.settings.transfer)
        if found is None:
            return None
        return FrozenParts(
            trunk=generate_network(found.trunk),
            head=generate_network(found.head),
            inputs=found.trunk.graph.inputs,
            taken=found.head.graph.inputs,
            layers=tuple(node.name for node in found.trunk.graph.nodes),
        )
    except (DiagnosticError, ComponentError):
        return None
