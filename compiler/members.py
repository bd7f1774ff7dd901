"""The members of an ensemble: what makes each of the spec of all, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dlc.compiler.compilation import Compilation
from dlc.compiler.components.sections.data import Data
from dlc.compiler.ir.types import TensorType
from dlc.compiler.semantics.scope import error
from dlc.compiler.syntax import tree

# What a run does with these is the same for all members.
_SHARED = ("data", "preprocess", "postprocess", "metrics")


def member_settings(compilation: Compilation, member: int) -> tuple[str, ...]:
    """The `--set` arguments that make the spec of an ensemble that of one member, counted from
    0. A further spec of `ensemble.specs` needs the same as the first."""
    ensemble, settings = compilation.settings.ensemble, compilation.settings
    assert ensemble is not None
    alone = ("ensemble=null",)
    if ensemble.specs:
        return alone
    if ensemble.vary == "fold":
        return (*alone, f"data.split.fold={member}")
    return (*alone, f"train.seed={settings.train.seed + member}")


def refuse_unlike(ours: Compilation, theirs: Compilation, name: tree.Text) -> None:
    """Raises `DiagnosticError` E0631 where a further spec does not fit the one that names it;
    `name` is where it does."""
    for what, message in _differences(ours, theirs):
        raise error(
            "E0631",
            f"`{name.value}` cannot be a member: {message}",
            name.span,
            help=f"members have the same inputs, outputs, targets, data and steps around the "
            f"network; make {what} equal",
        )


def _differences(ours: Compilation, theirs: Compilation) -> Iterator[tuple[str, str]]:
    for what, mine, other in (
        ("input", _inputs(ours), _inputs(theirs)),
        ("output", _outputs(ours), _outputs(theirs)),
        ("target", dict(ours.program.targets), dict(theirs.program.targets)),
    ):
        for name in dict.fromkeys((*mine, *other)):
            if name not in other:
                yield f"the {what}s", f"it has no {what} `{name}`"
            elif name not in mine:
                yield f"the {what}s", f"it has an {what} `{name}`, and this spec has none"
            elif mine[name] != other[name]:
                yield (
                    f"the {what}s",
                    f"its {what} `{name}` is {other[name]}, this spec's is {mine[name]}",
                )
    for section in _SHARED:
        if _section(ours, section) != _section(theirs, section):
            yield f"`{section}`", f"its `{section}` is not that of this spec"


def _inputs(compilation: Compilation) -> dict[str, TensorType]:
    graph = compilation.program.graph
    return {name: graph.values[name] for name in graph.inputs}


def _outputs(compilation: Compilation) -> dict[str, TensorType]:
    graph = compilation.program.graph
    return {name: graph.values[value] for name, value in graph.outputs}


def _section(compilation: Compilation, name: str) -> Any:
    found = getattr(compilation.settings, name)
    if isinstance(found, Data):
        # How rows reach the training is each member's own affair.
        return replace(found, batch_size=1, shuffle=True, augment=(), balance=None)
    return found
