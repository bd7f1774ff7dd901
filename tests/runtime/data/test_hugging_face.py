"""Data sets of the library `datasets`, as it stores them: nothing here asks the hub."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sources.hugging_face import HuggingFace
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data.dataset import DataSet, prepare
from dlc.runtime.data.formats.hugging_face import HuggingFaceTable
from dlc.runtime.failures import Failure

N = symbol("N")
ROWS = 6


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def pictures() -> list[Any]:
    draw = np.random.default_rng(0)
    return [Image.fromarray(draw.integers(0, 256, (4, 5, 3), np.uint8)) for _ in range(ROWS)]


def rows() -> Any:
    """Every kind of column that we read, in the library's own types."""
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["no", "yes"]),
            "x": datasets.Sequence(datasets.Value("float32"), length=2),
            "image": datasets.Image(),
        }
    )
    columns = {
        "text": [f"text {i}" for i in range(ROWS)],
        "label": [i % 2 for i in range(ROWS)],
        "x": [[i, i / 2] for i in range(ROWS)],
        "image": pictures(),
    }
    return datasets.Dataset.from_dict(columns, features=features)


def prepared(root: Path, path: str, split: str = "train", **columns: str) -> DataSet:
    inputs = {"x": float_tensor(N, 2), "image": float_tensor(N, 3, 4, 5)}
    return prepare(
        Data(
            source=HuggingFace(path=path, split=split),
            columns=columns,
            split=Split(train=1.0, validation=0.0, test=0.0),
        ),
        inputs={name: inputs[name] for name in columns if name in inputs},
        targets={"label": int_tensor(N)},
        root=root,
    )


def refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(Failure) as caught:
        HuggingFaceTable(*arguments, **options)
    assert caught.value.diagnostic.code.number == "E0604"
    return f"{caught.value.diagnostic.message}; {caught.value.diagnostic.help}"


def test_what_was_saved_to_disk(tmp_path: Path) -> None:
    rows().save_to_disk(str(tmp_path / "saved"))
    found = prepared(tmp_path, "saved", x="x", image="image", label="label").arrays
    np.testing.assert_array_equal(found["x"], [[i, i / 2] for i in range(ROWS)])
    np.testing.assert_array_equal(found["label"], [i % 2 for i in range(ROWS)])
    wanted = np.stack([np.asarray(each) for each in pictures()]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found["image"], wanted / 255, atol=1e-6)


def test_parts_that_were_saved_together(tmp_path: Path) -> None:
    whole = rows()
    both = datasets.DatasetDict({"train": whole.select([3, 1]), "test": whole.select([0])})
    both.save_to_disk(str(tmp_path / "both"))
    train = HuggingFaceTable("both", root=tmp_path).read(["text", "label"])
    assert train.to_pydict() == {"text": ["text 3", "text 1"], "label": [1, 1]}
    test = HuggingFaceTable("both", split="test", root=tmp_path).read(["text"])
    assert test.to_pydict() == {"text": ["text 0"]}
    assert refused("both", split="dev", root=tmp_path) == (
        "`both`: it was saved without a part `dev`; it has `test`, `train`"
    )


@pytest.mark.parametrize("format", ["csv", "parquet", "json"])
def test_a_folder_of_files(tmp_path: Path, format: str) -> None:
    (tmp_path / "files").mkdir()
    plain = rows().remove_columns(["image", "x"])
    getattr(plain, f"to_{format}")(str(tmp_path / f"files/train.{format}"))
    found = HuggingFaceTable("files", root=tmp_path).read(["label", "text"])
    assert found.to_pydict() == {
        "label": [i % 2 for i in range(ROWS)],
        "text": [f"text {i}" for i in range(ROWS)],
    }
    assert prepared(tmp_path, "files", split="train[:50%]", label="label").arrays[
        "label"
    ].shape == (ROWS // 2,)


def test_pictures_that_lie_in_files(tmp_path: Path) -> None:
    for index, picture in enumerate(pictures()):
        folder = tmp_path / "pictures" / ("no", "yes")[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{index}.png")
    table = HuggingFaceTable("pictures", root=tmp_path)
    found = table.read(["image", "label"]).to_pydict()
    labels, images = found["label"], found["image"]
    assert sorted(labels) == [0, 0, 0, 1, 1, 1]
    sizes = {Image.open(io.BytesIO(content)).size for content in images}
    assert sizes == {(5, 4)}


def test_the_hash_is_that_of_the_rows_wherever_they_lie(tmp_path: Path) -> None:
    whole = rows()
    whole.save_to_disk(str(tmp_path / "one"))
    whole.save_to_disk(str(tmp_path / "two"), num_shards=3)
    whole.select(range(ROWS - 1)).save_to_disk(str(tmp_path / "less"))
    one, two, less = (
        HuggingFaceTable(name, root=tmp_path).sha256() for name in ("one", "two", "less")
    )
    assert one == two
    assert one != less


def test_what_is_neither_here_nor_to_be_had(tmp_path: Path) -> None:
    message = refused("nobody/nothing", root=tmp_path)
    assert message.startswith("`nobody/nothing`: `datasets` cannot load it: ")
    assert message.endswith("parts on huggingface.co/datasets")


def test_a_folder_elsewhere_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").mkdir()
    rows().save_to_disk(str(tmp_path / "saved"))
    monkeypatch.chdir(tmp_path)
    for path in ("saved", "../saved", str(tmp_path / "saved")):
        assert "leaves the folder of the spec" in refused(path, root=tmp_path / "root")


def test_without_the_library_the_command_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(Failure) as caught:
        HuggingFaceTable("x", root=tmp_path)
    assert caught.value.diagnostic.help == "`pip install datasets`"
    assert caught.value.diagnostic.code.number == "E0603"
