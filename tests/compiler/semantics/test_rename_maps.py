"""Maps of names: files of `rename` entries, put in the place of their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import check_file, codes, compiled, errors, line, only, shown, underlined

from dlc.compiler import Result, Source, check
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.semantics.rename_maps import FOLDER, read_rules, rules_in, shipped

SPEC = """\
dlc: 1
name: Net
inputs:
  x: float[N, 8]
layers:
  - linear: 4
    output: y
transfer:
  weights: w.safetensors
  rename: {}
"""
MAP = """\
dlc: 1
rename:
  "fc.*": "y.*"
  y.weight: {from: [a, b], concat: 0}
  old: null
"""


def checked(folder: Path, rename: str, **files: str) -> Result:
    """Checks a spec with this `rename` beside further files; `a__b` stands for `a/b.yaml`."""
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "net.yaml").write_text(SPEC.format(rename))
    return check_file(folder / "net.yaml")


def renamed(result: Result) -> tuple[object, ...]:
    transfer = compiled(result).settings.transfer
    assert transfer is not None
    return transfer.rename


MEANINGS = {"fc.*": "y.*", "y.weight": Rename(from_=("a", "b"), concat=0), "old": None}


def test_a_map_takes_the_place_of_its_path(tmp_path: Path) -> None:
    result = checked(tmp_path, "maps/lib.yaml", maps__lib=MAP)
    assert renamed(result) == (MEANINGS,)
    assert "lib.yaml" not in compiled(result).canonical
    assert [*compiled(result).files] == ["net.yaml", "maps/lib.yaml"]


def test_a_map_may_be_written_in_the_other_surface(tmp_path: Path) -> None:
    text = 'dlc 1\nrename {\n  "fc.*" = "y.*"\n  y.weight { from = [a, b], concat = 0 }\n'
    (tmp_path / "lib.dlc").write_text(text + "  old = null\n}\n")
    assert renamed(checked(tmp_path, "lib.dlc")) == (MEANINGS,)


def test_entries_and_maps_go_in_the_order_of_the_list(tmp_path: Path) -> None:
    result = checked(tmp_path, '[{fc: null}, lib.yaml, {"z": y}]', lib=MAP)
    assert renamed(result) == ({"fc": None}, MEANINGS, {"z": "y"})
    transfer = compiled(result).settings.transfer
    assert transfer is not None
    rules = rules_in(compiled(result).spec, transfer)
    assert [rule.pattern.text for rule in rules] == ["fc", "fc.*", "y.weight", "old", "z"]
    assert [rule.origin.map for rule in rules] == ["", *["lib.yaml"] * 3, ""]
    assert [rule.span.location.line for rule in rules if rule.span] == [10, 3, 4, 5, 10]


def test_a_resolved_spec_needs_no_map_and_means_the_same(tmp_path: Path) -> None:
    first = compiled(checked(tmp_path, "[{fc: null}, lib.yaml]", lib=MAP))
    again = check(Source("resolved.yaml", first.canonical, "yaml"))
    assert compiled(again).digest == first.digest
    assert renamed(again) == first.settings.transfer.rename  # type: ignore[union-attr]


def test_a_map_that_dlc_ships_is_named_without_a_suffix(tmp_path: Path) -> None:
    result = checked(tmp_path, "torchvision/resnet18")
    (part,) = renamed(result)
    assert isinstance(part, dict)
    assert part["conv1"]
    transfer = compiled(result).settings.transfer
    assert transfer is not None
    origin = rules_in(compiled(result).spec, transfer)[0].origin
    assert (origin.map, origin.shipped) == ("torchvision/resnet18", True)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_map_can_be_read(name: str) -> None:
    rules = read_rules(name)
    assert rules
    assert all(rule.origin.shipped and rule.origin.map == name for rule in rules)


def test_every_file_beside_the_maps_is_a_map() -> None:
    files = {path for path in FOLDER.rglob("*") if path.is_file()}
    assert files == {FOLDER / f"{name}.yaml" for name in shipped()}


def test_a_misspelt_name_of_a_map_is_told_with_the_nearest(tmp_path: Path) -> None:
    found = only(checked(tmp_path, "torchvision/resnet81"))
    assert (found.code.number, underlined(found)) == ("E0209", "torchvision/resnet81")
    assert found.help
    assert "`torchvision/resnet18`" in found.help


@pytest.mark.parametrize("name", ["../specs/transfer/torchvision/resnet18", "/etc/passwd", "a b"])
def test_a_name_without_a_suffix_reaches_nothing_but_the_shipped_maps(
    tmp_path: Path, name: str
) -> None:
    assert errors(checked(tmp_path, f'"{name}"')) == ["E0209"]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("../lib.yaml", "E0208"),
        ("/etc/x.yaml", "E0208"),
        ("https://a.example/x.yaml", "E0208"),
        ("none.yaml", "E0209"),
        ("folder.yaml", "E0209"),
    ],
)
def test_a_map_is_a_regular_file_below_the_folder_of_the_spec(
    tmp_path: Path, path: str, number: str
) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "lib.yaml").write_text(MAP)
    (folder / "folder.yaml").mkdir()
    found = only(checked(folder, f'"{path}"'))
    assert (found.code.number, underlined(found)) == (number, f'"{path}"')


def test_a_link_out_of_the_folder_is_no_map(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "lib.yaml").write_text(MAP)
    (folder / "lib.yaml").symlink_to(tmp_path / "lib.yaml")
    assert errors(checked(folder, "lib.yaml")) == ["E0208"]


@pytest.mark.parametrize(
    ("text", "number", "place"),
    [
        ('dlc: 1\nrename:\n  "a": "b"\n  "c*": "d"\n', "E0701", ("lib.yaml", 4)),
        ("dlc: 1\nrename:\n  a: {from: x, concta: 0}\n", "E0206", ("lib.yaml", 3)),
        ("dlc: 1\nrename:\n  a: {from: [x, y]}\n", "E0701", ("lib.yaml", 3)),
        ("dlc: 1\nrename:\n  a: b\n  a: c\n", "E0108", ("lib.yaml", 4)),
        ("dlc: 1\nrename: [a]\n", "E0115", ("lib.yaml", 2)),
        ("rename:\n  a: b\n", "E0113", ("lib.yaml", 1)),
        ("dlc: 1\nrename:\n  a: b\ntrain: {epochs: 1}\n", "E0209", ("lib.yaml", 4)),
        ("dlc: 1\ninputs:\n  x: float[N]\nrename:\n  a: b\n", "E0209", ("lib.yaml", 2)),
        ("dlc: 1\n", "E0209", ("net.yaml", 10)),
        ("dlc: 1\nrename:\n  a: [\n", "E0105", ("lib.yaml", 4)),
    ],
)
def test_a_mistake_in_a_map_is_told_at_its_own_place(
    tmp_path: Path, text: str, number: str, place: tuple[str, int]
) -> None:
    result = checked(tmp_path, "lib.yaml", lib=text)
    found = next(d for d in result.diagnostics if d.code.number == number)
    assert found.source is not None, shown(result)
    assert (found.source.name, line(found)) == place, shown(result)
    assert result.compilation is None


def test_a_spec_that_is_set_to_a_map_takes_it(tmp_path: Path) -> None:
    (tmp_path / "lib.yaml").write_text(MAP)
    (tmp_path / "net.yaml").write_text(SPEC.format("{a: b}"))
    result = check_file(tmp_path / "net.yaml", sets=["transfer.rename=torchvision/resnet18"])
    (part,) = renamed(result)
    assert isinstance(part, dict)
    assert part["conv1"]
    result = check_file(tmp_path / "net.yaml", sets=['transfer.rename="lib.yaml"'])
    assert renamed(result) == (MEANINGS,)


def test_both_surfaces_say_the_same(tmp_path: Path) -> None:
    yaml = compiled(checked(tmp_path, "[{fc: null}, lib.yaml]", lib=MAP))
    (tmp_path / "net.dlc").write_text(
        "dlc 1\nmodel Net {\n  input x: float[N, 8]\n  output y = linear(4)\n}\n"
        'transfer {\n  weights = "w.safetensors"\n'
        '  rename = [{ fc = null }, "lib.yaml"]\n}\n'
    )
    assert compiled(check_file(tmp_path / "net.dlc")).digest == yaml.digest


def test_a_command_names_a_map_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "lib.yaml").write_text(MAP)
    monkeypatch.chdir(tmp_path)
    for name in ("maps/lib.yaml", str(tmp_path / "maps" / "lib.yaml")):
        rules = read_rules(name)
        assert [rule.pattern.text for rule in rules] == ["fc.*", "y.weight", "old"]
        assert not rules[0].origin.shipped
    assert [rule.leaves_out for rule in read_rules("{fc: null, a: b}")] == [True, False]


@pytest.mark.parametrize(
    ("name", "number"),
    [("none.yaml", "E0209"), ("nothing", "E0209"), ("{a*: b}", "E0701"), ("{a", "E0103")],
)
def test_what_a_command_names_wrongly_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DiagnosticError) as caught:
        read_rules(name)
    assert [d.code.number for d in caught.value.diagnostics] == [number]


def test_bad_entries_in_a_spec_are_told_at_the_key_or_the_value(tmp_path: Path) -> None:
    result = checked(tmp_path, '{"a*": b, c: "d.*"}')
    assert codes(result) == ["E0701", "E0701"]
    assert [underlined(d) for d in result.diagnostics] == ['"a*"', '"d.*"']
