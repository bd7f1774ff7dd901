"""What a layer inside a model gives, as a table: against PyTorch's own modules."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from pyarrow import csv, parquet

pytest.importorskip("torch")
import torch

from dlc.compiler.cli.main import main
from dlc.runtime.export.exporter import export_network
from dlc.runtime.export.sources import of_run
from dlc.runtime.inference.features import FeatureExtractor, read_nodes
from dlc.runtime.inference.predictor import open_data


@pytest.fixture
def features(capsys):
    """Runs the command; gives the status and both streams."""

    def run(*words):
        status = main(["features", *map(str, words)])
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    return run


def hidden(trained):
    """What the activation before the last layer gives, by the module of the run."""
    network = of_run(trained.run)
    statistics = network.preprocessing.inputs["measures"].statistics[0]
    raw = np.stack([trained.table[f"m_{i}"].to_numpy() for i in (2, 0, 3, 1)], axis=1)
    given = (raw - statistics["mean"]) / statistics["std"]
    with torch.no_grad():
        first = network.module.eval().linear(torch.tensor(given, dtype=torch.float32))
    return torch.relu(first).numpy()


def test_a_run_and_its_file_give_what_the_last_layer_takes(features, trained, tmp_path):
    expected = hidden(trained)
    for name, model in (("run", trained.run), ("file", trained.model)):
        out = tmp_path / f"{name}.parquet"
        status, told, err = features(model, trained.data, "-o", out, "--keep", "name")
        assert (status, err) == (0, "")
        assert "`relu`, float[N, 16], of 120 rows" in told
        found = parquet.read_table(out)
        assert found.column_names == ["row", "name", "relu"]
        assert found.schema.field("relu").type == pa.list_(pa.float32(), 16)
        assert found["row"].to_pylist() == list(range(1, 121))
        assert found["name"].to_pylist() == trained.table["name"].to_pylist()
        np.testing.assert_allclose(np.array(found["relu"].to_pylist()), expected, atol=1e-5)


def test_the_size_of_chunks_changes_nothing(features, trained, tmp_path):
    for size in (7, 120):
        features(
            trained.model, trained.data, "-o", tmp_path / f"{size}.parquet", "--batch-size", size
        )
    few, all_ = (parquet.read_table(tmp_path / f"{size}.parquet") for size in (7, 120))
    assert few["row"] == all_["row"]
    np.testing.assert_allclose(
        np.array(few["relu"].to_pylist()), np.array(all_["relu"].to_pylist()), atol=1e-6
    )


def test_delimited_files_have_a_column_for_each_number(features, trained, tmp_path):
    out = tmp_path / "f.csv"
    assert features(trained.model, trained.data, "-o", out, "--limit", 5)[0] == 0
    found = csv.read_csv(out)
    assert found.column_names == ["row", *(f"relu_{i}" for i in range(16))]
    values = np.stack([found[f"relu_{i}"].to_numpy() for i in range(16)], axis=1)
    np.testing.assert_allclose(values, hidden(trained)[:5], atol=1e-5)


def test_inputs_and_outputs_are_nodes_too(features, trained, tmp_path):
    out = tmp_path / "f.parquet"
    features(trained.model, trained.data, "-o", out, "--node", "measures")
    scaled = np.array(parquet.read_table(out)["measures"].to_pylist())
    rows = of_run(trained.run).preprocessing.inputs["measures"].statistics[0]
    raw = np.stack([trained.table[f"m_{i}"].to_numpy() for i in (2, 0, 3, 1)], axis=1)
    np.testing.assert_allclose(scaled, (raw - rows["mean"]) / rows["std"], atol=1e-4)
    features(trained.model, trained.data, "-o", out, "--node", "logits")
    assert np.array(parquet.read_table(out)["logits"].to_pylist()).shape == (120, 3)


def test_the_nodes_are_listed_in_the_order_of_the_spec(features, trained):
    status, out, _ = features(trained.run, "--list", "--format", "json")
    found = json.loads(out)
    assert status == 0
    assert list(found["nodes"]) == ["measures", "linear", "relu", "logits"]
    assert found["nodes"]["relu"] == {"dtype": "float", "shape": ["N", 16]}
    assert found["default"] == "relu"
    assert "relu      float[N, 16]  (default)" in features(trained.model, "--list")[1]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--node", "rellu"], 2, "E0707]: there is no node `rellu`"),
        (["--node", "rellu"], 2, "a similar name: `relu`"),
        (["--node", "zzz"], 2, "`measures`, `linear`, `relu`, `logits`"),
        (["--keep", "nane"], 65, "E0605"),
        (["--keep", "id", "--keep", "id"], 2, "E0311"),
        (["-o", "f.xlsx"], 2, "E0611"),
    ],
)
def test_mistakes_are_told_with_a_code(features, trained, tmp_path, words, status, said):
    out = tmp_path / "f.parquet"
    found, told, err = features(trained.model, trained.data, "-o", out, *words)
    assert (found, told) == (status, "")
    assert said in err
    assert not list(tmp_path.iterdir())


def test_what_is_missing_on_the_line_is_told(features, trained):
    assert "no data" in features(trained.model)[2]
    assert "no `-o`" in features(trained.model, trained.data)[2]
    assert features(trained.model, trained.data, "-o", trained.data)[0] == 2


def test_weights_in_a_file_of_their_own_are_found(features, trained, tmp_path):
    model = tmp_path / "model.onnx"
    assert export_network(of_run(trained.run), model, outside_bytes=1).outside
    # 16 × 4 numbers are too few for the other file; the weight is put there by hand.
    proto = onnx.load(model)
    onnx.save(proto, model, save_as_external_data=True, size_threshold=0, location="w.data")
    out = tmp_path / "f.parquet"
    assert features(model, trained.data, "-o", out)[0] == 0
    found = np.array(parquet.read_table(out)["relu"].to_pylist())
    np.testing.assert_allclose(found, hidden(trained), atol=1e-5)


def foreign(path):
    """A file that dlc did not write: y = relu(x W), s = sum of W, and a branch of `z`."""
    weight = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["xw"]),
            helper.make_node("Relu", ["xw"], ["y"]),
            helper.make_node("ReduceSum", ["w"], ["s"], keepdims=0),
            helper.make_node("Neg", ["z"], ["nz"]),
        ],
        "foreign",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 2]),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, ["B"]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 3]),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("nz", TensorProto.FLOAT, ["B"]),
        ],
        [helper.make_tensor("w", TensorProto.FLOAT, [2, 3], weight.reshape(-1))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, path)
    return weight


def test_a_foreign_file_has_the_names_of_its_graph(features, tmp_path):
    weight = foreign(tmp_path / "m.onnx")
    rows = np.array([[1, 2], [3, -4], [0, 5]], np.float32)
    # No column `z`: what does not lead to the node is not asked for.
    parquet.write_table(pa.table({"x": list(rows)}), tmp_path / "x.parquet")
    listed = json.loads(features(tmp_path / "m.onnx", "--list", "--format", "json")[1])
    assert list(listed["nodes"]) == ["x", "z", "xw", "y", "s", "nz"]
    assert listed["nodes"]["xw"] == {"dtype": "float", "shape": ["B", 3]}
    out = tmp_path / "f.parquet"
    call = (tmp_path / "m.onnx", tmp_path / "x.parquet", "-o", out)
    status, _, err = features(*call)
    assert status == 2
    assert "--node" in err
    assert features(*call, "--node", "xw")[0] == 0
    np.testing.assert_array_equal(
        np.array(parquet.read_table(out)["xw"].to_pylist()), rows @ weight
    )
    status, _, err = features(*call, "--node", "s")
    assert status == 65
    assert "E0708" in err


def test_a_file_needs_no_torch(trained, tmp_path):
    out = tmp_path / "f.parquet"
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from dlc.compiler.cli.main import main\n"
        f"sys.exit(main(['features', {str(trained.model)!r}, {str(trained.data)!r}, '-o', "
        f"{str(out)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert parquet.read_metadata(out).num_rows == 120


def test_a_node_that_leads_nowhere_else_is_all_that_is_computed(trained):
    extractor = FeatureExtractor(path=trained.model, provider="cpu", node="linear")
    (answers,) = extractor.answers(open_data(trained.data), limit=4)
    assert [values.shape for values in answers.outputs.values()] == [(4, 16)]
    nodes, _ = read_nodes(trained.model)
    assert nodes["linear"].value != nodes["relu"].value
