"""Columns of texts made inputs: fitted on the training part, bounded, refused in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.byte import Byte
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.word import Word
from dlc.compiler.components.preprocessing.wordpiece import Wordpiece
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, bool_tensor, int_tensor
from dlc.runtime.data.dataset import Bound, DataSet, prepare
from dlc.runtime.data.preprocessing import Preprocessing
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import Failure

N, T = symbol("N"), symbol("T")
INPUTS = {"tokens": int_tensor(N, T), "lengths": int_tensor(N), "padding": bool_tensor(N, T)}
CHAIN = (Lowercase(), Word(lengths="lengths", mask="padding"))
DATA = Data(source="rows.parquet", columns={"tokens": "text"}, split=Split(train=0.5, test=0.5))


def texts(count: int = 40) -> list[str]:
    return [f"Row w{index} " + "and so on " * (index % 4) for index in range(count)]


def prepared(root: Path, *, column: Any = None, **options: Any) -> DataSet:
    column = texts() if column is None else column
    table = {"text": column, "other": column, "label": [i % 2 for i in range(len(column))]}
    pq.write_table(pa.table(table), root / "rows.parquet")
    chosen: dict[str, Any] = {"inputs": INPUTS, "preprocess": {"tokens": CHAIN}, "data": DATA}
    chosen |= options
    return prepare(chosen.pop("data"), targets={"label": int_tensor(N)}, root=root, **chosen)


def refused(root: Path, **options: Any) -> tuple[str, str]:
    with pytest.raises(Failure) as caught:
        prepared(root, **options)
    found = caught.value.diagnostic
    assert found.code.number == "E0606"
    return found.message, found.help or ""


def tokens(data: DataSet) -> Ragged:
    found = data.arrays["tokens"]
    assert isinstance(found, Ragged)
    return found


def chain(*steps: Preprocess) -> dict[str, Any]:
    return {"preprocess": {"tokens": steps}, "inputs": {"tokens": int_tensor(N, T)}}


def test_the_vocabulary_is_that_of_the_training_part(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    rows = tokens(data)
    # The second word of a row is in no other.
    names = np.array([rows.row(index)[1] for index in range(len(rows))])
    assert (names[data.division.train] > 1).all()
    assert (names[data.division.test] == 1).all()


def test_lengths_and_masks_have_no_column_and_no_array(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    assert set(data.arrays) == {"tokens", "label"}
    padding = data.padding["tokens"]
    assert (padding.dim, padding.lengths, padding.mask) == ("T", "lengths", "padding")
    assert data.preprocessing.inputs["lengths"].columns == ()


def test_the_tokenizer_is_a_file_of_its_own_and_comes_back(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    files = data.preprocessing.files()
    assert files["tokens.tokenizer.json"].startswith(b"{")
    again = prepared(tmp_path, fitted=Preprocessing.from_files(files))
    np.testing.assert_array_equal(tokens(again).values, tokens(data).values)


def test_a_column_of_digits_is_read_as_texts(tmp_path: Path) -> None:
    rows = tokens(prepared(tmp_path, column=["007"] * 40, **chain(Byte())))
    assert rows.row(0).tolist() == [50, 50, 57]


def test_two_columns_are_a_pair(tmp_path: Path) -> None:
    inputs = {"tokens": int_tensor(N, T), "kind": int_tensor(N, T)}
    data = prepared(
        tmp_path,
        data=Data(source="rows.parquet", columns={"tokens": ["text", "other"]}),
        inputs=inputs,
        preprocess={"tokens": (Wordpiece(vocabulary=99, segments="kind"),)},
    )
    kind = data.arrays["kind"]
    assert isinstance(kind, Ragged)
    np.testing.assert_array_equal(kind.offsets, tokens(data).offsets)
    assert set(kind.values.tolist()) == {0, 1}


def test_a_declared_range_pads_up_to_its_least_and_refuses_beyond(tmp_path: Path) -> None:
    declared: dict[str, TensorType] = {"tokens": int_tensor(N, symbol("T", 4, 6))}
    options = {"inputs": declared, "preprocess": {"tokens": (Word(max_length=6),)}}
    data = prepared(tmp_path, **options)
    assert data.padding["tokens"].least == 4
    options["preprocess"] = {"tokens": (Word(),)}
    message, help = refused(tmp_path, **options)
    assert "row 3, column `text`: the text has 8 pieces, and `tokens` takes 6" in message
    assert help == "cut longer texts off: `word(max_length=6)`"


def test_a_fixed_length_is_the_only_one(tmp_path: Path) -> None:
    inputs = {"tokens": int_tensor(N, 5)}
    data = prepared(tmp_path, inputs=inputs, preprocess={"tokens": (Word(max_length=5),)})
    assert data.padding["tokens"].least == 5
    assert "takes 5" in refused(tmp_path, inputs=inputs, preprocess={"tokens": (Word(),)})[0]


def test_a_vocabulary_past_the_embedding_is_refused_before_training(tmp_path: Path) -> None:
    bounds = {"tokens": Bound(high=9, reason="`embedding` takes indices below 10")}
    message, help = refused(tmp_path, bounds=bounds, **chain(Word()))
    assert message == (
        "`preprocess.tokens`: the tokenizer has 26 pieces, `embedding` takes indices below 10"
    )
    assert help == "keep fewer: `word(vocabulary=10)`; or make the layer as large"
    assert tokens(prepared(tmp_path, bounds=bounds, **chain(Word(vocabulary=10)))).values.max() < 10


def test_numbers_are_no_texts(tmp_path: Path) -> None:
    message, help = refused(tmp_path, column=list(range(40)))
    assert "column `text` of `" in message
    assert "holds `int64`, and `tokens` takes texts" in message
    assert "leave its text steps out" in help


def test_a_missing_text_is_refused_at_its_row(tmp_path: Path) -> None:
    message, _ = refused(tmp_path, column=[*texts(17), None, *texts(22)])
    assert "row 18, column `text`: the value is missing" in message


def test_a_column_without_a_word_is_refused(tmp_path: Path) -> None:
    message, _ = refused(tmp_path, column=["", "  "] * 20)
    assert "column `text` of `" in message
    assert "every row of the training part is empty" in message
