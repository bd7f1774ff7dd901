"""Every code is listed once, explained, raised, and shown in a case."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from source_tree import ROOT, modules

from dlc.compiler.diagnostics import catalog
from dlc.compiler.diagnostics.catalog import BY_NAME, CODES
from dlc.compiler.diagnostics.model import Severity
from dlc.compiler.diagnostics.pages import FOLDER, read_page

# Codes that are gone: their numbers are never used again, their pages say what replaced them.
RETIRED: frozenset[str] = frozenset()
CASES = ROOT / "tests" / "cases"


@cache
def written_codes() -> dict[str, set[str]]:
    """Where each code is written as a string in the source: code -> paths."""
    found: dict[str, set[str]] = {}
    for module in modules().values():
        if module.name in (catalog.__name__, "dlc.compiler.cli.output"):
            continue
        docs = _docstrings(module.tree)
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if id(node) not in docs and re.fullmatch(r"[EW]\d{4}", node.value):
                found.setdefault(node.value, set()).add(module.name)
    return found


def _docstrings(tree: ast.Module) -> set[int]:
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def test_numbers_and_names_are_listed_once_and_in_order() -> None:
    numbers = [code.number for code in catalog._CODES]
    assert len(set(numbers)) == len(numbers) == len(CODES)
    assert len(BY_NAME) == len(CODES), "two codes with one name"
    errors = [n for n in numbers if n.startswith("E")]
    warnings = [n for n in numbers if n.startswith("W")]
    assert numbers == sorted(errors) + sorted(warnings)
    assert not RETIRED & set(numbers)


@pytest.mark.parametrize("number", sorted(CODES))
def test_a_code_has_a_number_a_name_and_a_sentence(number: str) -> None:
    code = CODES[number]
    assert re.fullmatch(r"[EW]\d{4}", number)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.name)
    assert not code.summary.endswith(".")
    assert code.summary[0] == code.summary[0].lower() or code.summary.split()[0].isupper()
    assert (code.severity is Severity.WARNING) == number.startswith("W")


@pytest.mark.parametrize("number", sorted(CODES))
def test_a_code_is_explained(number: str) -> None:
    title = (FOLDER / f"{number}.md").read_text(encoding="utf-8").partition("\n")[0]
    assert title == f"# {number}: {CODES[number].name}"
    page = read_page(number)
    assert page.summary.endswith(".")
    assert len(page.text.splitlines()) <= 80
    assert max(map(len, page.text.splitlines())) <= 95


def test_no_page_is_orphaned() -> None:
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert pages == set(CODES) | RETIRED


@pytest.mark.parametrize("number", sorted(CODES))
def test_a_code_is_raised_somewhere(number: str) -> None:
    assert written_codes().get(number), f"nothing in compiler/ or runtime/ raises {number}"


def test_every_code_in_the_source_is_catalogued() -> None:
    unknown = {
        number: sorted(places) for number, places in written_codes().items() if number not in CODES
    }
    assert not unknown


@pytest.mark.parametrize("number", [n for n in sorted(CODES) if not n.startswith("E06")])
def test_a_code_is_shown_in_a_case_or_by_its_own_page(number: str) -> None:
    if any(example.code == number for example in read_page(number).examples()):
        return
    shown = [path for path in CASES.rglob("*.md") if number in path.read_text(encoding="utf-8")]
    tested = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if path.name != "test_catalog.py" and number in path.read_text(encoding="utf-8")
    ]
    assert shown or tested, f"no case and no test shows {number}"
