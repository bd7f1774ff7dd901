"""The compiler: text in, typed graph and source text out. No torch, no file writes.

The facade: `check` compiles a `Source` and gives a `Result` with diagnostics and, where
there is no error, a `Compilation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlc.compiler.analysis.data_profile import DataProfile, read_profile
    from dlc.compiler.compilation import Compilation, Result
    from dlc.compiler.data_lints import data_findings
    from dlc.compiler.diagnostics.model import Diagnostic, Severity
    from dlc.compiler.driver import check, compile_balanced, compile_member
    from dlc.compiler.ir.graph import Graph, Node, Parameter, Program
    from dlc.compiler.lints import is_allowed
    from dlc.compiler.members import member_settings
    from dlc.compiler.semantics.differences import Difference, spec_differences
    from dlc.compiler.semantics.flat_settings import flat_settings
    from dlc.compiler.source import Source, Span

_HOMES = {
    "Compilation": "dlc.compiler.compilation",
    "DataProfile": "dlc.compiler.analysis.data_profile",
    "Diagnostic": "dlc.compiler.diagnostics.model",
    "Difference": "dlc.compiler.semantics.differences",
    "Graph": "dlc.compiler.ir.graph",
    "Node": "dlc.compiler.ir.graph",
    "Parameter": "dlc.compiler.ir.graph",
    "Program": "dlc.compiler.ir.graph",
    "Result": "dlc.compiler.compilation",
    "Severity": "dlc.compiler.diagnostics.model",
    "Source": "dlc.compiler.source",
    "Span": "dlc.compiler.source",
    "check": "dlc.compiler.driver",
    "compile_balanced": "dlc.compiler.driver",
    "compile_member": "dlc.compiler.driver",
    "data_findings": "dlc.compiler.data_lints",
    "flat_settings": "dlc.compiler.semantics.flat_settings",
    "is_allowed": "dlc.compiler.lints",
    "member_settings": "dlc.compiler.members",
    "read_profile": "dlc.compiler.analysis.data_profile",
    "spec_differences": "dlc.compiler.semantics.differences",
}

__all__ = [
    "Compilation",
    "DataProfile",
    "Diagnostic",
    "Difference",
    "Graph",
    "Node",
    "Parameter",
    "Program",
    "Result",
    "Severity",
    "Source",
    "Span",
    "check",
    "compile_balanced",
    "compile_member",
    "data_findings",
    "flat_settings",
    "is_allowed",
    "member_settings",
    "read_profile",
    "spec_differences",
]


def __getattr__(name: str) -> Any:
    # Imported on use: a command that needs one part should not pay for all.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
