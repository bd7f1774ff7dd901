"""The weights that a spec starts from: found, judged, and copied into its module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dlc.compiler import Compilation
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError
from dlc.compiler.transfer.examine import Examined, examine, weights_place
from dlc.compiler.transfer.rules import Rule, rules_from
from dlc.runtime.data.tables import locate
from dlc.runtime.failures import failure, shown
from dlc.runtime.transfer.files import WeightsFile, open_weights

if TYPE_CHECKING:
    import torch

#: What `load_weights` takes as `rename`: entries, the name or path of a map, or a list.
Renames: TypeAlias = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was taken from a file: the plan, what there is to say about it, the file."""

    path: Path
    size: int
    sha256: str
    examined: Examined
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def filled(self) -> tuple[str, ...]:
        """The names of ours that were filled."""
        return tuple(self.examined.plan.fills)

    def record(self) -> dict[str, Any]:
        """What `run.json` keeps."""
        plan = self.examined.plan
        return {
            "sha256": self.sha256,
            "bytes": self.size,
            "filled": len(plan.fills),
            "of": len(plan.network.tensors),
        }


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A weights file for the network of a compilation, named in the spec or by a command.

    `rules` None are those of the spec.
    """

    compilation: Compilation
    path: Path
    named_in_spec: bool
    rules: tuple[Rule, ...] | None = None

    def examine(self) -> Report:
        """What would be filled; the header is read, and the file for its digest. Raises
        `DiagnosticError` with what makes loading impossible, `Failure` E0610 and E0611."""
        with open_weights(self.path) as file:
            examined = self.judge(file)
            return self._report(file, examined, ())

    def load(self, module: torch.nn.Module, *, sha256: str | None = None) -> Report:
        """Fills a module of the compilation; what is not filled stays as it is.

        With `sha256` the file must have this digest. Raises like `examine`, and `Failure`
        E0604 for another file than that.
        """
        from dlc.runtime.transfer.loading import copy_weights

        with open_weights(self.path) as file:
            examined = self.judge(file)
            report = self._report(file, examined, ())
            if sha256 is not None and report.sha256 != sha256:
                raise failure(
                    "E0604",
                    f"`{shown(self.path)}` is not the file that the run was started with",
                    help="put that file back, or train again into another folder",
                )
            place = weights_place(self.compilation.spec) if self.named_in_spec else None
            untied = copy_weights(examined.plan, file, module, place)
            return self._report(file, examined, untied, report.sha256)

    def judge(self, file: WeightsFile) -> Examined:
        """The plan for an open file, which has no errors. Raises `DiagnosticError`."""
        examined = self.plan(file)
        if examined.errors:
            raise DiagnosticError(*examined.errors)
        return examined

    def plan(self, file: WeightsFile) -> Examined:
        """The plan for an open file with all findings."""
        return examine(
            self.compilation,
            file.tensors,
            file=shown(self.path),
            named_in_spec=self.named_in_spec,
            rules=self.rules,
        )

    def _report(
        self,
        file: WeightsFile,
        examined: Examined,
        untied: tuple[Diagnostic, ...],
        sha256: str | None = None,
    ) -> Report:
        return Report(
            path=self.path,
            size=file.size,
            sha256=file.sha256() if sha256 is None else sha256,
            examined=examined,
            warnings=(*examined.diagnostics, *untied),
        )


def pretrained_of(compilation: Compilation) -> Pretrained | None:
    """What a spec says to start from, None where it starts from `init`. Raises `Failure`
    E0604 for a path that leaves the folder of the spec."""
    transfer = compilation.settings.transfer
    if transfer is None:
        return None
    root = compilation.root if compilation.root is not None else Path()
    path = locate(transfer.weights, root)
    return Pretrained(compilation=compilation, path=path, named_in_spec=True)


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
