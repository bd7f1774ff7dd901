"""The reference of components is fresh, whole, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlc.compiler import reference, schema
from dlc.compiler.components import registry
from dlc.compiler.components.base import ArgumentSpec, arguments
from dlc.compiler.components.sections.train import Train
from dlc.compiler.components.sources.tsv import Tsv
from dlc.grammar import __file__ as grammar

SHIPPED = Path(grammar).parent / reference.FILE


def test_the_shipped_file_is_what_the_components_give() -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    assert shipped == reference.text(), "run `python -m dlc.compiler.reference`"


def test_every_component_and_argument_has_its_place() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    for kind in registry.PACKAGES:
        for name in registry.names(kind):
            _, found, rest = text.partition(f'<a id="{kind}-{name}"></a>')
            assert found
            part = rest.partition("<a id=")[0]
            component = registry.load(kind, name)
            for argument in arguments(component):
                assert re.search(rf"^\| \*?`{argument}`\*? \|", part, re.MULTILINE)
            assert ("**Not run yet:**" in part) == (not component.available)
            assert "Arguments:" not in part


def test_links_lead_somewhere() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    targets = set(re.findall(r'<a id="([^"]+)"></a>', text))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) == targets


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (arguments(Train)["checkpoint"], "{}"),
        (arguments(Train)["validate_every"], "epochs(1)"),
        (arguments(Train)["epochs"], "null"),
        (arguments(Train)["accumulate"], "1"),
        (arguments(Tsv)["delimiter"], '"\\t"'),
        (arguments(Tsv)["path"], ""),
        (arguments(registry.load("optimizer", "adam"))["betas"], "[0.9, 0.999]"),
        (arguments(registry.load("optimizer", "adam"))["eps"], "1e-08"),
        (arguments(registry.load("optimizer", "sgd"))["nesterov"], "false"),
    ],
)
def test_defaults_are_written_as_in_a_spec(spec: ArgumentSpec, text: str) -> None:
    assert reference.default(spec) == text


def test_the_tables_of_the_language_are_what_the_sections_give() -> None:
    language = SHIPPED.with_name(reference.LANGUAGE).read_text(encoding="utf-8")
    assert language == reference.with_tables(language), "run `python -m dlc.compiler.reference`"
    assert set(re.findall(r"<!-- table: (\w+) -->", language)) == set(registry.names("section"))


def test_all_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "grammar"
    folder.mkdir()
    language = SHIPPED.with_name(reference.LANGUAGE).read_text(encoding="utf-8")
    stale = re.sub(r"\| `epochs` .*\n", "", language)
    assert stale != language
    (folder / reference.LANGUAGE).write_text(stale, encoding="utf-8")
    monkeypatch.setattr(reference, "__file__", str(tmp_path / "compiler" / "reference.py"))
    reference.main()
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == {
        reference.FILE: reference.text(),
        reference.LANGUAGE: language,
        schema.FILE: schema.text(),
    }
