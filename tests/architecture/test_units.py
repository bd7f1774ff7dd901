"""One unit, one page of cases."""

from __future__ import annotations

from pathlib import Path

from source_tree import ROOT

from dlc.compiler.components.registry import names

CASES = ROOT / "tests" / "cases"


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
