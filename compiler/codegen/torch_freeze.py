"""The function `freeze` of a generated module."""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.freezing import frozen_layers, prefixes
from dlc.compiler.codegen import identifiers
from dlc.compiler.components.sections.transfer import Transfer
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program

_BODY = '''\
def freeze(model: nn.Module, epoch: int = 0) -> None:
    """Layers that stay as they are until their epoch: without gradient, in evaluation mode."""
    for prefix, until in FROZEN.items():
        trained = until is not None and epoch >= until
        for name, p in model.named_parameters():
            if f"{name}.".startswith(prefix):
                p.requires_grad_(trained)
        for name, module in model.named_modules():
            if f"{name}.".startswith(prefix):
                module.train(trained and model.training)'''


def freeze_function(program: Program, transfer: Transfer | None) -> Iterator[list[str]]:
    """The lines of `freeze` and of the constant that it reads, where layers are frozen."""
    found = prefixes(program, frozen_layers(program, transfer))
    if not found:
        return
    lines = ["# The epoch from which a frozen part is trained; None for one that never is."]
    lines.append("FROZEN = {")
    for path, epoch in found.items():
        name = identifiers.module_path(f"{path}.")
        lines.append(f"    {literal(name)}: {epoch},")
    yield [*lines, "}", "", "", *_BODY.splitlines()]
