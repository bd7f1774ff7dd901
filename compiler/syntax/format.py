"""Canonical text of either surface from one tree.

Both directions hold: formatting twice changes nothing, and reading the text gives the
same tree. Nothing is bound here: positional arguments stay positional.
"""

from __future__ import annotations

from dlc.compiler.syntax import tree
from dlc.compiler.syntax.printing import format_expression, format_type


def format_file(file: tree.File, surface: str) -> str:
    """The text of a file as `yaml` or `dlc`, comments kept.

    A tree made by the compiler has no comments and need not have real places.
    """
    if surface == "dlc":
        from dlc.compiler.syntax.format_dlc import format_dlc

        return format_dlc(file)
    if surface == "yaml":
        from dlc.compiler.syntax.format_yaml import format_yaml

        return format_yaml(file)
    raise ValueError(f"no such surface: {surface!r}")


__all__ = ["format_expression", "format_file", "format_type"]
