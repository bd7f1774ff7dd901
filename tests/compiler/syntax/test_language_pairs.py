"""The six example pairs: both surfaces say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import LANGUAGE, PAIRS, TEXTS, read_well

from dlc.compiler.syntax import tree

# What the two texts of a pair spell with the same words. The rest (positional arguments,
# paths as text, `{adam: {lr: 1}}` for a call) becomes equal when names are bound.
_SAME_WORDS = ("metrics", "postprocess", "loss", "train", "search", "export", "regularization")


def _pair(name: str) -> tuple[tree.File, tree.File]:
    yaml = read_well((LANGUAGE / f"{name}.yaml").read_text(encoding="utf-8"), "yaml")
    dlc = read_well((LANGUAGE / f"{name}.dlc").read_text(encoding="utf-8"), "dlc")
    return yaml, dlc


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_every_example_is_read_without_findings(path: Path) -> None:
    read_well(path.read_text(encoding="utf-8"), path.suffix[1:])


@pytest.mark.parametrize("name", PAIRS)
def test_declarations_are_equal(name: str) -> None:
    yaml, dlc = _pair(name)
    for part in ("version", "params", "dims", "imports", "targets"):
        assert getattr(yaml, part) == getattr(dlc, part)
    assert yaml.model is not None
    assert dlc.model is not None
    assert (yaml.model.name, yaml.model.inputs) == (dlc.model.name, dlc.model.inputs)


@pytest.mark.parametrize("name", PAIRS)
def test_settings_have_the_same_keys_and_equal_words(name: str) -> None:
    yaml, dlc = _pair(name)
    assert [e.key for e in yaml.settings] == [e.key for e in dlc.settings]
    for ours, theirs in zip(yaml.settings, dlc.settings, strict=True):
        if ours.key.text in _SAME_WORDS:
            assert ours == theirs


def _skeleton(steps: tuple[tree.Step, ...]) -> list[object]:
    """Steps without the arguments of their calls."""
    bones: list[object] = []
    for step in steps:
        operation = step.operation
        inner: object = None
        match operation:
            case tree.Call():
                inner = operation.name
            case tree.Repeat():
                inner = (operation.count, operation.variables, _skeleton(operation.body))
            case tree.If():
                branches = (operation.then, operation.otherwise or ())
                inner = (operation.condition, *(_skeleton(branch) for branch in branches))
            case tree.Residual():
                inner = (_skeleton(operation.body), _skeleton(operation.shortcut or ()))
        bones.append((step.inputs, type(operation), inner, step.names, step.output))
    return bones


@pytest.mark.parametrize("name", PAIRS)
def test_networks_are_wired_alike(name: str) -> None:
    yaml, dlc = _pair(name)
    assert yaml.model is not None
    assert dlc.model is not None
    assert _skeleton(yaml.model.body) == _skeleton(dlc.model.body)
    for ours, theirs in zip(yaml.blocks, dlc.blocks, strict=True):
        assert (ours.name, ours.params, ours.inputs) == (theirs.name, theirs.params, theirs.inputs)
        assert _skeleton(ours.body) == _skeleton(theirs.body)


def test_a_plain_yaml_scalar_has_exactly_its_place() -> None:
    file = read_well("dlc: 1\ndata:\n  source:   data/faces.csv   # where\n", "yaml")
    data = file.settings[0].value
    assert isinstance(data, tree.Mapping)
    assert data.entries[0].value.span.text == "data/faces.csv"
