"""What is examined, and what a check says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import nn

from dlc.compiler import Compilation
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.ir.dims import substitute
from dlc.runtime.export.probes import dim_values, probes
from dlc.runtime.loading import model_class

Tensors = dict[str, torch.Tensor]
State = Literal["pass", "fail", "skip"]

BATCH = 8
_OF_TWO = ("binary_cross_entropy_with_logits", "binary_cross_entropy", "sigmoid_focal_loss")

#: What an output's last layer leaves of the numbers.
_RANGES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    **dict.fromkeys(("sigmoid", "hardsigmoid"), torch.sigmoid),
    **dict.fromkeys(("tanh", "hardtanh", "softsign"), torch.tanh),
    **dict.fromkeys(("relu", "softplus", "relu6"), torch.abs),
    "softmax": lambda drawn: torch.softmax(drawn, -1),
    "log_softmax": lambda drawn: torch.log_softmax(drawn, -1),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found: its figure and the line that it is held to, in words; `layer` is the
    path of the layer that is to blame, "" where there is none."""

    name: str
    state: State
    figure: str = ""
    line: str = ""
    remedy: str = ""
    layer: str = ""
    notes: tuple[str, ...] = ()


class Check(Protocol):
    """A module of this folder: its name, its place in the order, and what it does."""

    NAME: str
    ORDER: int

    def obstacle(self, patient: Patient) -> str:
        """Why the check says nothing about this network; "" where it does."""

    def check(self, patient: Patient) -> Verdict:
        """Makes the check."""


def skipped(check: Check, reason: str) -> Verdict:
    return Verdict(name=check.NAME, state="skip", figure=reason)


class Patient:
    """A network by its spec, with the module that computes it: the generated one, or another
    that is to be held against it, with the generated one as `reference`."""

    def __init__(
        self,
        compilation: Compilation,
        module: ModuleType,
        *,
        reference: ModuleType | None = None,
        seed: int = 0,
    ) -> None:
        self.compilation = compilation
        self.program = compilation.program
        self.module = module
        self.reference = reference
        self.seed = seed

    def fresh(self, *, training: bool = False, module: ModuleType | None = None) -> nn.Module:
        """A network with its first weights, which are the same in every call."""
        with seeded(self.seed):
            model = model_class(module or self.module)()
        return model.train(training)

    def batch(
        self, size: int = BATCH, draw: int = 0, kind: str = "draw"
    ) -> tuple[Tensors, Tensors]:
        """Inputs and targets drawn from their declared types; of `kind` as `probes` names it."""
        graph = self.program.graph
        raw = {name: graph.values[name] for name in graph.inputs}
        names = {str(raw[name].shape[0]) for name in raw if raw[name].shape}
        fixed = {name: size for name in names if not name.isdigit()}
        found = [
            probe
            for probe in probes(self.program, raw, fixed=fixed, seed=self.seed + draw)
            if probe.kind == kind
        ]
        probe = found[-1]
        inputs = {
            name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in probe.feeds.items()
        }
        generator = torch.Generator().manual_seed(self.seed + draw)
        sizes = {**dim_values(self.program, raw, fixed)[1], **probe.dims}
        return inputs, self._targets(sizes, generator)

    def _targets(self, sizes: Mapping[str, int], generator: torch.Generator) -> Tensors:
        types = dict(self.program.targets)
        found: Tensors = {}
        for term in self.compilation.settings.loss:
            loss = term.loss
            for name in loss.names[1:]:
                if name in found or name not in types:
                    continue
                shape = [int(str(substitute(size, sizes))) for size in types[name].shape]
                if types[name].dtype.is_int:
                    below = self.classes(loss) or 2
                    found[name] = torch.randint(0, below, shape, generator=generator)
                elif loss.name in _OF_TWO:
                    found[name] = torch.randint(0, 2, shape, generator=generator).float()
                else:
                    drawn = torch.randn(shape, generator=generator)
                    found[name] = self._within(loss.names[0])(drawn)
        return found

    def classes(self, loss: Any) -> int | None:
        """How many classes the output of a loss has; None where it is not of classes."""
        graph = self.program.graph
        outputs = {name: graph.values[value] for name, value in graph.outputs}
        types = dict(self.program.targets)
        if not isinstance(loss, ClassLoss) or loss.names[0] not in outputs:
            return None
        x, t = loss.names[:2]
        pair = Pair(loss.name, x, outputs[x], t, types[t])
        classes = pair.x.shape[pair.class_dim()]
        return classes if isinstance(classes, int) else None

    def _within(self, output: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """Puts numbers where an output can have them: behind a sigmoid none is negative."""
        value = dict(self.program.graph.outputs).get(output)
        kinds = [node.kind for node in self.program.graph.nodes if value in node.outputs]
        return _RANGES.get(kinds[0] if kinds else "", lambda drawn: drawn)

    def loss(self, model: nn.Module, inputs: Tensors, targets: Tensors) -> torch.Tensor:
        """The loss of a pass."""
        found: torch.Tensor = self.module.loss(model(**inputs), targets)
        return found

    @property
    def trains(self) -> bool:
        """Whether there is a loss."""
        return bool(self.compilation.settings.loss)

    @property
    def kinds(self) -> set[str]:
        return {node.kind for _, _, node in self.program.walk()}

    def layer_of(self, parameter: str) -> str:
        """The path of the layer of a parameter, by the state_dict's name."""
        return parameter.rpartition(".")[0]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it random numbers are those of a seed; behind it those that would have come."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def without_dropout(model: nn.Module) -> nn.Module:
    """The network in training mode, with nothing random in it."""
    model.train()
    for layer in model.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            layer.p = 0.0
        elif isinstance(layer, nn.RNNBase | nn.MultiheadAttention):
            layer.dropout = 0.0
    return model


def double(tensors: Tensors) -> Tensors:
    """Floats in 64 bits."""
    return {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}


def verdict(check: Check, *, good: bool, **said: Any) -> Verdict:
    """The verdict of a check that was made; the remedy is for one that failed."""
    found = Verdict(name=check.NAME, state="pass" if good else "fail", **said)
    return replace(found, remedy="", layer="") if good else found
