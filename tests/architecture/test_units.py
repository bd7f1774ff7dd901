"""One unit, one file, one name, one page of cases."""

from __future__ import annotations

from pathlib import Path

import pytest
from source_tree import ROOT

from dlc.compiler.components.registry import PACKAGES, load, names

CASES = ROOT / "tests" / "cases"
UNITS = [(kind, name) for kind in PACKAGES for name in names(kind)]


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize(("kind", "name"), UNITS, ids=[f"{k}:{n}" for k, n in UNITS])
def test_the_file_the_class_and_the_name_agree(kind: str, name: str) -> None:
    unit = load(kind, name)
    assert unit.name == name
    assert unit.__module__ == f"{PACKAGES[kind]}.{name}"
    assert unit.__name__.lower().startswith(camel(name).lower())


def test_every_op_has_a_page_of_cases_and_no_page_is_orphaned() -> None:
    pages = {path.stem for path in (CASES / "ops").glob("*.md")}
    assert pages == set(names("op"))


def test_a_page_of_an_op_shows_what_it_takes_and_what_it_refuses() -> None:
    for path in sorted((CASES / "ops").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# `{path.stem}`\n"), path
        assert "shape(" in text, f"{path} states no shape"
        takes_anything = path.stem in ("identity", "neg")
        assert takes_anything or "# error: [" in text, f"{path} refuses nothing"


def test_every_wrong_spec_shows_its_exact_output() -> None:
    for path in sorted((CASES / "errors").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert "```diagnostics" in text or "```console" in text, Path(path).name
    assert len(list((CASES / "errors").glob("*.md"))) >= 40
