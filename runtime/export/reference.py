"""The network as PyTorch runs it, on the raw inputs that the exported file takes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dlc.compiler.codegen.identifiers import module_path
from dlc.compiler.codegen.onnx_graph import Members, member_prefix
from dlc.compiler.components.settings import Settings
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.parametrization import effective_name
from dlc.runtime.data.pictures import planes
from dlc.runtime.data.preprocessing import Preprocessing, apply
from dlc.runtime.export.weights import Array

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchReference:
    """Runs the generated module in evaluation mode, after the same preprocessing that
    training had. `preprocessing` None feeds the network as it is declared."""

    def __init__(
        self,
        module: nn.Module,
        program: Program,
        settings: Settings,
        preprocessing: Preprocessing | None,
    ) -> None:
        # Moving a recurrent layer reads its weights, which in training is a step of spectral norm.
        self.module = module.eval().cpu()
        self.program = program
        self.settings = settings
        self.preprocessing = preprocessing
        self._double: nn.Module | None = None

    def __call__(self, feeds: Mapping[str, Array], *, double: bool = False) -> dict[str, Array]:
        import torch

        tensors = [self._tensor(name, feeds[name], double) for name in self.program.graph.inputs]
        module = self._in_double() if double else self.module
        with torch.no_grad():
            outputs = module(*tensors)
        return {name: value.numpy() for name, value in outputs.items()}

    def _tensor(self, name: str, values: Array, double: bool) -> Tensor:
        import torch

        values = prepared(name, values, self.program, self.settings, self.preprocessing)
        tensor = torch.from_numpy(values)
        return tensor.double() if double and tensor.is_floating_point() else tensor

    def _in_double(self) -> nn.Module:
        if self._double is None:
            self._double = copy.deepcopy(self.module).double()
        return self._double


def prepared(
    name: str,
    values: Array,
    program: Program,
    settings: Settings,
    preprocessing: Preprocessing | None,
) -> Array:
    """What the network takes, of what the file takes for an input."""
    if preprocessing is None:
        return values
    declared, record = program.graph.values[name], preprocessing.inputs[name]
    if record.pictures:
        values = planes(values)
    chain = settings.preprocess.get(name, ())
    # The file takes what the host steps give.
    steps = [s for s in zip(chain, record.statistics, strict=True) if s[0].where == "graph"]
    return apply(values, [s for s, _ in steps], [found for _, found in steps], declared)


def program_state(module: nn.Module, program: Program) -> dict[str, Array]:
    """The numbers of a module by the paths of the program, which the file bears. A weight
    that is computed from others (`weight_norm`) stands for them, as evaluation has it."""
    found = module.state_dict()
    state: dict[str, Array] = {}
    for path, _, node in program.owners():
        computed: dict[str, None] = {}
        for parameter in node.parameters:
            weight = effective_name(parameter.name)
            if weight is None:
                key = f"{path}.{parameter.name}"
                state[key] = found[module_path(key)].detach().cpu().numpy()
            else:
                computed[weight] = None
        for weight in computed:
            layer = module.get_submodule(module_path(f"{path}.")[:-1])
            state[f"{path}.{weight}"] = _computed(layer, weight)
    return state


def network_state(module: nn.Module, program: Program, members: Members | None) -> dict[str, Array]:
    """The numbers of one network, or of each of several by its prefix."""
    if members is None:
        return program_state(module, program)
    return {
        member_prefix(member) + key: array
        for member, one in enumerate(members.programs)
        for key, array in program_state(
            module.get_submodule(member_prefix(member)[:-1]), one
        ).items()
    }


def _computed(layer: nn.Module, weight: str) -> Array:
    """A weight that a layer computes from its parameters."""
    import torch

    training = layer.training
    # Reading it while training would take a step of power iteration.
    layer.eval()
    try:
        with torch.no_grad():
            tensor: Tensor = getattr(layer, weight)
    finally:
        layer.train(training)
    return tensor.detach().cpu().numpy()
