from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlc.runtime.data.tables import locate, open_table
from dlc.runtime.failures import BAD_DATA, Failure


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fails(path: Path, format: str, columns: list[str] | None = None) -> Failure:
    try:
        table = open_table(path, format)
        table.read(columns or list(table.names))
    except Failure as failure:
        return failure
    pytest.fail("the file was read")


def test_csv_keeps_values_as_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'zip,city\n007,"Oslo, Norway"\n1e3,\n')
    table = open_table(path, "csv")
    assert table.names == ("zip", "city")
    assert table.read(["city", "zip"]).to_pydict() == {
        "city": ["Oslo, Norway", None],
        "zip": ["007", "1e3"],
    }


def test_tsv_separates_by_tabs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\n1,5\t2\n")
    assert open_table(path, "tsv").read(["a", "b"]).to_pydict() == {"a": ["1,5"], "b": ["2"]}


@pytest.mark.parametrize("format", ["csv", "json_lines", "parquet"])
def test_chunks_together_are_the_whole(tmp_path: Path, format: str) -> None:
    path = tmp_path / "rows"
    if format == "csv":
        write(path, "n\n" + "".join(f"{n}\n" for n in range(1000)))
    elif format == "json_lines":
        write(path, "".join(f'{{"n": {n}}}\n' for n in range(1000)))
    else:
        pq.write_table(pa.table({"n": list(range(1000))}), path)
    chunks = list(open_table(path, format).chunks(["n"], rows=64))
    assert max(chunk.num_rows for chunk in chunks) == 64
    assert [int(n) for chunk in chunks for n in chunk["n"].to_pylist()] == list(range(1000))


def test_a_ragged_csv_row_is_named(tmp_path: Path) -> None:
    problem = fails(write(tmp_path / "a.csv", "a,b\n1,2\n3\n4,5\n"), "csv")
    assert problem.exit_code == BAD_DATA
    assert problem.diagnostic.code.number == "E0604"
    assert "row 2: 1 value where the header names 2" in problem.diagnostic.message


def test_text_that_is_not_utf8_is_refused_with_its_row(tmp_path: Path) -> None:
    problem = fails(write(tmp_path / "a.csv", b"a,b\n1,2\n\xff,3\n"), "csv")
    assert "row 2: the text is not UTF-8" in problem.diagnostic.message


@pytest.mark.parametrize(
    ("format", "content", "says"),
    [
        ("csv", "", "the file is empty"),
        ("csv", "a,a\n1,2\n", "two columns are called `a`"),
        ("json_lines", "", "the file is empty"),
        ("json_lines", '{"a": 1}\n{"a": \n', "row 2: not JSON"),
        ("json_lines", '{"a": 1}\n[1]\n', "row 2: a line that is no JSON object"),
        ("json_lines", '{"a": NaN}\n', "row 1: not JSON: `NaN` is not a JSON number"),
        ("json_lines", '{"a": ' + "[" * 100_000 + "\n", "row 1: lists nested too deep"),
        ("json_lines", '{"a": 1}\n{"a": "x"}\n', "row 2, column `a`: `x` is of another kind"),
        ("parquet", "PAR1 but not really PAR1", "`"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, format: str, content: str, says: str) -> None:
    problem = fails(write(tmp_path / "data", content), format)
    assert says in problem.diagnostic.message
    assert problem.exit_code == BAD_DATA


def test_missing_files_folders_and_devices_are_refused(tmp_path: Path) -> None:
    assert "no file" in fails(tmp_path / "none.csv", "csv").diagnostic.message
    assert "not a regular file" in fails(tmp_path, "csv").diagnostic.message
    assert "not a regular file" in fails(Path("/dev/zero"), "csv").diagnostic.message


def test_a_flipped_bit_in_a_parquet_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": list(range(5000))}), path, write_page_checksum=True)
    good = path.read_bytes()
    columns = {"n": list(range(5000))}
    draw = random.Random(0)
    for _ in range(60):
        damaged = bytearray(good)
        damaged[draw.randrange(len(good))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            read = open_table(path, "parquet").read(["n"]).to_pydict()
        except Failure:
            continue
        assert read == columns


def test_a_path_may_not_leave_the_folder_of_the_spec(tmp_path: Path) -> None:
    root = tmp_path / "specs"
    root.mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert locate("data/a.csv", root) == root / "data/a.csv"
    for path in ("../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "/etc/passwd"):
        with pytest.raises(Failure):
            locate(path, root)
