"""Quoted text of the `.dlc` surface."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\\\"'nt])|(.))")
_NAMED: Final = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_SPELLED: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
# Controls, line and paragraph separators, marks of direction and order, lone surrogates.
HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


class BadEscape(Exception):
    """`index` is where in the quoted text a backslash begins no known escape."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def unquote(quoted: str) -> str:
    """The text between the quotes. Raises BadEscape."""
    if "\\" not in quoted:
        return quoted[1:-1]
    return _ESCAPE.sub(_unescape, quoted[1:-1])


def _unescape(found: re.Match[str]) -> str:
    digits, named, _ = found.groups()
    if digits is not None:
        return chr(int(digits, 16))
    if named is not None:
        return _NAMED[named]
    raise BadEscape(found.start() + 1)


def quote(text: str) -> str:
    """The text in double quotes, as `unquote` reads it back."""
    spelled = "".join(_SPELLED.get(sign, sign) for sign in text)
    return '"' + HIDDEN.sub(lambda m: f"\\u{ord(m.group()):04x}", spelled) + '"'
