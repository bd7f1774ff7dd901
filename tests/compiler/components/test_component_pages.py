"""Every component has a manual page, and its file, class and name agree."""

from __future__ import annotations

import re

import pytest

from dlc.compiler.components import registry
from dlc.compiler.components.base import Component, argument_docs, arguments, page, summary
from dlc.compiler.diagnostics.model import Collector
from dlc.compiler.source import Source
from dlc.compiler.syntax import parse

EVERY = [(kind, name) for kind in registry.PACKAGES for name in registry.names(kind)]


@pytest.fixture(params=EVERY, ids=lambda pair: f"{pair[0]}:{pair[1]}")
def component(request: pytest.FixtureRequest) -> type[Component]:
    kind, name = request.param
    return registry.load(kind, name)


def test_class_and_name_agree(component: type[Component]) -> None:
    words = component.name.split("_")
    assert component.__name__ == "".join(word[:1].upper() + word[1:] for word in words)


def test_page_begins_with_a_sentence_and_an_example(component: type[Component]) -> None:
    assert component.__dict__.get("__doc__"), "a page of its own, not that of its base"
    assert summary(component).endswith(".")
    paragraphs = page(component).split("\n\n")
    assert len(paragraphs) > 1
    # The formatter takes the indentation of an example that stands alone.
    if len(paragraphs) > 2:
        assert re.search(r"^    \S", page(component), re.MULTILINE), "an indented example"


def test_page_tells_every_argument(component: type[Component]) -> None:
    told = set(argument_docs(component))
    assert told == set(arguments(component)), "the arguments and the entries of `Arguments:`"
    own = set(re.findall(r"^ +(\w+): ", _arguments_part(component), re.MULTILINE))
    assert own <= told


def test_what_does_not_run_says_what_does(component: type[Component]) -> None:
    assert component.available == (component.available_note == "")
    assert "\n" not in component.available_note
    assert not component.available_note.endswith(".")


def test_defaults_are_accepted_where_they_stand(component: type[Component]) -> None:
    for spec in arguments(component).values():
        if not spec.required:
            assert spec.type.check(spec.default) == spec.default


def test_the_example_of_a_page_is_well_formed(component: type[Component]) -> None:
    if component.kind == "op":
        return  # in the notation of `.dlc`; a network is compiled in the conformance tests
    lines = [line[4:] for line in page(component).split("\n\n")[1].splitlines()]
    # Several lines that begin with one key are several examples.
    alike = len({line.partition(":")[0] for line in lines}) == 1
    for example in lines if alike else ["\n".join(lines)]:
        collector = Collector()
        parse(Source("example.yaml", f"dlc: 1\n{example}\n"), collector)
        assert not collector.sorted(), example


def _arguments_part(component: type[Component]) -> str:
    return page(component).partition("Arguments:\n")[2].partition("\n\n")[0]
