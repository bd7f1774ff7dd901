"""From a spec or a run to a file that passed the gate."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from dlc.compiler import Source, check
from dlc.compiler.cli.main import main
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.failures import Failure

torch = pytest.importorskip("torch")

from dlc.runtime.export import exporter  # noqa: E402
from dlc.runtime.export.exporter import export_network  # noqa: E402
from dlc.runtime.export.sources import of_run, of_spec  # noqa: E402

SMALL = """\
dlc: 1
name: Small
inputs:
  image: float[N, 1, 8, 8]
layers:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - batch_norm2d
  - relu
  - flatten
  - dropout: 0.5
  - linear: 5
    output: logits
postprocess:
  logits: [softmax, labels]
"""

SEQUENCE = """\
dlc: 1
name: Sequence
dims: {T: 1..12}
inputs:
  tokens: int[N, T]
  lengths: int[N]
layers:
  - from: tokens
    embedding: {num_embeddings: 11, embedding_dim: 6}
  - lstm: {hidden_size: 5, bidirectional: true, lengths: lengths, return_sequences: false}
  - linear: 2
    output: score
"""


def network(text, *sets):
    result = check(Source("spec.yaml", text), sets=sets)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return of_spec(result.compilation)


def info_of(path):
    return ModelInfo.read({p.key: p.value for p in onnx.load(path).metadata_props}, str(path))


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def run(path, feeds):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, feeds)
    return dict(zip([o.name for o in session.get_outputs()], found, strict=True))


@pytest.fixture
def wrong_weights(monkeypatch):
    """The file gets other numbers than the module."""
    right = exporter.network_state
    monkeypatch.setattr(
        exporter,
        "network_state",
        lambda *network: {k: v + 0.01 for k, v in right(*network).items()},
    )


def test_a_spec_becomes_a_file_that_tells_about_itself(tmp_path):
    out = tmp_path / "small.onnx"
    exported = export_network(network(SMALL), out)
    model = onnx.load(out)
    assert (model.producer_name, model.ir_version, model.opset_import[0].version) == ("dlc", 9, 20)
    assert [o.name for o in model.graph.output] == [
        "logits",
        "logits_probabilities",
        "logits_label",
    ]
    assert not any("num_batches_tracked" in t.name for t in model.graph.initializer)
    assert "Dropout" not in {n.op_type for n in model.graph.node}
    info = info_of(out)
    assert info.name == "Small"
    assert info.labels == {"logits": ("0", "1", "2", "3", "4")}
    assert info.parity["ok"] is True
    assert info.parity["sizes"] == {"N": [1, 3]}
    again = check(Source("again.yaml", info.spec)).compilation
    assert again is not None
    assert again.digest == info.digest
    assert exported.parity.ok
    assert names(tmp_path) == ["small.onnx"]


def test_probabilities_are_compared_where_logits_are_beyond_every_exponential(tmp_path):
    spec = """\
dlc: 1
name: Steep
inputs:
  x: float[N, 4]
layers:
  - linear: {out_features: 2, init: constant(1e6)}
    output: logits
postprocess:
  logits: sigmoid
"""
    exported = export_network(network(spec), tmp_path / "steep.onnx")
    assert exported.parity.ok


def test_equal_networks_give_equal_files_without_paths(tmp_path):
    (tmp_path / "one").mkdir()
    first, second = tmp_path / "one" / "a.onnx", tmp_path / "b.onnx"
    export_network(network(SMALL), first)
    export_network(network(SMALL), second)
    assert first.read_bytes() == second.read_bytes()
    assert str(tmp_path).encode() not in first.read_bytes()


@pytest.mark.parametrize("opset", [20, 23])
def test_sizes_and_lengths_stay_open(tmp_path, opset):
    exported = export_network(network(SEQUENCE), tmp_path / "s.onnx", opset)
    assert exported.parity.kinds == ["draw", "draw", "extremes", "padding"]
    assert exported.parity.record()["sizes"] == {"N": [1, 3], "T": [5, 9]}
    for rows, length in ((1, 1), (4, 12)):
        feeds = {
            "tokens": np.ones((rows, length), np.int64),
            "lengths": np.full(rows, length),
        }
        assert run(tmp_path / "s.onnx", feeds)["score"].shape == (rows, 2)


def test_dims_that_are_not_dynamic_are_closed(tmp_path):
    export_network(network(SEQUENCE + "export: {dynamic: [N]}\n"), tmp_path / "s.onnx")
    shape = onnx.load(tmp_path / "s.onnx").graph.input[0].type.tensor_type.shape
    assert (shape.dim[0].dim_param, shape.dim[1].dim_value) == ("N", 12)
    unbounded = SEQUENCE.replace("dims: {T: 1..12}\n", "") + "export: {dynamic: [N]}\n"
    with pytest.raises(Failure) as caught:
        export_network(network(unbounded), tmp_path / "u.onnx")
    assert caught.value.diagnostic.code.number == "E0403"


@pytest.mark.parametrize("outside", [False, True])
def test_a_file_that_computes_something_else_is_not_written(tmp_path, wrong_weights, outside):
    out = tmp_path / "small.onnx"
    out.write_bytes(b"before")
    with pytest.raises(Failure) as caught:
        export_network(network(SMALL), out, outside_bytes=0 if outside else 1 << 30)
    failure = caught.value
    assert (failure.diagnostic.code.number, failure.exit_code) == ("E0601", 1)
    assert "`logits` (draw, N=1)" in failure.diagnostic.notes[0]
    assert names(tmp_path) == ["small.onnx"]
    assert out.read_bytes() == b"before"


def test_large_weights_go_to_a_file_beside(tmp_path):
    folder = tmp_path / "first"
    exported = export_network(network(SMALL), folder / "small.onnx", outside_bytes=0)
    assert exported.outside is not None
    assert names(folder) == sorted(["small.onnx", exported.outside.name])
    x = np.random.default_rng(0).standard_normal((2, 1, 8, 8)).astype(np.float32)
    export_network(network(SMALL), tmp_path / "whole.onnx")
    moved = tmp_path / "moved"
    shutil.move(folder, moved)
    np.testing.assert_array_equal(
        run(moved / "small.onnx", {"image": x})["logits"],
        run(tmp_path / "whole.onnx", {"image": x})["logits"],
    )


def test_the_old_outside_weights_go_when_the_file_is_replaced(tmp_path):
    out = tmp_path / "small.onnx"
    first = export_network(network(SMALL), out, outside_bytes=0).outside
    second = export_network(network(SMALL, "train.seed=5"), out, outside_bytes=0).outside
    assert first != second
    assert names(tmp_path) == sorted([out.name, second.name])
    export_network(network(SMALL), out)
    assert names(tmp_path) == [out.name]


def test_a_run_brings_its_preprocessing_words_and_figures(trained):
    model = onnx.load(trained.model)
    info = info_of(trained.model)
    assert {"preprocess.measures.0/Sub", "preprocess.measures.0/Div"} <= {
        n.name for n in model.graph.node
    }
    assert info.labels == {"logits": ("iris", "lily", "rose")}
    assert info.inputs["measures"].columns == ("m_2", "m_0", "m_3", "m_1")
    assert info.inputs["measures"].steps == ("standardize",)
    assert {"val_loss", "val_accuracy", "test_loss", "test_accuracy"} == set(info.metrics)
    assert info.data is not None
    assert info.data.classes == {"kind": ("iris", "lily", "rose")}
    assert info.data.split["seed"] == 3


def test_the_weights_of_a_run_are_those_of_its_checkpoint(trained):
    from safetensors.numpy import load_file

    last = sorted((trained.run / "checkpoints").iterdir())[-1]
    saved = load_file(last / "model.safetensors")
    for name, value in of_run(trained.run).module.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), saved[name])


def test_a_damaged_checkpoint_is_not_exported(trained, tmp_path):
    run_folder = tmp_path / "run"
    shutil.copytree(trained.run, run_folder)
    for checkpoint in (run_folder / "checkpoints").iterdir():
        weights = checkpoint / "model.safetensors"
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    with pytest.raises(Failure) as caught:
        of_run(run_folder)
    assert caught.value.diagnostic.code.number == "E0608"


def test_the_command_writes_into_the_run_folder(trained, tmp_path, capsys):
    run_folder = tmp_path / "run"
    shutil.copytree(trained.run, run_folder)
    before = (run_folder / "model.onnx").read_bytes()
    (run_folder / "model.onnx").unlink()
    assert main(["export", str(run_folder), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["parity"]["ok"] is True
    assert found["inputs"] == {"measures": "float[N, 4]"}
    assert (run_folder / "model.onnx").read_bytes() == before


def test_the_command_exports_initial_weights_when_asked(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    assert main(["export", "small.yaml"]) == 2
    assert "`dlc export small.yaml --untrained`" in capsys.readouterr().err
    assert main(["export", "small.yaml", "--untrained"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("wrote build/small/model.onnx: ")
    assert "initial weights" in told
    assert main(["export", "small.yaml", "--untrained", "-o", "x.pt"]) == 2


def test_the_command_refuses_in_one_line_without_torch(trained):
    program = f"""
import sys
sys.modules["torch"] = None
from dlc.compiler.cli.main import main
sys.exit(main(["export", {str(trained.run)!r}]))
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[0] == (
        "error[E0603]: `dlc export` needs PyTorch: pip install 'dlc[train]'"
    )


def test_a_failure_of_parity_is_exit_code_one(tmp_path, wrong_weights, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    assert main(["export", "small.yaml", "--untrained", "-o", "x.onnx"]) == 1
    assert "E0601" in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()
