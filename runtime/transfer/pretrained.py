"""The weights that a spec starts from: found, judged, and copied into its module."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dlc.compiler import Compilation
from dlc.compiler.codegen.identifiers import module_path
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError, Label
from dlc.compiler.source import Span
from dlc.compiler.transfer.examine import Examined, examine, weights_place
from dlc.compiler.transfer.plan import Plan
from dlc.compiler.transfer.rules import Rule, rules_from
from dlc.runtime.data.tables import locate
from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.transfer.files import WeightsFile, open_weights
from dlc.runtime.transfer.report import summary

if TYPE_CHECKING:
    import torch

#: What `load_weights` takes as `rename`: entries, the name or path of a map, or a list.
Renames: TypeAlias = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was taken from a file: the plan that was followed, and what there is to say of it."""

    path: Path
    size: int
    plan: Plan
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def untied(self) -> tuple[Diagnostic, ...]:
        """The warnings that only the numbers could tell, not the header."""
        return tuple(d for d in self.warnings if d.code.number == "W0704")

    @property
    def filled(self) -> frozenset[str]:
        """The state_dict keys that were filled."""
        return frozenset(map(module_path, self.plan.fills))

    def __str__(self) -> str:
        return summary(self.plan, self.path, self.size)


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A weights file for the network of a compilation, named in the spec or by a command.

    `rules` None are those of the spec.
    """

    compilation: Compilation
    path: Path
    named_in_spec: bool
    rules: tuple[Rule, ...] | None = None

    def examine(self) -> Examined:
        """What would be filled, by the header alone. Raises `DiagnosticError` with what makes
        loading impossible, `Failure` E0610 and E0611."""
        with self.open() as file:
            return self._judged(file)

    def record(self) -> dict[str, Any]:
        """What `run.json` keeps: which file, and how much of the network it fills. Raises like
        `examine`."""
        root = self.compilation.root if self.compilation.root is not None else Path()
        with self.open() as file:
            plan = self._judged(file).plan
            return {
                "weights": Path(os.path.relpath(self.path.resolve(), root.resolve())).as_posix(),
                "sha256": file.sha256(),
                "bytes": file.size,
                "filled": len(plan.fills),
                "of": len(plan.network.tensors),
            }

    def load(self, module: torch.nn.Module, *, sha256: str | None = None) -> Report:
        """Fills a module of the compilation; what is not filled stays as it is.

        With `sha256` the file must have this digest. Raises like `examine`, and `Failure`
        E0604 for another file than that.
        """
        from dlc.runtime.transfer.loading import copy_weights

        with self.open() as file:
            if sha256 is not None and file.sha256() != sha256:
                raise failure(
                    "E0604",
                    f"`{shown(self.path)}` is not the file that the run was started with",
                    help="put that file back, or train again into another folder",
                )
            examined = self._judged(file)
            untied = copy_weights(examined.plan, file, module, self._place)
            return Report(
                path=self.path,
                size=file.size,
                plan=examined.plan,
                warnings=(*examined.diagnostics, *untied),
            )

    def open(self) -> WeightsFile:
        """The file, with its header checked. Raises `Failure` E0610 and E0611, at the place of
        `weights` where the spec names the file."""
        try:
            return open_weights(self.path)
        except Failure as problem:
            raise _placed(problem, self._place) from None

    @property
    def _place(self) -> Span | None:
        return weights_place(self.compilation.spec) if self.named_in_spec else None

    def plan(self, file: WeightsFile) -> Examined:
        """The plan for an open file with all findings, errors too."""
        return examine(
            self.compilation,
            file.tensors,
            file=shown(self.path),
            named_in_spec=self.named_in_spec,
            rules=self.rules,
        )

    def _judged(self, file: WeightsFile) -> Examined:
        examined = self.plan(file)
        if examined.errors:
            raise DiagnosticError(*examined.errors)
        return examined


def pretrained_of(
    compilation: Compilation, rules: tuple[Rule, ...] | None = None
) -> Pretrained | None:
    """What a spec says to start from, None where it names no weights; `rules` go in place
    of its own. Raises `Failure` E0604 for a path that leaves the folder of the spec."""
    transfer = compilation.settings.transfer
    if transfer is None or transfer.weights is None:
        return None
    root = compilation.root if compilation.root is not None else Path()
    try:
        path = locate(transfer.weights, root)
    except Failure as problem:
        raise _placed(problem, weights_place(compilation.spec)) from None
    return Pretrained(compilation=compilation, path=path, named_in_spec=True, rules=rules)


def _placed(problem: Failure, place: Span | None) -> Failure:
    """A failure at a place in the spec."""
    if place is None:
        return problem
    return Failure(replace(problem.diagnostic, primary=Label(place)), problem.exit_code)


def load_weights(
    compilation: Compilation,
    module: torch.nn.Module,
    path: Path | str,
    rename: Renames | None = None,
) -> Report:
    """Fills the module of a compilation from a safetensors file.

        report = load_weights(compilation, module, "resnet18.safetensors", "torchvision/resnet18")
        report = load_weights(compilation, module, path, {"fc": None, "conv1": "stem.conv"})

    `rename` is what `transfer.rename` takes; None is what the spec says there. What is not
    filled keeps its values, and is in the report. Raises `DiagnosticError` for names, shapes
    and types that do not fit, `Failure` E0610 and E0611 for a file that cannot be used.
    """
    rules = rules_from(rename) if rename is not None else None
    return Pretrained(
        compilation=compilation, path=Path(path), named_in_spec=False, rules=rules
    ).load(module)
