"""Imports bring blocks, with the blocks that those use, from files inside the root."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import check_file, codes, compiled, errors, kinds, line, only, shown, underlined

from dlc.compiler import Result

CONV = """dlc 1
block Norm { batch_norm2d }
block Conv(width: int) { conv2d(width, 3, padding=1)
  Norm }
block Other { relu }
"""


def checked(folder: Path, text: str, **files: str) -> Result:
    """Checks `main.dlc` in a folder with further files; `a__b` stands for `a/b.dlc`."""
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".dlc")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "main.dlc").write_text(text)
    return check_file(folder / "main.dlc")


def main(imports: str, body: str) -> str:
    return (
        f"dlc 1\n{imports}\nmodel Net {{\n  input x: float[N, 3, 8, 8]\n"
        f"  {body}\n  output y = relu\n}}\n"
    )


def test_a_block_comes_with_the_blocks_that_it_uses(tmp_path: Path) -> None:
    result = checked(tmp_path, main('from "lib.dlc" import Conv', "Conv(4)"), lib=CONV)
    assert kinds(result) == ["conv2d", "batch_norm2d", "relu"]
    assert result.spec is not None
    assert [block.name.text for block in result.spec.blocks] == ["Norm", "Conv"]
    assert result.spec.imports == ()


def test_what_an_imported_block_uses_is_not_itself_in_scope_of_other_names(tmp_path: Path) -> None:
    result = checked(tmp_path, main('from "lib.dlc" import Conv', "Other"), lib=CONV)
    assert errors(result) == ["E0201"]


def test_yaml_and_dlc_files_import_from_each_other(tmp_path: Path) -> None:
    (tmp_path / "act.yaml").write_text("dlc: 1\nblocks:\n  Act:\n    layers: [tanh]\n")
    lib = 'dlc 1\nfrom "act.yaml" import Act\nblock Conv { Act }\n'
    result = checked(tmp_path, main('from "lib.dlc" import Conv', "Conv"), lib=lib)
    assert kinds(result) == ["tanh", "relu"]


def test_a_path_is_relative_to_the_file_that_imports(tmp_path: Path) -> None:
    inner = 'dlc 1\nfrom "act.dlc" import Act\nblock Conv { Act }\n'
    act = "dlc 1\nblock Act { tanh }\n"
    text = main('from "lib/conv.dlc" import Conv', "Conv")
    assert kinds(checked(tmp_path, text, lib__conv=inner, lib__act=act)) == ["tanh", "relu"]


def test_the_sources_are_listed_with_their_hashes(tmp_path: Path) -> None:
    result = checked(tmp_path, main('from "lib.dlc" import Conv', "Conv(4)"), lib=CONV)
    assert list(compiled(result).files) == ["main.dlc", "lib.dlc"]


def test_the_same_block_on_two_ways_is_one(tmp_path: Path) -> None:
    act = "dlc 1\nblock Act { tanh }\n"
    a = 'dlc 1\nfrom "act.dlc" import Act\nblock A { Act }\n'
    b = 'dlc 1\nfrom "act.dlc" import Act\nblock B { Act }\n'
    text = main('from "a.dlc" import A\nfrom "b.dlc" import B', "A -> B")
    assert kinds(checked(tmp_path, text, act=act, a=a, b=b)) == ["tanh", "tanh", "relu"]


def test_two_blocks_of_one_name_clash(tmp_path: Path) -> None:
    a, b = "dlc 1\nblock A { tanh }\n", "dlc 1\nblock A { relu }\n"
    text = main('from "a.dlc" import A\nfrom "b.dlc" import A', "A")
    found = checked(tmp_path, text, a=a, b=b).diagnostics
    assert [d.code.number for d in found] == ["E0203"]
    assert line(found[0]) == 3


def test_an_imported_and_a_declared_block_of_one_name_clash(tmp_path: Path) -> None:
    text = main('from "a.dlc" import A\nblock A { relu }', "A")
    found = only(checked(tmp_path, text, a="dlc 1\nblock A { tanh }\n"))
    assert found.code.number == "E0203"
    assert underlined(found) == "A"
    assert len(found.secondary) == 1


def test_a_circle_of_files_is_shown_as_a_chain(tmp_path: Path) -> None:
    a = 'dlc 1\nfrom "b.dlc" import B\nblock A { B }\n'
    b = 'dlc 1\nfrom "a.dlc" import A\nblock B { A }\n'
    result = checked(tmp_path, main('from "a.dlc" import A', "A"), a=a, b=b)
    assert "E0204" in codes(result), shown(result)
    chain = next(d for d in result.diagnostics if d.code.number == "E0204").message
    assert "a.dlc -> b.dlc -> a.dlc" in chain


def test_a_file_that_imports_itself_is_a_circle(tmp_path: Path) -> None:
    found = checked(tmp_path, main('from "main.dlc" import A', "relu")).diagnostics
    assert [d.code.number for d in found] == ["E0204"]


def test_a_missing_block_names_the_near_one(tmp_path: Path) -> None:
    found = only(checked(tmp_path, main('from "lib.dlc" import Cnov', "Cnov(3)"), lib=CONV))
    assert found.code.number == "E0209"
    assert underlined(found) == "Cnov"
    assert "`Conv`" in (found.help or "")


@pytest.mark.parametrize("imports", ['from "none.dlc" import A, B', 'from "../x.dlc" import A, B'])
def test_a_failed_import_silences_those_who_use_it(tmp_path: Path, imports: str) -> None:
    text = main(imports, "A(3, typo=4) -> B")
    assert only(checked(tmp_path, text)).code.number in ("E0208", "E0209")


def test_findings_inside_an_imported_file_point_there(tmp_path: Path) -> None:
    lib = "dlc 1\nblock A { linaer(3) }\n"
    found = only(checked(tmp_path, main('from "lib.dlc" import A', "A"), lib=lib))
    assert found.code.number == "E0201"
    assert found.source is not None
    assert (found.source.name, line(found)) == ("lib.dlc", 2)


def test_parameters_of_an_imported_file_stay_there(tmp_path: Path) -> None:
    lib = "dlc 1\nparam w = 3\nblock A { linear(w) }\n"
    found = only(checked(tmp_path, main('from "lib.dlc" import A', "flatten -> A"), lib=lib))
    assert (found.code.number, underlined(found)) == ("E0202", "w")


def test_sixteen_files_in_a_row_are_enough(tmp_path: Path) -> None:
    def row(count: int) -> Result:
        files = {
            f"f{i}": f'dlc 1\nfrom "f{i + 1}.dlc" import B{i + 1}\nblock B{i} {{ B{i + 1} }}\n'
            for i in range(count)
        }
        files[f"f{count}"] = f"dlc 1\nblock B{count} {{ tanh }}\n"
        return checked(tmp_path, main('from "f0.dlc" import B0', "B0"), **files)

    assert kinds(row(14)) == ["tanh", "relu"]
    assert "E0110" in codes(row(30))


def test_files_that_import_the_next_many_times_are_read_once(tmp_path: Path) -> None:
    files = {
        f"f{i}": "dlc 1\n"
        + f'from "f{i + 1}.dlc" import B{i + 1}\n' * 20
        + f"block B{i} {{ B{i + 1} }}\n"
        for i in range(12)
    }
    files["f12"] = "dlc 1\nblock B12 { tanh }\n"
    # Twenty to the power of twelve ways lead to the last file.
    text = main('from "f0.dlc" import B0', "B0")
    assert kinds(checked(tmp_path, text, **files)) == ["tanh", "relu"]
