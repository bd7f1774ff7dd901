"""The form of a model: which control fills each column, and what is known of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.cyclic import Cyclic
from dlc.compiler.components.preprocessing.hashing import Hashing
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.word import Word
from dlc.runtime.data.ragged import Padding
from dlc.runtime.export.hints import Hint
from dlc.runtime.export.metadata import InputColumns, ModelInfo
from dlc.runtime.inference.session import open_model
from dlc.runtime.serving.form import MOST_FIELDS, Form, form_of
from tests.runtime.conftest import KINDS, Trained

Dims = tuple[int | str, ...]


def fields(element: str, dims: Dims, known: InputColumns | None = None) -> list[dict[str, Any]]:
    info = ModelInfo(inputs={} if known is None else {"x": known})
    form = form_of(info, {"x": (f"tensor({element})", dims)}, {})
    assert json.loads(json.dumps(form, allow_nan=False)) == form
    found: list[dict[str, Any]] = form["inputs"][0]["fields"]
    return found


def columns(*names: str, host: tuple[Preprocess, ...] = (), **more: Any) -> InputColumns:
    return InputColumns(columns=names, host=host, **more)


def test_numbers_get_a_field_each_with_what_is_usual() -> None:
    hints = (Hint(low=1, high=3, typical=2), Hint())
    one, two = fields("float", ("N", 2), columns("a", "b", hints=hints, missing=True))
    assert one == {
        "kind": "number",
        "columns": ["a"],
        "whole": False,
        "optional": True,
        "low": 1,
        "high": 3,
        "typical": 2,
    }
    assert (two["columns"], "low" in two) == (["b"], False)
    assert fields("int64", ("N",))[0] == {
        "kind": "number",
        "columns": ["x"],
        "whole": True,
        "optional": False,
    }


def test_categories_are_chosen_where_they_are_known_and_else_written() -> None:
    known = columns("city", categories=True, hints=(Hint(choices=("Oslo", "Rome")),))
    assert fields("string", ("N",), known)[0] == {
        "kind": "choice",
        "columns": ["city"],
        "choices": ["Oslo", "Rome"],
    }
    numbered = columns("zone", categories=True, hints=(Hint(choices=("4", "7")),))
    assert fields("int64", ("N",), numbered)[0]["whole"] is True
    hashed = columns("url", host=(Hashing(buckets=16),), categories=True)
    assert fields("int64", ("N",), hashed) == [{"kind": "text", "columns": ["url"], "long": False}]


def test_lists_of_categories_are_several_choices() -> None:
    known = columns("tags", joins=";", hints=(Hint(choices=("a", "b")),))
    (found,) = fields("string", ("N",), known)
    assert (found["kind"], found["separator"], found["choices"]) == ("choices", ";", ["a", "b"])


def test_flags_dates_and_texts() -> None:
    assert fields("bool", ("N",))[0]["kind"] == "flag"
    day = columns("day", host=(Cyclic(parts=("month", "weekday")),))
    assert fields("float", ("N", 4), day) == [{"kind": "date", "columns": ["day"], "time": False}]
    hour = columns("at", host=(Cyclic(parts=("hour",)),))
    assert fields("float", ("N", 2), hour)[0]["time"] is True
    steps = (Lowercase(), Word())
    text = columns("review", host=steps, tokenizer="{}", padding=Padding())
    assert fields("int64", ("N", "T"), text) == [
        {"kind": "text", "columns": ["review"], "long": True}
    ]
    pair = columns("question", "answer", host=steps, tokenizer="{}", padding=Padding())
    assert [f["columns"] for f in fields("int64", ("N", "T"), pair)] == [["question"], ["answer"]]
    word = columns("word", host=steps, tokenizer="{}")
    assert fields("int64", ("N",), word)[0]["words"] == 1


def test_inputs_that_a_tokenizer_fills_are_not_asked_for() -> None:
    text = columns("t", host=(Word(),), tokenizer="{}", padding=Padding(lengths="n", mask="m"))
    inputs = dict.fromkeys(("x", "n", "m"), ("tensor(int64)", ("N", "T")))
    form = form_of(ModelInfo(inputs={"x": text}), inputs, {})
    assert [given["name"] for given in form["inputs"]] == ["x"]


def test_pictures_are_files_or_numbers() -> None:
    file = columns("photo", pictures=True)
    assert fields("uint8", ("N", "h", "w", 3), file) == [
        {
            "kind": "image",
            "columns": ["photo"],
            "content": "file",
            "white": 255.0,
            "channels": 3,
            "height": None,
            "width": None,
        }
    ]
    (sized,) = fields("uint8", ("N", 32, 24, 1), file)
    assert (sized["height"], sized["width"], sized["channels"]) == (32, 24, 1)
    grey = columns("pixels", hints=(Hint(low=0, high=16),))
    (drawn,) = fields("uint8", ("N", 1, 8, 8), grey)
    assert (drawn["content"], drawn["white"], drawn["height"]) == ("numbers", 16, 8)
    assert fields("float", ("N", 3, 8, 8))[0]["white"] == 1.0
    many = columns(*(f"p{i}" for i in range(64)))
    assert len(fields("uint8", ("N", 1, 8, 8), many)[0]["columns"]) == 64


def test_long_rows_are_one_list() -> None:
    assert fields("float", ("N", 12), columns("history"))[0] == {
        "kind": "numbers",
        "columns": ["history"],
        "count": 12,
        "each": 12,
        "whole": False,
        "texts": False,
    }
    (open_,) = fields("float", ("N", "T", 3))
    assert (open_["count"], open_["each"]) == (None, 3)
    names = tuple(f"c{i}" for i in range(MOST_FIELDS + 1))
    hints = tuple(Hint(typical=i) for i in range(len(names)))
    (long,) = fields("float", ("N", len(names)), columns(*names, hints=hints))
    assert (long["columns"], long["typical"]) == (list(names), list(range(len(names))))


def outputs(*names: str, shape: Dims = ("N", 3), **labels: tuple[str, ...]) -> list[Any]:
    found: Form = form_of(
        ModelInfo(labels=labels), {}, dict.fromkeys(names, ("tensor(float)", shape))
    )
    return list(found["outputs"])


def test_companions_belong_to_their_output() -> None:
    words = ("a", "b", "c")
    names = ("logits", "logits_probabilities", "logits_label", "age")
    first, second = outputs(*names, logits=words)
    assert first == {
        "name": "logits",
        "label": "logits_label",
        "probabilities": "logits_probabilities",
        "classes": list(words),
    }
    assert second == {"name": "age", "label": None, "probabilities": None, "classes": []}
    assert outputs("x", "x_probabilities")[0]["classes"] == ["0", "1", "2"]
    assert outputs("x", "x_probabilities", shape=("N", 1))[0]["classes"] == []


def test_the_form_of_an_exported_file(trained: Trained) -> None:
    pytest.importorskip("torch")
    session = open_model(trained.model, "cpu")
    found = {o.name: (o.type, tuple(o.shape)) for o in session.session.get_outputs()}
    form = form_of(ModelInfo.read(session.metadata, "m"), session.inputs, found)
    assert form["model"] == "Flowers"
    assert form["metrics"].keys() >= {"val_accuracy", "val_loss"}
    (given,) = form["inputs"]
    assert [f["columns"][0] for f in given["fields"]] == ["m_2", "m_0", "m_3", "m_1"]
    for field in given["fields"]:
        values = trained.table.column(field["columns"][0]).to_numpy()
        assert field["typical"] == pytest.approx(values.mean(), rel=0.02)
        assert values.min() < field["low"] + 60
        assert field["low"] < field["typical"] < field["high"]
    assert form["outputs"][0]["classes"] == list(KINDS)
