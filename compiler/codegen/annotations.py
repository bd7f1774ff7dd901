"""Type hints of values that become arguments of generated classes."""

from __future__ import annotations

from dlc.compiler.ir.protocols import Literal


def annotation(values: tuple[Literal, ...]) -> str:
    """The type hint of a parameter that takes all of these values."""
    names = {_type_name(value) for value in values}
    if "float" in names:
        names.discard("int")
    none = "None" in names
    return " | ".join([*sorted(names - {"None"}), *(["None"] if none else [])])


def _type_name(value: Literal) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple):
        inner = annotation(value) if value else "int"
        return f"tuple[{inner}, ...]"
    return type(value).__name__
