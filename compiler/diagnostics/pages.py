"""The page of each code, `explain/E0402.md`: finding it and reading what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dlc.compiler.diagnostics.catalog import BY_NAME, CODES
from dlc.compiler.diagnostics.model import Code

FOLDER: Final = Path(__file__).parent / "explain"
_FENCE: Final = re.compile(
    r"^(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=ticks)[ ]*$", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block of a page.

    The language `yaml,E0402` marks a spec that gives `code`; `yaml` alone one that gives
    nothing. `title` is the name of a further file (`yaml title="blocks/a.yaml"`).
    """

    language: str
    code: str | None
    title: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a code in Markdown; `text` is without its title line."""

    code: Code
    text: str

    @property
    def summary(self) -> str:
        """The sentence that the page begins with."""
        return " ".join(self.text.strip().split("\n\n")[0].split())

    @property
    def plain(self) -> str:
        """The text with fenced blocks indented instead, as manual pages show code."""
        lines = []
        fence = ""
        for line in self.text.strip().splitlines():
            opening = re.match(r"`{3,}", line)
            if opening and not fence:
                fence = opening[0]
            elif fence and line.strip() == fence:
                fence = ""
            else:
                lines.append(f"    {line}".rstrip() if fence else line)
        return "\n".join(lines)

    def examples(self) -> Iterator[Example]:
        for match in _FENCE.finditer(self.text):
            language, _, attributes = match["info"].strip().partition(" ")
            language, _, code = language.partition(",")
            title = re.search(r'title="([^"]*)"', attributes)
            yield Example(language, code or None, title[1] if title else None, match["text"])


def find_code(word: str) -> Code | None:
    """The code of a number or name in any case: `e0402`, `shape-mismatch`, `shape_mismatch`."""
    plain = word.strip().upper()
    return CODES.get(plain) or BY_NAME.get(plain.lower().replace("_", "-"))


@cache
def read_page(number: str) -> Page:
    """The page of a catalogued code. A missing page is a mistake of ours: FileNotFoundError."""
    text = (FOLDER / f"{number}.md").read_text(encoding="utf-8")
    title, _, rest = text.partition("\n")
    if not title.startswith(f"# {number}"):
        raise ValueError(f"{number}.md does not begin with `# {number}`")
    return Page(CODES[number], rest.strip() + "\n")
