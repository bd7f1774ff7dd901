"""Reading and rewriting the pages of cases. The form is described in README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent
SPECS = ("yaml", "dlc")
# Of these a case may have files beside its specs.
DATA = ("csv", "json")
EXPECTED = ("diagnostics", "graph", "python", "console")
_FENCE = re.compile(
    r"^(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=ticks)[ ]*$\n?",
    re.MULTILINE | re.DOTALL,
)
_SECTION = re.compile(r"^## +(.+?) *$\n?", re.MULTILINE)
_ANNOTATION = re.compile(r"# (error|warning): \[([EW]\d{4}(?:, [EW]\d{4})*)\]\s*$")
_SCHEMA = re.compile(r"^schema: (\w+) *$", re.MULTILINE)


class BadPage(Exception):
    """A page that is not in the form."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `start` and `end` are the offsets of its text in the page."""

    language: str
    title: str | None
    text: str
    start: int
    end: int
    after: int  # the offset behind the closing fence


@dataclass(frozen=True, slots=True)
class Case:
    path: Path
    index: int
    title: str
    schema: str | None
    blocks: tuple[Block, ...]

    @property
    def spec(self) -> Block:
        return next(b for b in self.blocks if b.language in SPECS)

    @property
    def spec_name(self) -> str:
        return self.spec.title or f"net.{self.spec.language}"

    @property
    def files(self) -> dict[str, str]:
        """Every file of the case by its name, the spec first."""
        files = {self.spec_name: self.spec.text}
        for block in self.blocks:
            if block.language in (*SPECS, *DATA) and block is not self.spec:
                if not block.title or block.title in files:
                    raise BadPage("each further file needs a title of its own")
                files[block.title] = block.text
        return files

    @property
    def annotations(self) -> list[tuple[str, int, str]]:
        """(file, line, code) of every annotation, in order."""
        return [
            (name, number, code)
            for name, text in self.files.items()
            for number, line in enumerate(text.splitlines(), 1)
            if (match := _ANNOTATION.search(line))
            for code in match[2].split(", ")
        ]

    def expected(self, language: str) -> Block | None:
        found = [b for b in self.blocks if b.language == language]
        if len(found) > 1 and language != "console":
            raise BadPage(f"two `{language}` blocks in one case")
        return found[0] if found else None


def pages() -> list[Path]:
    """Every page below this folder."""
    return sorted(p for p in ROOT.rglob("*.md") if p.name != "README.md")


def read_page(path: Path) -> list[Case]:
    """The cases of a page; raises BadPage where it is not in the form."""
    text = path.read_text(encoding="utf-8")
    if not text.startswith("# "):
        raise BadPage("a page begins with `# title`")
    fences = list(_FENCE.finditer(text))
    headings = [
        m for m in _SECTION.finditer(text)
        if not any(f.start() <= m.start() < f.end() for f in fences)
    ]  # fmt: skip
    head_end = headings[0].start() if headings else len(text)
    head_schema = _schema(text[:head_end], fences, 0)
    if not headings:
        title = text.partition("\n")[0].removeprefix("# ").strip()
        return [_case(path, 0, title, head_schema, text, 0, len(text), fences)]
    if any(f.start() < head_end for f in fences):
        raise BadPage("a block before the first section belongs to no case")
    cases = []
    for i, heading in enumerate(headings):
        end = headings[i + 1].start() if i + 1 < len(headings) else len(text)
        schema = _schema(text[heading.end() : end], fences, heading.end()) or head_schema
        cases.append(_case(path, i, heading[1], schema, text, heading.end(), end, fences))
    if len({case.title for case in cases}) < len(cases):
        raise BadPage("two cases with one title")
    return cases


def _schema(text: str, fences: list[re.Match[str]], offset: int) -> str | None:
    for match in _SCHEMA.finditer(text):
        at = match.start() + offset
        if not any(f.start() <= at < f.end() for f in fences):
            if match[1] not in ("refuses", "accepts"):
                raise BadPage(f"`schema: {match[1]}` says neither `refuses` nor `accepts`")
            return match[1]
    return None


def _case(
    path: Path,
    index: int,
    title: str,
    schema: str | None,
    text: str,
    start: int,
    end: int,
    fences: list[re.Match[str]],
) -> Case:
    blocks = []
    for fence in fences:
        if not start <= fence.start() < end:
            continue
        language, _, attributes = fence["info"].strip().partition(" ")
        name = re.fullmatch(r'title="([^"]+)"', attributes.strip())
        known = (*SPECS, *EXPECTED, *(DATA if name else ()))
        if language not in known or (attributes and not name):
            raise BadPage(f"nobody reads a block `{fence['info']}`")
        blocks.append(
            Block(
                language,
                name[1] if name else None,
                fence["text"],
                fence.start("text"),
                fence.end("text"),
                fence.end(),
            )
        )
    if not any(b.language in SPECS for b in blocks):
        raise BadPage(f"`{title}` has no spec")
    if text.count("```", start, end) % 2:
        raise BadPage(f"a fence in `{title}` is not closed")
    return Case(path, index, title, schema, tuple(blocks))


def rewrite(case: Case, language: str, new: str) -> None:
    """Put `new` into the block of a case, or a new block after its last file."""
    page = case.path.read_text(encoding="utf-8")
    block = case.expected(language)
    if block is None:
        at = max(b.after for b in case.blocks if b.language in SPECS)
        page = f"{page[:at]}\n```{language}\n{new}```\n{page[at:]}"
    else:
        page = page[: block.start] + new + page[block.end :]
    case.path.write_text(page, encoding="utf-8")
