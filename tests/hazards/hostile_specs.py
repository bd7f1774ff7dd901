"""Specs to attack the front end with: real ones, damaged.

Everything here is a pure function of a `random.Random`, so a failure is named by its seed.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

from dlc.compiler.source import Source

SPECS = Path(__file__).resolve().parents[2] / "specs"

_TOKEN = re.compile(
    r"\s+|[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9.e+-]*|\*\*|//|->|\.\.\.?|[=!<>]=|.", re.S
)
_HOSTILE = (
    "\0", "\ufeff", "\t", "\r", "\x1b[31m", "\u2028", "名", "𝟙", "\U0001f600", "`", "$", "\\",
    "{", "}", "[", "]", "(", ")", '"', "'", "#", "&a", "*a", "!!binary", "<<: ", "---\n", "...",
    "|\n", ">\n", "? ", "- ", ": ", "%", "@", "-> ->", "0x1F", "017", "1_000", "1:30", "nan",
    "inf", "-inf", "1e999", "9" * 70, "2**53", "9**9**9", "1//0", "N // 0", "N % 0", "H * H",
    "yes", "no", "on", "null", "~", "true", "float[]", "float[0]", "float[-1, N]", "int[N, N // 0]",
    "...", "[..., C]", "a.b.c.d", "__class__", "lambda: 0", "0 / 0", "not not 1", "1 if 2 else 3",
    "''", '""', "a" * 70, "reuse(x)", "residual", "repeat 3", "weight=x.weight", "[]", "{}",
)  # fmt: skip
_NUMBERS = ("0", "1", "-1", "2", "3", "0.5", "1e-3", "1e308", "9007199254740993", "1000000", "N",
            "H // 2", "-0.0", "1.0", "2**10", "width", "i", "p", "true", "inf")  # fmt: skip
_DIMS = ("N", "T", "H", "W", "C", "1", "2", "3", "8", "16", "28", "224", "width", "2 * T", "H // 2")


@cache
def real_specs() -> tuple[Source, ...]:
    """The example specs in both surfaces."""
    paths = sorted([*SPECS.glob("*.yaml"), *SPECS.glob("*.dlc")])
    return tuple(Source(p.name, p.read_text(encoding="utf-8"), p.suffix[1:]) for p in paths)


# ── damage ───────────────────────────────────────────────────────────────────


def damaged(rng: random.Random) -> Source:
    """A real spec with one to four pieces of damage."""
    source = rng.choice(real_specs())
    text = source.text
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        text = rng.choice(_DAMAGES)(text, rng)
    surface = source.surface if rng.random() < 0.97 else rng.choice(("yaml", "dlc"))
    return Source(source.name, text, surface)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text) or [""]


def _words(tokens: list[str]) -> list[int]:
    return [i for i, token in enumerate(tokens) if not token.isspace()]


def _delete(text: str, rng: random.Random) -> str:
    tokens = _tokens(text)
    at = rng.choice(_words(tokens) or [0])
    del tokens[at : at + rng.choice((1, 1, 1, 2, 5))]
    return "".join(tokens)


def _duplicate(text: str, rng: random.Random) -> str:
    tokens = _tokens(text)
    at = rng.choice(_words(tokens) or [0])
    tokens[at:at] = [*tokens[at : at + rng.choice((1, 2, 3))], rng.choice(("", " "))]
    return "".join(tokens)


def _swap(text: str, rng: random.Random) -> str:
    tokens = _tokens(text)
    words = _words(tokens) or [0]
    a, b = rng.choice(words), rng.choice(words)
    tokens[a : a + 1], tokens[b : b + 1] = tokens[b : b + 1], tokens[a : a + 1]
    return "".join(tokens)


def _replace(text: str, rng: random.Random) -> str:
    tokens = _tokens(text)
    words = _words(tokens) or [0]
    tokens[rng.choice(words)] = tokens[rng.choice(words)]
    return "".join(tokens)


def _insert(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(_HOSTILE) + text[at:]


def _hostile_token(text: str, rng: random.Random) -> str:
    tokens = _tokens(text)
    tokens[rng.choice(_words(tokens) or [0])] = rng.choice(_HOSTILE)
    return "".join(tokens)


def _number(text: str, rng: random.Random) -> str:
    found = list(re.finditer(r"\b[0-9][0-9.e-]*", text))
    if not found:
        return text
    spot = rng.choice(found)
    return text[: spot.start()] + rng.choice(_NUMBERS) + text[spot.end() :]


def _rename(text: str, rng: random.Random) -> str:
    found = sorted(set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)))
    if not found:
        return text
    old = rng.choice(found)
    cut = rng.randrange(len(old))
    new = rng.choice((rng.choice(found), old[:cut] + old[cut + 1 :], old.upper(), old + "x"))
    count = rng.choice((1, 1, 0))
    return re.sub(rf"\b{old}\b", new, text, count=count)


def _indent(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    for line in range(at, min(at + rng.choice((1, 1, 3)), len(lines))):
        own = lines[line]
        lines[line] = rng.choice((" " + own, "  " + own, own.lstrip(), own[1:], "\t" + own))
    return "\n".join(lines)


def _lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[a]
        case 1:
            lines.insert(a, lines[b])
        case 2:
            lines[a], lines[b] = lines[b], lines[a]
        case _:
            del lines[min(a, b) : max(a, b)]
    return "\n".join(lines)


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _characters(text: str, rng: random.Random) -> str:
    own = list(text)
    for _ in range(rng.choice((1, 2, 8))):
        if own:
            own[rng.randrange(len(own))] = chr(
                rng.choice((rng.randrange(128), rng.randrange(0xD7FF)))
            )
    return "".join(own)


_DAMAGES = (
    _delete, _delete, _duplicate, _swap, _replace, _replace, _insert, _hostile_token, _number,
    _number, _rename, _rename, _indent, _lines, _lines, _cut, _characters,
)  # fmt: skip


def damaged_bytes(data: bytes, rng: random.Random) -> str:
    """Text from bytes with bits flipped, pieces moved and cut; what is no UTF-8 is replaced."""
    own = bytearray(data)
    for _ in range(rng.choice((1, 2, 4, 16))):
        if not own:
            break
        at = rng.randrange(len(own))
        match rng.randrange(5):
            case 0:
                own[at] ^= 1 << rng.randrange(8)
            case 1:
                own[at] = rng.randrange(256)
            case 2:
                del own[at : at + rng.randrange(1, 9)]
            case 3:
                piece = own[at : at + rng.randrange(1, 33)]
                to = rng.randrange(len(own) + 1)
                own[to:to] = piece
            case _:
                own[at:at] = rng.choice(_HOSTILE).encode()
    return own.decode("utf-8", errors=rng.choice(("ignore", "replace")))
