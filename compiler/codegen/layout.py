"""Lines of source text, broken where they are too long, as `ruff format` leaves them."""

from __future__ import annotations

WIDTH = 100
INDENT = 4

_OPEN, _CLOSE = "([{", ")]}"


def statement(text: str, depth: int, comment: str = "") -> list[str]:
    """A statement at a depth of indentation. What is too long is broken at its last bracket,
    one item a line; a comment that does not fit goes before it."""
    pad = " " * (INDENT * depth)
    if len(pad + text) <= WIDTH:
        if not comment:
            return [pad + text]
        if len(pad + text) + len(comment) + 4 <= WIDTH:
            return [f"{pad}{text}  # {comment}"]
        return [f"{pad}# {comment}", pad + text]
    lines = _explode(text, depth)
    return [f"{pad}# {comment}", *lines] if comment else lines


def _explode(text: str, depth: int) -> list[str]:
    pad = " " * (INDENT * depth)
    found = _last_bracket(text)
    if len(pad + text) <= WIDTH or found is None:
        return [pad + text]
    start, stop = found
    items = split_arguments(text[start + 1 : stop])
    if not items:
        return [pad + text]
    lines = [pad + text[: start + 1]]
    # A generator takes no comma behind it, and a single list wants none.
    single = len(items) == 1 and (" for " in items[0] or items[0].endswith("]"))
    for item in items:
        lines.extend(_explode(item + ("" if single else ","), depth + 1))
    lines.append(pad + text[stop:])
    return lines


def _last_bracket(text: str) -> tuple[int, int] | None:
    """The last pair of brackets that stands in no other."""
    found: tuple[int, int] | None = None
    level = start = 0
    for i, c in _code(text):
        if c in _OPEN:
            if level == 0:
                start = i
            level += 1
        elif c in _CLOSE:
            level -= 1
            if level == 0 and i > start + 1:
                found = (start, i)
    return found


def split_arguments(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket or text."""
    items: list[str] = []
    level = begin = 0
    for i, c in _code(text):
        if c in _OPEN:
            level += 1
        elif c in _CLOSE:
            level -= 1
        elif c == "," and level == 0:
            items.append(text[begin:i])
            begin = i + 1
    items.append(text[begin:])
    return [item.strip() for item in items if item.strip()]


def _code(text: str) -> list[tuple[int, str]]:
    """The characters outside of quoted texts."""
    found: list[tuple[int, str]] = []
    quote, i = "", 0
    while i < len(text):
        c = text[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = ""
        elif c in "\"'":
            quote = c
        else:
            found.append((i, c))
        i += 1
    return found
