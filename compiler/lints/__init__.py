"""Lints: what a spec may say, and should not.

A comment silences a lint: `# dlc: allow[unused-value]` at the end of the line it is
about, on a line of its own above that line, or in the comments that head the file (then
for the whole file). The code's number serves as well as its name.
"""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import import_module
from typing import cast

from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.model import Code, Diagnostic
from dlc.compiler.lints.base import Lint
from dlc.compiler.source import Source


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ALLOW = re.compile(r"#\s*dlc:\s*allow\[([^\]]*)\]")


#: Layers and losses without which a lint has nothing to say. To import a lint takes a share of a
#: cold check, and most specs have few of these.
_ABOUT: dict[str, frozenset[str]] = {
    "batch_norm_of_noise": _kinds("batch_norm1d batch_norm2d batch_norm3d"),
    "batch_norm_in_recurrence": _kinds("batch_norm1d batch_norm2d batch_norm3d"),
    "bias_before_batch_norm": _kinds(
        "batch_norm1d batch_norm2d batch_norm3d instance_norm1d instance_norm2d instance_norm3d"
    ),
    "deadly_learning_rate": _kinds("relu"),
    "dropout_before_batch_norm": _kinds("dropout dropout1d dropout2d dropout3d alpha_dropout"),
    "huge_linear": _kinds("flatten"),
    "pointless_activation": _kinds("relu"),
    "rate_for_log_rate": _kinds("poisson_nll_loss"),
    "small_batch_norm": _kinds("batch_norm1d batch_norm2d batch_norm3d"),
    "small_receptive_field": _kinds(
        "global_avg_pool global_max_pool mean adaptive_avg_pool1d adaptive_avg_pool2d "
        "adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d"
    ),
    "softmax_of_one": _kinds("softmax log_softmax softmin"),
    "strong_dropout": _kinds("dropout dropout1d dropout2d dropout3d alpha_dropout"),
    "two_kinds_of_norm": _kinds("local_response_norm"),
    "unclipped_recurrence": _kinds("rnn lstm gru"),
    "unfit_init": _kinds(
        "relu relu6 leaky_relu elu celu gelu silu mish tanh sigmoid hardtanh hardsigmoid"
    ),
    "vanishing_stack": _kinds("tanh sigmoid hardtanh hardsigmoid softsign"),
    "variance_of_either_sign": _kinds("gaussian_nll_loss"),
    "zero_for_minus_one": _kinds(
        "soft_margin_loss hinge_embedding_loss margin_ranking_loss cosine_embedding_loss"
    ),
}


def run(compilation: Compilation) -> tuple[Diagnostic, ...]:
    """What every lint finds, but for what comments allow."""
    used = _used(compilation)
    names = (n for n in _names() if n not in _ABOUT or not used.isdisjoint(_ABOUT[n]))
    lints = sorted((_lint(name) for name in names), key=lambda lint: lint.CODE.number)
    found = (d for lint in lints for d in lint.check(compilation))
    return tuple(d for d in found if not is_allowed(d))


def _used(compilation: Compilation) -> frozenset[str]:
    """The layers and losses of a spec."""
    graphs = compilation.program.graphs.values()
    return frozenset(node.kind for graph in graphs for node in graph.nodes) | {
        term.loss.name for term in compilation.settings.loss
    }


@cache
def lints() -> tuple[Lint, ...]:
    """The lints of this folder, in the order of their codes."""
    return tuple(sorted((_lint(name) for name in _names()), key=lambda lint: lint.CODE.number))


@cache
def _names() -> tuple[str, ...]:
    return tuple(
        sorted(
            entry[:-3]
            for folder in __path__
            for entry in os.listdir(folder)
            if entry.endswith(".py") and not entry.startswith("_") and entry != "base.py"
        )
    )


def _lint(name: str) -> Lint:
    return cast(Lint, import_module(f"{__name__}.{name}"))


def is_allowed(diagnostic: Diagnostic) -> bool:
    """Whether a comment in the source silences this finding."""
    if diagnostic.primary is None:
        return False
    source = diagnostic.primary.span.source
    line = diagnostic.primary.span.location.line
    if _allows(source.line(line), diagnostic.code):
        return True
    above = line - 1
    while above >= 1 and source.line(above).lstrip().startswith("#"):
        if _allows(source.line(above), diagnostic.code):
            return True
        above -= 1
    return diagnostic.code.number in _file_wide(source) or diagnostic.code.name in _file_wide(
        source
    )


def _allows(line: str, code: Code) -> bool:
    return bool({code.name, code.number} & _words(line))


def _words(line: str) -> set[str]:
    match = _ALLOW.search(line)
    return {word.strip() for word in match.group(1).split(",")} if match else set()


def _file_wide(source: Source) -> set[str]:
    words: set[str] = set()
    for number in range(1, source.line_count + 1):
        line = source.line(number).strip()
        if line and not line.startswith("#"):
            break
        words |= _words(line)
    return words
