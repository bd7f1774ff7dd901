"""The pages of the codes: what they show is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlc.compiler import Source, check
from dlc.compiler.diagnostics.catalog import CODES
from dlc.compiler.diagnostics.pages import Example, find_code, read_page
from dlc.compiler.diagnostics.render import render


def examples() -> Iterator[Any]:
    """Each spec of a page with the further files that follow it."""
    for number in CODES:
        group: list[Example] = []
        groups = [group]
        for example in read_page(number).examples():
            if example.language == "console":
                continue
            if example.title is None:
                group = []
                groups.append(group)
            group.append(example)
        for i, found in enumerate(g for g in groups if g):
            yield pytest.param(found, id=f"{number}-{i}-{found[0].code or 'good'}")


@pytest.mark.parametrize("files", list(examples()))
def test_a_failing_example_gives_its_code_and_a_mended_one_nothing(
    files: list[Example], tmp_path: Path
) -> None:
    spec, *others = files
    for other in others:
        assert other.title is not None
        path = tmp_path / other.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(other.text, encoding="utf-8")
    source = Source(f"net.{spec.language}", spec.text, spec.language)
    result = check(source, root=tmp_path)
    shown = render(result.diagnostics)
    codes = [d.code.number for d in result.diagnostics]
    if spec.code is None:
        assert not codes, shown
    else:
        assert set(codes) == {spec.code}, shown


@pytest.mark.parametrize("number", [n for n in CODES if not n.startswith(("E06", "E09"))])
def test_a_page_has_both_a_failing_and_a_mended_spec_or_a_command(number: str) -> None:
    found = list(read_page(number).examples())
    if any(example.language == "console" for example in found):
        return
    assert [e.code for e in found if e.title is None] == [number, None]


def test_a_code_is_found_by_number_and_name_in_any_case() -> None:
    for word in ("E0402", "e0402", "shape-mismatch", "Shape_Mismatch", " E0402 "):
        assert find_code(word) is CODES["E0402"]
    assert find_code("E9999") is None
