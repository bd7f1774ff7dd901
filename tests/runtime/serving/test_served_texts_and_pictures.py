"""Texts, pictures and mixed tables: the server does the steps that training did."""

from __future__ import annotations

import base64
import csv
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from serving_tools import running

from dlc.compiler.cli.main import main
from dlc.runtime.inference.predictor import Predictor, open_data

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("torch")

JUDGE = """\
dlc: 1
name: Judge
inputs: {tokens: "int[N, T]", lengths: "int[N]", padding: "bool[N, T]"}
layers:
  - {from: tokens, embedding: {num_embeddings: 60, embedding_dim: 8}}
  - masked_mean: {padding_mask: padding}
  - linear: 2
    output: logits
targets: {label: "int[N]"}
data: {source: reviews.csv, columns: {tokens: text, label: verdict}, batch_size: 16,
  split: {train: 0.6, validation: 0.2, test: 0.2}}
preprocess: {tokens: [lowercase, "word(vocabulary=60, lengths=lengths, mask=padding)"]}
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, label)
optimizer: adam(lr=0.05)
train: {epochs: 3}
"""
COLOURS = """\
dlc: 1
name: Colours
inputs: {image: "float[N, 3, 8, 8]"}
layers:
  - flatten
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data: {source: pictures, batch_size: 8,
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: label}}
preprocess: {image: ["resize(8, 8)", standardize]}
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, label)
optimizer: adam(lr=0.01)
train: {epochs: 3}
"""
SALES = """\
dlc: 1
name: Sales
inputs: {numbers: "float[N, 4]", city: "float[N, 4]", url: "int[N]", sold: "float[N, 4]",
  tags: "float[N, 4]"}
layers:
  - {from: url, embedding: [16, 3], name: u}
  - {from: "[numbers, city, tags, sold, u]", concat: {dim: 1}}
  - linear: 1
    output: price
targets: {value: "float[N, 1]"}
data:
  source: sales.csv
  columns: {numbers: [a, b], city: city, url: url, tags: tags, sold: sold, value: price}
  split: {train: 0.6, validation: 0.2, test: 0.2}
preprocess:
  numbers: ["impute(median, indicator=true)", standardize]
  city: ["vocabulary(max_size=4)", one_hot(4)]
  url: hashing(16)
  tags: "multi_hot(4, separator=';')"
  sold: "cyclic([month, weekday])"
loss: mse_loss(price, value)
optimizer: adam(lr=0.01)
train: {epochs: 1}
"""
GOOD, BAD = ("good", "great", "lovely"), ("bad", "awful", "dull")
CITIES = ("Oslo", "Rome", "Łódź", "Bonn")


def trained(root, spec, name):
    path = root / f"{name}.yaml"
    path.write_text(spec)
    assert main(["train", str(path), "--run", str(root / name), "--device", "cpu"]) == 0
    assert main(["export", str(root / name)]) == 0
    return root / name / "model.onnx"


def written(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def picture(red, green, blue, size=(12, 9), kind="PNG"):
    content = io.BytesIO()
    Image.new("RGB", size, (red, green, blue)).save(content, kind)
    return content.getvalue()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server of a text, a picture and a table model, and the folder of their data."""
    root = tmp_path_factory.mktemp("served")
    draw = np.random.default_rng(0)
    texts = []
    for _ in range(120):
        good = bool(draw.integers(2))
        words = [*draw.choice(("the", "film", "was", "so"), draw.integers(1, 20))]
        words += [*draw.choice(GOOD if good else BAD, 2)]
        texts.append((" ".join(words), "liked" if good else "disliked"))
    written(root / "reviews.csv", ("text", "verdict"), texts)
    sales = [
        (
            "" if draw.random() < 0.2 else round(draw.normal(), 3),
            round(draw.normal(5, 2), 3),
            draw.choice(CITIES),
            f"http://x/{draw.integers(30)}",
            ";".join(draw.choice(["a", "b", "c"], draw.integers(1, 4))),
            f"2024-{draw.integers(1, 13):02}-{draw.integers(1, 28):02}",
            round(draw.normal(), 3),
        )
        for _ in range(60)
    ]
    written(root / "sales.csv", ("a", "b", "city", "url", "tags", "sold", "price"), sales)
    for index in range(30):
        place = root / "pictures" / ("red", "green", "blue")[index % 3]
        place.mkdir(parents=True, exist_ok=True)
        channels = draw.integers(0, 60, 3)
        channels[index % 3] += 150
        (place / f"{index:02}.png").write_bytes(picture(*map(int, channels)))
    models = {
        "judge": trained(root, JUDGE, "judge"),
        "colours": trained(root, COLOURS, "colours"),
        "sales": trained(root, SALES, "sales"),
    }
    with running(models, grpc=True) as server:
        yield server, root, models


def texts_asked(*texts):
    return {
        "inputs": [{"name": "tokens", "shape": [len(texts)], "datatype": "BYTES", "data": texts}],
        "outputs": [{"name": "logits"}, {"name": "logits_label"}],
    }


def expected(model, path):
    predictor = Predictor(path=model, provider="cpu")
    parts = list(predictor.answers(open_data(path)))
    return {n: np.concatenate([part.outputs[n] for part in parts]) for n in parts[0].outputs}


def test_texts_are_cut_into_pieces_as_prediction_does(served):
    server, root, models = served
    metadata = server.ask("/v2/models/judge").json
    assert metadata["inputs"] == [{"name": "tokens", "datatype": "BYTES", "shape": [-1]}]
    with (root / "reviews.csv").open(encoding="utf-8") as file:
        texts = [line["text"] for line in csv.DictReader(file)]
    wanted = expected(models["judge"], root / "reviews.csv")
    logits, labels = server.ask("/v2/models/judge/infer", texts_asked(*texts)).json["outputs"]
    np.testing.assert_allclose(
        np.reshape(logits["data"], (-1, 2)), wanted["logits"], rtol=1e-4, atol=1e-5
    )
    assert labels["data"] == wanted["logits_label"].tolist()
    answers = server.ask("/v2/models/judge/rows", {"rows": [{"text": t} for t in texts]}).json
    assert [a["logits"]["label"] for a in answers["answers"]] == labels["data"]


def test_a_text_has_its_answer_whatever_shares_its_batch(served):
    """Texts of many lengths at once: each as if it had been alone."""
    server, *_ = served
    texts = ["good", "the film was " * 30 + "bad", "", "so " * 7 + "lovely", "awful"] * 12

    def ask(text):
        return server.ask("/v2/models/judge/infer", texts_asked(text)).json["outputs"][0]["data"]

    alone = [ask(text) for text in texts]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, texts))
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_tokens_are_taken_for_texts_with_all_that_belongs_to_them(served):
    server, _, models = served
    columns = Predictor(path=models["judge"], provider="cpu").feeding.columns(
        {"tokens": np.array(["the film was good"], object)}
    )
    ids = columns["tokens"].values.tolist()
    tokens = {"name": "tokens", "shape": [1, len(ids)], "datatype": "INT64", "data": ids}
    lengths = {"name": "lengths", "shape": [1], "datatype": "INT64", "data": [len(ids)]}
    mask = {
        "name": "padding",
        "shape": [1, len(ids)],
        "datatype": "BOOL",
        "data": [False] * len(ids),
    }
    known = Predictor(path=models["judge"], provider="cpu").types
    inputs = [t for t in (tokens, lengths, mask) if t["name"] in known]
    ours = server.ask("/v2/models/judge/infer", {"inputs": inputs}).json["outputs"][0]["data"]
    raw = server.ask("/v2/models/judge/infer", texts_asked("the film was good")).json
    np.testing.assert_allclose(ours, raw["outputs"][0]["data"], rtol=1e-4, atol=1e-5)
    assert server.ask("/v2/models/judge/infer", {"inputs": [tokens]}).status == 400
    both = {"inputs": [texts_asked("a")["inputs"][0], mask]}
    assert "leave it out" in server.ask("/v2/models/judge/infer", both).json["error"]


@pytest.mark.parametrize("text", ["\ud800", 7, None, ["a"]])
def test_what_is_no_text_is_400(text, served):
    server, *_ = served
    assert server.ask("/v2/models/judge/rows", {"rows": [{"text": text}]}).status == 400
    assert server.ask("/v2/models/judge/infer", texts_asked(text)).status == 400


def test_pictures_are_files_or_pixels(served):
    server, *_ = served
    (given,) = server.ask("/v2/models/colours").json["inputs"]
    assert (given["datatype"], given["shape"]) == ("UINT8", [-1, -1, -1, 3])
    files = [picture(200, 0, 0), picture(0, 0, 200, (30, 20), "JPEG"), picture(9, 199, 9, (8, 8))]
    rows = [{"image": base64.b64encode(content).decode()} for content in files]
    rows[1]["image"] = "data:image/jpeg;base64," + rows[1]["image"]
    column = server.ask("/v2/models/colours/form").json["inputs"][0]["fields"][0]["columns"][0]
    rows = [{column: row["image"]} for row in rows]
    answer = server.ask("/v2/models/colours/rows", {"rows": rows})
    assert answer.status == 200, answer.body
    labels = [a["logits"]["label"] for a in answer.json["answers"]]
    assert labels == ["red", "blue", "green"]
    pixels = np.full((1, 8, 8, 3), (9, 199, 9), np.uint8)
    asked = {"name": "image", "shape": [1, 8, 8, 3], "datatype": "UINT8", "data": pixels.tolist()}
    outputs = server.ask("/v2/models/colours/infer", {"inputs": [asked]}).json["outputs"]
    assert outputs[-1]["data"] == ["green"]


def test_pictures_come_in_binary_from_the_client_of_triton(served):
    server, *_ = served
    triton = pytest.importorskip("tritonclient.grpc")
    files = [picture(200, 0, 0), picture(0, 0, 200, (30, 20)), picture(9, 199, 9, (8, 8))]
    given = triton.InferInput("image", [3], "BYTES")
    given.set_data_from_numpy(np.array(files, object))
    client = triton.InferenceServerClient(f"127.0.0.1:{server.address.grpc}")
    found = client.infer("colours", [given]).as_numpy("logits_label")
    assert found.tolist() == [b"red", b"blue", b"green"]
    client.close()


@pytest.mark.parametrize(
    "content", ["", "no base64!", "/etc/passwd", "aGVsbG8=", "data:image/png;base64,", "../a.png"]
)
def test_what_is_no_picture_is_400_and_no_file_is_opened(content, served):
    server, *_ = served
    answer = server.ask("/v2/models/colours/rows", {"rows": [{"image": content}]})
    assert answer.status == 400
    assert "passwd" not in answer.json["error"]


def test_a_picture_that_would_fill_the_memory_is_refused(served):
    server, *_ = served
    content = io.BytesIO()
    Image.new("1", (9000, 9000)).save(content, "PNG")
    row = {"image": base64.b64encode(content.getvalue()).decode()}
    answer = server.ask("/v2/models/colours/rows", {"rows": [row]})
    assert answer.status == 400
    assert "megapixels" in answer.json["error"]


def test_a_table_of_mixed_columns_is_answered_as_prediction_does(served):
    server, root, models = served
    wanted = expected(models["sales"], root / "sales.csv")["price"]
    rows = []
    with (root / "sales.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            numbers = {name: float(line[name]) if line[name] else None for name in ("a", "b")}
            rows.append({**line, **numbers})
    answer = server.ask("/v2/models/sales/rows", {"rows": rows})
    assert answer.status == 200, answer.body
    found = [a["price"]["value"] for a in answer.json["answers"]]
    np.testing.assert_allclose(found, wanted[:, 0], rtol=1e-4, atol=1e-5)
    for change in ({"sold": "soon"}, {"city": 1.5}, {"b": "x"}, {"url": None}):
        assert server.ask("/v2/models/sales/rows", {"rows": [{**rows[0], **change}]}).status == 400
    rows[0]["tags"] = ["a", "b"]
    assert server.ask("/v2/models/sales/rows", {"rows": rows[:1]}).status == 200
