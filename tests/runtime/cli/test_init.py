"""`dlc init`: the spec it writes is canonical, compiles without a word, and trains as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from dlc.compiler.cli.main import main
from dlc.runtime.drafting import language
from dlc.runtime.drafting.draft import glob_of
from dlc.runtime.drafting.sizes import sizes_for

pytest.importorskip("torch")
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    if name.endswith(".parquet"):
        parquet.write_table(table, name)
    elif name.endswith(".tsv"):
        csv.write_csv(table, name, csv.WriteOptions(delimiter="\t"))
    elif name.endswith(".jsonl"):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        csv.write_csv(table, name)


def passengers(count: int = 240) -> dict[str, Any]:
    """A table with numbers, categories, free text, a date, an index, and gaps."""
    sex = RNG.choice(["female", "male"], count)
    age = [None if i % 5 == 0 else float(i % 71) for i in range(count)]
    return {
        "PassengerId": np.arange(1, count + 1),
        "Survived": (sex == "female").astype(int),
        "Name": [f"person {i}" for i in range(count)],
        "Sex": sex,
        "Age": age,
        "Fare": np.round(RNG.lognormal(3, 1, count), 2),
        "Cabin": [None if i % 4 else "C1" for i in range(count)],
        "Embarked": [None if i == 3 else "SCQ"[i % 3] for i in range(count)],
        "Town": [f"town {i % 30}" for i in range(count)],
        "When": [f"2024-03-{i % 28 + 1:02}" for i in range(count)],
        "Planet": ["earth"] * count,
    }


def init(*words: str) -> str:
    """The text of the spec that is written; it is canonical and has no finding."""
    place = Path(words[0]).with_suffix(".yaml")
    assert main(["init", *words]) == 0
    assert main(["fmt", "--check", str(place)]) == 0
    assert main(["check", str(place), "--deny", "warnings"]) == 0
    return place.read_text()


def trains(place: str) -> dict[str, Any]:
    assert main(["train", place, "--set", "train.epochs=2", "--run", f"runs/{place}"]) == 0
    summary: dict[str, Any] = json.loads(Path(f"runs/{place}/summary.json").read_text())
    return summary


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("iris", "loss: cross_entropy(logits, target)"),
        ("wine", "loss: cross_entropy(logits, target)"),
        ("breast_cancer", "loss: binary_cross_entropy_with_logits(logits, target)"),
        ("diabetes", "loss: smooth_l1_loss(answer, target, beta=77)"),
    ],
)
def test_the_sets_that_everybody_knows_train(name: str, loss: str) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    data = getattr(datasets, f"load_{name}")()
    columns = dict(zip(data.feature_names, data.data.T, strict=True))
    classes = getattr(data, "target_names", None)
    target = data.target if classes is None else np.asarray(classes, object)[data.target]
    write(f"{name}.csv", columns | {"target": target})
    assert loss in init(f"{name}.csv", "--target", "target").splitlines()
    assert trains(f"{name}.yaml")["steps"] > 0


def test_a_table_with_categories_and_gaps_trains() -> None:
    write("ship.csv", passengers())
    text = init("ship.csv", "--target", "Survived")
    for line in (
        "    features: [Age, Fare]",
        "  features: [impute(median), standardize]",
        "  sex: [vocabulary(max_size=3), one_hot(3)]",
        "  town: vocabulary(max_size=31)",
        "    embedding: {num_embeddings: 31, embedding_dim: 6}",
        '  where: "Embarked != null"',
        "  # not used: PassengerId: it numbers the rows, and tells nothing about them",
        "  # not used: Name: nearly every row has another text",
        "  # not used: Cabin: 75 % of it is missing",
        "  # not used: When: dates; `cyclic` makes features of them",
        "  # not used: Planet: it is the same in every row",
    ):
        assert line in text.splitlines(), line
    trains("ship.yaml")


def test_a_wide_table_of_pixels_is_one_glob_and_trains() -> None:
    pixels = RNG.integers(0, 256, (60, 64)).astype(np.uint8)
    pixels[:, 0] = 0
    columns: dict[str, Any] = {f"pixel_{i}": pixels[:, i] for i in range(64)}
    write("pixels.parquet", columns | {"digit": np.arange(60) % 5})
    text = init("pixels.parquet", "--target", "digit")
    assert '    features: "pixel_*"' in text.splitlines()
    assert "  features: float[N, 64]" in text
    assert "  features: scale(1/255)" in text.splitlines()
    trains("pixels.yaml")


def test_a_column_of_lists_is_an_input_of_its_own() -> None:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(RNG.random(40 * 16)), 16)
    write("lists.parquet", {"image": lists, "kind": np.arange(40) % 2})
    assert "  image: float[N, 16]  # as pictures: float[N, 1, 4, 4]" in init(
        "lists.parquet", "--target", "kind"
    )
    trains("lists.yaml")


def test_texts_with_labels_are_read_by_an_lstm() -> None:
    moods = np.arange(60) % 2
    words = np.array(["bad", "good"])[moods]
    texts = [f"the film {i} was {word} and long" for i, word in enumerate(words)]
    write("reviews.tsv", {"text": texts, "mood": np.array(["down", "up"])[moods]})
    text = init("reviews.tsv", "--target", "mood")
    assert "  words: int[N, T]" in text
    assert "lstm:" in text
    trains("reviews.yaml")


def test_a_folder_of_pictures_by_class_is_read_by_a_small_network() -> None:
    image = pytest.importorskip("PIL.Image")
    for kind, channel in (("blue", 2), ("red", 0)):
        Path("colors", kind).mkdir(parents=True)
        for i in range(10):
            pixels = RNG.integers(0, 90, (18, 20, 3)).astype(np.uint8)
            pixels[..., channel] += 120
            image.fromarray(pixels).save(f"colors/{kind}/{i}.png")
    text = init("colors")
    assert "  image: float[N, 3, 16, 16]" in text.splitlines()
    trains("colors.yaml")


def test_lines_of_json_and_other_separators_are_read() -> None:
    columns = {"a": RNG.random(30), "b": RNG.random(30), "y": RNG.random(30)}
    write("rows.jsonl", columns)
    init("rows.jsonl", "--target", "y")
    trains("rows.yaml")
    csv.write_csv(pa.table(columns), "semicolons.csv", csv.WriteOptions(delimiter=";"))
    text = init("semicolons.csv", "--target", "y")
    assert 'delimiter: ";"' in text
    trains("semicolons.yaml")


def test_arrays_of_numpy_and_the_files_of_mnist_are_read() -> None:
    np.savez("arrays.npz", image=RNG.random((40, 3, 4)), kind=np.arange(40) % 2)
    assert "  image: float[N, 12]" in init("arrays.npz", "--target", "kind")
    trains("arrays.yaml")
    pixels = RNG.integers(0, 256, (40, 5, 5)).astype(np.uint8)
    head = b"".join(n.to_bytes(4, "big") for n in (0x803, 40, 5, 5))
    Path("train-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
    head = b"".join(n.to_bytes(4, "big") for n in (0x801, 40))
    Path("train-labels-idx1-ubyte").write_bytes(head + bytes(i % 4 for i in range(40)))
    text = init("train-images-idx3-ubyte", "--target", "label")
    assert "  image: scale(1/255)" in text.splitlines()
    trains("train-images-idx3-ubyte.yaml")


def test_what_stands_for_missing_is_left_out_with_its_rows() -> None:
    values = [str(v) for v in RNG.random(40)]
    values[3] = values[8] = "NA"
    write("na.csv", {"a": values, "b": RNG.random(40), "y": np.arange(40) % 2})
    text = init("na.csv", "--target", "y")
    assert r'  where: "a != \"NA\""' in text.splitlines()
    trains("na.yaml")


def test_a_class_of_one_row_is_left_out() -> None:
    kinds = ["a", "b"] * 20 + ["alone"]
    write("rare.csv", {"x": RNG.random(41), "kind": kinds})
    text = init("rare.csv", "--target", "kind")
    assert "# left out: a class of one row cannot be learned and measured" in text
    trains("rare.yaml")


def test_classes_of_unlike_sizes_are_told_with_what_undoes_it() -> None:
    write("rare.csv", {"x": RNG.random(120), "fraud": (np.arange(120) % 12 == 0).astype(int)})
    text = init("rare.csv", "--target", "fraud")
    assert "# Class 0 is 11 times as frequent as 1." in text
    assert "`pos_weight=balanced`" in text


def test_names_that_would_collide_are_told_apart() -> None:
    columns = {"Features": list("ab") * 20, "features!": list("cd") * 20, "logits": RNG.random(40)}
    write("names.csv", columns | {"1st": list("xyz") * 13 + ["x"]})
    text = init("names.csv", "--target", "1st")
    assert "  column_1st: int[N]" in text
    trains("names.yaml")


def test_the_suffix_of_the_spec_decides_the_surface() -> None:
    write("rows.csv", {"x": RNG.random(30), "y": RNG.random(30)})
    assert main(["init", "rows.csv", "--target", "y", "-o", "rows.dlc"]) == 0
    assert Path("rows.dlc").read_text().startswith("# A first spec")
    assert main(["fmt", "--check", "rows.dlc"]) == 0
    trains("rows.dlc")


def test_a_spec_that_is_there_stays_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    write("rows.csv", {"x": RNG.random(30), "y": RNG.random(30)})
    Path("rows.yaml").write_text("mine\n")
    assert main(["init", "rows.csv", "--target", "y"]) == 2
    assert "there is a `rows.yaml` already" in capsys.readouterr().err
    assert Path("rows.yaml").read_text() == "mine\n"
    assert main(["init", "rows.csv", "--target", "y", "--force"]) == 0


@pytest.mark.parametrize("pieces", ["character", "bpe"])
def test_a_text_becomes_a_model_of_its_language(
    pieces: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pieces == "bpe":
        monkeypatch.setattr(language, "_OF_CHARACTERS", 1_000)
    words = ["the", "cat", "sees", "a", "dog", "über", "dem", "haus"]
    lines = [" ".join(RNG.choice(words, 12)) for _ in range(400)]
    Path("story.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = init("story.txt")
    assert f"  tokens: {pieces}(" in text
    assert "400 lines, predicting each " in text
    summary = trains("story.yaml")
    # Chance is the size of the vocabulary: about 20 characters, 1,000 pieces.
    assert summary["test"]["perplexity"] < (10 if pieces == "character" else 900)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["rows.csv"], 2, "needs to know what is predicted"),
        (["rows.csv", "--target", "prise"], 65, "`price` is one"),
        (["rows.cvs", "--target", "price"], 65, "`rows.csv` is there"),
        (["rows.csv", "--target", "same"], 65, "is `1` in every row"),
        (["rows.csv", "--target", "name"], 65, "they are no classes"),
        (["rows.csv", "--target", "empty"], 65, "is missing in every row"),
        (["rows.csv", "--target", "price", "-o", "rows.txt"], 2, "neither a `.yaml` nor"),
        (["rows.csv", "--target", "price", "-o", "deep/rows.yaml"], 2, "is not below `deep`"),
        (["short.csv", "--target", "b"], 65, "too few to train on"),
        (["words.csv", "--target", "y"], 65, "no column of `words.csv` can be used"),
        (["poem.txt"], 65, "too few to train on"),
        (["poem.txt", "--target", "line"], 65, "is text without columns"),
        (["rows.bin", "--target", "y"], 65, "tells no format"),
        (["pictures"], 65, "are not in folders of their class"),
    ],
)
def test_what_cannot_be_drafted_is_told(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        "rows.csv",
        {
            "price": RNG.random(30),
            "same": [1] * 30,
            "name": [f"n{i}" for i in range(30)],
            "empty": [None] * 30,
        },
    )
    write("short.csv", {"a": [1, 2], "b": [1, 2]})
    write("words.csv", {"a": [f"n{i}" for i in range(30)], "y": np.arange(30) % 2})
    Path("poem.txt").write_text("a line\n" * 20)
    Path("rows.bin").write_bytes(b"\0")
    Path("pictures").mkdir()
    Path("pictures/a.png").write_bytes(b"")
    assert main(["init", *words]) == status
    assert said in " ".join(capsys.readouterr().err.split())
    assert not list(Path().glob("**/*.yaml"))


def test_the_answer_for_programs_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    write("rows.csv", {"x": RNG.random(30), "y": RNG.random(30)})
    assert main(["init", "rows.csv", "--target", "y", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert found["spec"] == "rows.yaml"


@pytest.mark.parametrize(
    ("columns", "names", "glob"),
    [
        (("f_1", "f_2"), ("f_1", "f_2", "y"), "f_*"),
        (("a (cm)", "b (cm)"), ("a (cm)", "b (cm)", "y"), "*(cm)"),
        (("f_1", "f_2"), ("f_1", "f_2", "f_y"), None),
        (("a", "b"), ("a", "b", "y"), None),
        (("x[1]", "x[2]"), ("x[1]", "x[2]", "y"), None),
    ],
)
def test_a_glob_matches_these_columns_and_no_others(
    columns: tuple[str, ...], names: tuple[str, ...], glob: str | None
) -> None:
    found = glob_of(columns, names)
    assert found == glob or (glob == "*(cm)" and found == "* (cm)")


def test_larger_data_gets_larger_networks_batches_and_fewer_epochs() -> None:
    small, large = sizes_for(150, 4, 3), sizes_for(100_000, 100, 10)
    assert len(small.hidden) < len(large.hidden)
    assert small.hidden[0] < large.hidden[0]
    assert small.batch_size < large.batch_size
    assert small.epochs > large.epochs
