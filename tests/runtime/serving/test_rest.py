"""The REST side of a server: metadata, tensors in JSON and in binary, rows of a table."""

from __future__ import annotations

import json

import numpy as np
import pytest
from serving_tools import row, tensor

from dlc.runtime.inference.predictor import Predictor


def test_health_and_metadata_are_those_of_the_protocol(flowers):
    assert flowers.ask("/v2/health/live").json == {"live": True}
    assert flowers.ask("/v2/health/ready").json == {"ready": True}
    assert flowers.ask("/v2/models/flowers/ready").status == 200
    server = flowers.ask("/v2").json
    assert server["name"] == "dlc"
    assert "binary_tensor_data" in server["extensions"]
    found = flowers.ask("/v2/models/flowers/versions/1").json
    assert found["inputs"] == [{"name": "measures", "datatype": "FP32", "shape": [-1, 4]}]
    assert found["outputs"][-1] == {"name": "logits_label", "datatype": "BYTES", "shape": [-1]}
    assert flowers.ask("/v2/models/flowers/versions/2").status == 404
    assert flowers.ask("/v2/models/nothing").json == {"error": "there is no model `nothing`"}


def test_tensors_in_json_are_answered_as_the_predictor_does(flowers, trained):
    values = [[1100, 1080, 1130, 1090], [980.5, 1010, 1000, 1020]]
    expected = Predictor(path=trained.model, provider="cpu").run_batch(
        {"measures": np.array(values, np.float32)}, 2
    )
    for data in (values, [v for line in values for v in line]):
        found = flowers.ask("/v2/models/flowers/infer", {**tensor(data, (2, 4)), "id": "a1"}).json
        assert (found["model_name"], found["model_version"], found["id"]) == ("flowers", "1", "a1")
        outputs = {output["name"]: output for output in found["outputs"]}
        np.testing.assert_allclose(
            np.reshape(outputs["logits"]["data"], (2, 3)), expected["logits"], rtol=1e-6
        )
        assert outputs["logits_label"]["data"] == expected["logits_label"].tolist()


def test_only_the_outputs_that_are_asked_for_are_given(flowers):
    asked = {**tensor([1, 2, 3, 4]), "outputs": [{"name": "logits_label"}]}
    found = flowers.ask("/v2/models/flowers/infer", asked).json
    assert [output["name"] for output in found["outputs"]] == ["logits_label"]


def test_binary_tensors_go_both_ways(flowers):
    values = np.array([[1100, 1080, 1130, 1090]], np.float32)
    head = {
        "inputs": [
            {
                "name": "measures",
                "shape": [1, 4],
                "datatype": "FP32",
                "parameters": {"binary_data_size": values.nbytes},
            }
        ],
        "outputs": [
            {"name": "logits", "parameters": {"binary_data": True}},
            {"name": "logits_label", "parameters": {"binary_data": True}},
        ],
    }
    text = json.dumps(head).encode()
    answer = flowers.ask(
        "/v2/models/flowers/infer",
        text + values.tobytes(),
        headers={"Inference-Header-Content-Length": str(len(text))},
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    size = int(answer.headers["inference-header-content-length"])
    described = json.loads(answer.body[:size])["outputs"]
    assert [d["parameters"]["binary_data_size"] for d in described] == [12, 8]
    assert answer.body[size + 12 :] == b"\x04\x00\x00\x00rose"
    plain = flowers.ask("/v2/models/flowers/infer", tensor(values.tolist())).json["outputs"]
    np.testing.assert_allclose(
        np.frombuffer(answer.body[size : size + 12], np.float32), plain[0]["data"], rtol=1e-6
    )


def test_the_best_classes_are_named(flowers):
    asked = {
        **tensor([1100, 1080, 1130, 1090]),
        "outputs": [{"name": "logits_probabilities", "parameters": {"classification": 2}}],
    }
    (output,) = flowers.ask("/v2/models/flowers/infer", asked).json["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
    first, second = (text.split(":") for text in output["data"])
    assert first[1:] == ["2", "rose"]
    assert float(first[0]) > float(second[0])


def test_numbers_that_are_not_finite_are_null_in_json(flowers):
    given = np.array([[np.inf, 1.0]], np.float32)
    head = {"inputs": []}
    for kind in ("sums",):
        head["inputs"] = [
            {
                "name": "x",
                "shape": [1, 2],
                "datatype": "FP32",
                "parameters": {"binary_data_size": 8},
            }
        ]
        text = json.dumps(head).encode()
        answer = flowers.ask(
            f"/v2/models/{kind}/infer",
            text + given.tobytes(),
            headers={"Inference-Header-Content-Length": str(len(text))},
        )
        assert answer.json["outputs"][0]["data"] == [None]


def test_rows_are_answered_in_words(flowers):
    found = flowers.ask("/v2/models/flowers/rows", {"rows": [row(), {**row(), "extra": 1}]}).json
    first, second = found["answers"]
    assert first == second
    assert first["logits"]["label"] == "rose"
    chances = first["logits"]["probabilities"]
    assert sorted(chances) == ["iris", "lily", "rose"]
    assert first["logits"]["probability"] == chances["rose"] == max(chances.values())
    assert sum(chances.values()) == pytest.approx(1, abs=1e-5)


def test_rows_are_those_that_the_predictor_reads(flowers, trained):
    """The order of the columns in a row is nothing; that of the training is."""
    rows = [
        {name: r[name] for name in sorted(r) if name.startswith("m_")}
        for r in trained.table.to_pylist()
    ]
    found = flowers.ask("/v2/models/flowers/rows", {"rows": rows}).json["answers"]
    names = trained.table["name"].to_pylist()
    right = [a["logits"]["label"] == name for a, name in zip(found, names, strict=True)]
    assert np.mean(right) > 0.8


def test_a_model_describes_the_columns_of_its_rows(flowers):
    found = flowers.ask("/v2/models/flowers/form").json
    columns = [c for given in found["inputs"] for f in given["fields"] for c in f["columns"]]
    assert sorted(columns) == ["m_0", "m_1", "m_2", "m_3"]
    assert found["outputs"][0]["classes"] == ["iris", "lily", "rose"]


def test_the_page_and_nothing_else_is_at_the_root(flowers):
    answer = flowers.ask("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert flowers.ask("/page.js").status == 200
    for path in ("/form.py", "/../form.py", "/%2e%2e/form.py", "/..%2fform.py", "/nothing.js"):
        assert flowers.ask(path).status == 404


def test_what_a_model_counts_is_told(flowers):
    flowers.ask("/v2/models/flowers/infer", tensor([1, 2, 3, 4]))
    (stats,) = flowers.ask("/v2/models/flowers/stats").json["model_stats"]
    assert stats["inference_count"] >= stats["execution_count"] >= 1
    assert len(flowers.ask("/v2/models/stats").json["model_stats"]) == 3
    text = flowers.ask("/metrics").body.decode()
    assert 'dlc_requests_total{model="flowers",protocol="http",status="200"}' in text
    assert 'dlc_rows_total{model="flowers"}' in text


def test_a_page_of_another_site_is_refused(flowers):
    """Its name may be made to point at this machine."""
    assert flowers.ask("/v2", headers={"Host": "evil.example:8000"}).status == 403
    assert flowers.ask("/v2", headers={"Host": "localhost:1"}).status == 200
    assert flowers.ask("/v2", headers={"Host": "[::1]:1"}).status == 200


def test_rows_of_different_lengths_have_each_its_answer(flowers):
    rows = [{"x": list(range(n))} for n in (3, 1, 2, 3, 40)]
    found = flowers.ask("/v2/models/sums/rows", {"rows": rows}).json["answers"]
    assert [answer["y"]["value"] for answer in found] == [3, 0, 1, 3, 780]
    assert flowers.ask("/v2/models/sums/rows", {"rows": [{"x": []}]}).status == 400
