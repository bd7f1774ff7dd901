"""Texts and windows that do not fit the memory: kept in files, and else as in memory."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

torch = pytest.importorskip("torch")

from dlc.runtime.data import spill  # noqa: E402
from dlc.runtime.data.formats import line_marks, text_lines  # noqa: E402
from dlc.runtime.data.ragged import Ragged  # noqa: E402
from dlc.runtime.failures import Failure  # noqa: E402
from dlc.runtime.inference.evaluator import evaluate, run_subject  # noqa: E402
from tests.runtime.objectives.made import SPECS, begun, prepared, write  # noqa: E402
from tests.runtime.objectives.test_streamed_objectives import losses  # noqa: E402

SPILLED = ("skip_gram", "cbow", "masked", "next", "blocks", "translation", "windows", "forecast")
CLASSES = """\
dlc: 1
name: Classes
dims: {T: 1..32}
inputs: {tokens: 'int[N, T]', level: 'float[N, 1]'}
layers:
  - from: tokens
    embedding: {num_embeddings: 60, embedding_dim: 8}
  - mean: 1
    name: text
  - from: [text, level]
    concat: 1
  - linear: 2
    output: logits
targets: {kind: 'int[N]'}
data:
  source: texts.parquet
  columns: {tokens: text, level: level, kind: kind}
  where: level < 90
  batch_size: 32
preprocess: {tokens: 'wordpiece(vocabulary=60, max_length=32)', level: standardize}
loss: cross_entropy(logits, kind)
optimizer: adam(lr=1e-2)
train: {epochs: 2, validate_every: steps(2)}
"""


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few lines, and pieces that end within the blocks."""
    monkeypatch.setattr(line_marks, "STEP", 8)
    monkeypatch.setattr(text_lines, "STEP", 8)
    monkeypatch.setattr(text_lines, "_BLOCK_LINES", 24)
    monkeypatch.setattr(spill, "_PIECE", 100)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of all objectives, tables as Parquet with small row groups."""
    folder = tmp_path_factory.mktemp("stored")
    write(folder)
    for name in ("series.csv", "pairs.tsv"):
        parse = csv.ParseOptions(delimiter="\t" if name.endswith("tsv") else ",")
        table = csv.read_csv(folder / name, parse_options=parse)
        pq.write_table(table, folder / f"{name[:-4]}.parquet", row_group_size=23)
    lines = (folder / "corpus.txt").read_text().splitlines()
    table = {
        "text": lines,
        "level": [float(i % 100) for i in range(len(lines))],
        "kind": ["short" if len(line) < 30 else "long" for line in lines],
    }
    import pyarrow as pa

    pq.write_table(pa.table(table), folder / "texts.parquet", row_group_size=23)
    return folder


def spec(name: str, memory: str) -> str:
    text = CLASSES if name == "classes" else SPECS[name]
    text = text.replace("series.csv", "series.parquet").replace("pairs.tsv", "pairs.parquet")
    return text.replace("  batch_size:", f"  memory: {memory}\n  batch_size:")


@pytest.mark.parametrize("name", [*SPILLED, "classes"])
def test_a_run_from_files_is_the_run_in_memory(
    name: str, stored: Path, tmp_path: Path, narrow: None
) -> None:
    data = prepared(spec(name, "stream"), stored)
    arrays = [a.values if isinstance(a, Ragged) else a for a in data.arrays.values()]
    arrays += [data.draws.corpus.texts.values] if hasattr(data.draws, "corpus") else []
    assert arrays
    for values in arrays:
        assert spill.is_spilled(values)
    held = begun(spec(name, "resident"), stored, tmp_path / "held").summary
    read = begun(spec(name, "stream"), stored, tmp_path / "read").summary
    assert losses(tmp_path / "held") == losses(tmp_path / "read")
    assert held["weights"] == read["weights"]
    assert held["test"] == read["test"]
    figures = evaluate(run_subject(tmp_path / "read", "cpu"), part="test").metrics
    assert figures["loss"] == pytest.approx(read["test"]["loss"], rel=1e-6)


def test_no_file_stays(
    stored: Path, tmp_path: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    data = prepared(spec("next", "stream"), stored)
    assert spill.is_spilled(data.arrays["tokens"].values)  # type: ignore[union-attr]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["write", "reserve"])
def test_a_full_disk_is_told(
    where: str, stored: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if where == "reserve":
        monkeypatch.setattr(os, "posix_fallocate", full)
    else:
        monkeypatch.setattr(spill.Growing, "_write", full)
    with pytest.raises(Failure) as caught:
        prepared(spec("next", "stream"), stored)
    assert caught.value.diagnostic.code.number == "E0611"
    assert caught.value.exit_code == 74
    assert "TMPDIR" in str(caught.value.diagnostic.help)


def test_room_is_made_where_the_system_reserves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(spill, "_PIECE", 7)
    like = spill.Growing(np.dtype(np.int32))
    like.append(np.arange(3))
    found = spill.empty((5, 2), np.dtype(np.int64), like.done())
    assert spill.is_spilled(found)
    assert not found.any()


def test_a_folder_that_takes_no_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "_folder", lambda: "/nowhere/at/all")
    # What is only half made says nothing when it goes: pytest makes an error of what it would.
    with pytest.raises(Failure, match="nowhere"):
        spill.Growing(np.dtype(np.int32))


_PEAK = """
import sys
from pathlib import Path
from dlc.runtime.data import spill
from dlc.runtime.data.formats import text_lines
from tests.runtime.objectives.made import TOKENS, prepared

def held():
    # What lies in files is given back when memory is short: only what is not counts.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) << 10

text_lines._BLOCK_BYTES = 1 << 20
spill._PIECE = 1 << 16
text = TOKENS.format(objective="next_token(block_length=12)", causal="true")
text = text.replace("wordpiece(vocabulary=60, max_length=32", "word(vocabulary=60")
text = text.replace(", padding: 'bool[N, T]'", "").replace(", mask=padding", "")
text = text.replace("key_padding_mask: padding, ", "")
text = text.replace("  batch_size:", "  memory: stream\\n  batch_size:")
before = held()
data = prepared(text, Path(sys.argv[1]))
tokens = data.arrays["tokens"]
print(held() - before, len(tokens.values))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no peak")
def test_what_is_held_does_not_grow_with_the_text(tmp_path: Path) -> None:
    line = " ".join(f"w{i % 50}" for i in range(500)) + "\n"
    found = []
    for lines in (4_000, 16_000):
        (tmp_path / "corpus.txt").write_text(line * lines)
        result = subprocess.run(
            [sys.executable, "-c", _PEAK, str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
        held, tokens = map(int, result.stdout.split())
        assert tokens > 490 * lines
        found.append((held, tokens))
    grown, more = (b - a for a, b in zip(*found, strict=True))
    # Two arrays of four bytes a token would be eight; of a block the offset of its place.
    assert grown < 2.5 * more


def test_lines_are_those_of_a_reading_from_the_start(tmp_path: Path, narrow: None) -> None:
    draw = np.random.default_rng(0)
    for case in range(30):
        count = int(draw.integers(1, 100))
        ends = ["\n", "\r\n"]
        lines = [
            "äö x"[: int(draw.integers(0, 5))] + ends[int(draw.integers(0, 2))]
            for _ in range(count)
        ]
        text = "\ufeff" * (case % 2) + "".join(lines)
        text = text.removesuffix("\n") if case % 3 else text
        if not text:
            continue
        path = tmp_path / f"{case}.txt"
        path.write_bytes(text.encode())
        table = text_lines.TextLinesTable(path)
        whole = table.read(["line"])
        stored = table.stored()
        assert stored is not None
        blocks = [table.block(i, ["line"]) for i in range(len(stored.rows))]
        assert [b.num_rows for b in blocks] == list(stored.rows)
        assert [v for b in blocks for v in b["line"].to_pylist()] == whole["line"].to_pylist()


def test_lines_that_are_no_text_are_told_alike(tmp_path: Path, narrow: None) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"ab\n" * 50 + b"\xff\n" + b"cd\n" * 50)
    messages = []
    for read in (lambda t: t.read(["line"]), lambda t: [t.block(i, ["line"]) for i in range(5)]):
        table = text_lines.TextLinesTable(path)
        assert table.stored() is not None
        with pytest.raises(Failure) as caught:
            read(table)
        messages.append(caught.value.diagnostic.message)
    assert messages[0] == messages[1]
    assert "row 51" in messages[0]
    table.skip = True
    assert table.stored() is None
    (tmp_path / "b.txt").write_text("x\n" * 100)
    both = text_lines.TextLinesTable(path, {"a": path, "b": tmp_path / "b.txt"})
    with pytest.raises(Failure, match="it ends after 100 lines"):
        both.stored()
