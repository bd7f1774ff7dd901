"""Networks that are trained for a moment and exported in smaller number formats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pyarrow.csv
import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.failures import Failure
from dlc.runtime.inference.evaluator import choose_rows, evaluate, model_subject, predictor_subject
from dlc.runtime.inference.predictor import Predictor
from tests.benchmarks.precisions import NETWORKS

torch = pytest.importorskip("torch")

from dlc.runtime.export.exporter import export_network  # noqa: E402
from dlc.runtime.export.precision.measured import Bench  # noqa: E402
from dlc.runtime.export.sources import of_run  # noqa: E402

SPECS = Path(__file__).resolve().parents[3] / "specs"
DATA = SPECS / "data"


def texts(folder):
    """Short sentences whose words tell what they are."""
    rng = np.random.default_rng(0)
    lines = ["text,label"]
    for _ in range(400):
        label = int(rng.integers(2))
        words = rng.choice(["a", "the", "film", "it", "was"], rng.integers(3, 9)).tolist()
        words.insert(
            int(rng.integers(len(words))),
            str(rng.choice([["bad", "dull"], ["fine", "good"]][label])),
        )
        lines.append(f"{' '.join(words)},{label}")
    (folder / "texts.csv").write_text("\n".join(lines))
    return str(folder / "texts.csv")


def spec_of(name, folder):
    """The spec and its `--set` of a small network."""
    if name == "lenet":
        text = (SPECS / "digits.yaml").read_text()
        return text.replace("data/digits8x8", str(DATA / "digits8x8")), ("train.epochs=3",)
    if name == "resnet":
        text = NETWORKS["resnet18"][1](folder)[0]
        text = text.replace("64", "8").replace("float[N, 1, 28, 28]", "float[N, 1, 8, 8]")
        text = text.replace("mnist10k", "digits8x8").replace("scale(1/255)", "scale(1/16)")
        text = text.replace("batch_size: 8", "batch_size: 64")
        return text, ("classes=10", "train.epochs=6")
    if name == "mixed":
        text, _ = NETWORKS["mixed"][1](folder)
        return text, ("train.epochs=4",)
    text = (SPECS / f"{name}.yaml").read_text()
    text = text.replace("data/movie_reviews.parquet", texts(folder))
    small = {
        "bilstm": ("vocab=20", "hidden=32", "train.epochs=6", "p=0"),
        "transformer_block": ("vocab=40", "dim=32", "hidden=128", "train.epochs=6", "p=0"),
    }
    return text.replace("{cosine: {warmup_steps: 400}}", "cosine"), small[name]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs by name, each made once."""
    made: dict[str, Path] = {}

    def run(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            text, sets = spec_of(name, folder)
            spec = folder / "spec.yaml"
            spec.write_text(text)
            given = [part for one in sets for part in ("--set", one)]
            arguments = ["train", str(spec), "--root", "/", "--run", str(folder / "run"), *given]
            assert main(arguments) == 0
            made[name] = folder / "run"
        return made[name]

    return run


def info_of(path):
    return ModelInfo.read({p.key: p.value for p in onnx.load(path).metadata_props}, str(path))


CASES = [
    *(("lenet", p) for p in ("fp16", "bf16", "int8", "int8_dynamic")),
    *(("resnet", p) for p in ("fp16", "int8")),
    *(("bilstm", p) for p in ("fp16", "int8_dynamic")),
    *(("transformer_block", p) for p in ("bf16", "int8_dynamic")),
    *(("mixed", p) for p in ("fp16", "int8")),
]


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_a_network_in_a_smaller_format_answers_as_well(trained, tmp_path, name, precision):
    run = trained(name)
    plain = export_network(of_run(run), tmp_path / "plain.onnx", precision="float32")
    found = export_network(of_run(run), tmp_path / "small.onnx", precision=precision)
    report = found.precision
    assert report is not None
    assert plain.precision is None
    assert found.bytes < plain.bytes or [w.code.number for w in found.warnings] == ["W0901"]
    assert report.drop <= report.max_drop == 0.005
    assert report.metric == "accuracy"
    assert report.rows > 20
    # Types outside are those of the float32 file, and so is every name.
    small, large = onnx.load(found.path), onnx.load(plain.path)
    assert list(map(str, small.graph.input)) == list(map(str, large.graph.input))
    assert list(map(str, small.graph.output)) == list(map(str, large.graph.output))
    types = {tensor.data_type for tensor in small.graph.initializer}
    wanted = {"fp16": "FLOAT16", "bf16": "BFLOAT16"}.get(precision, "INT8")
    assert getattr(onnx.TensorProto, wanted) in types
    info = info_of(found.path)
    assert info.precision == json.loads(json.dumps(report.record()))
    values = {n for node in small.graph.node for n in node.output}
    values |= {i.name for i in small.graph.input}
    assert {node.value for node in info.nodes.values()} <= values
    everything = info_of(plain.path)
    assert {*info.nodes, *info.folded} == {*everything.nodes, *everything.folded}
    assert set(info.folded.values()) <= set(everything.nodes)
    told = [warning.code.number for warning in found.warnings]
    assert ("W0902" in told) == (precision == "bf16")
    assert report.emulated == (precision in ("fp16", "bf16"))
    if precision == "bf16":
        with pytest.raises(Failure) as caught:
            model_subject(found.path, "cpu")
        assert "--precision fp16" in str(caught.value.diagnostic.help)
    if report.emulated:
        return
    # What it says of itself is what evaluating it anew gives.
    again = evaluate(model_of(found.path, run), part="validation")
    assert again.metrics["accuracy"] == pytest.approx(report.after, abs=1e-9)
    assert f"numbers are {precision}" in again.runs_on
    before = evaluate(model_of(plain.path, run), part="validation")
    assert before.metrics["accuracy"] == pytest.approx(report.before, abs=1e-9)


def model_of(path, run):
    return replace(model_subject(path, "cpu"), root=of_run(run).root)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_bundle_in_a_smaller_format_proves_itself(trained, tmp_path, capsys, precision):
    run, out = str(trained("lenet")), tmp_path / "bundle"
    assert main(["export", run, "--bundle", str(out), "--precision", precision]) == 0
    assert f"numbers are {precision}" in capsys.readouterr().out
    assert f"numbers are {precision}: accuracy" in (out / "README.md").read_text()
    assert (out / "model.onnx").stat().st_size < (out / "core.onnx").stat().st_size
    assert main(["verify", str(out)]) == 0


def test_a_bundle_that_could_not_prove_itself_is_not_written(trained, tmp_path, capsys):
    run, out = str(trained("lenet")), tmp_path / "bundle"
    assert main(["export", run, "--bundle", str(out), "--precision", "bf16"]) == 1
    assert "E0903" in capsys.readouterr().err
    assert not out.exists()


def test_features_of_a_half_file_have_its_types(trained, tmp_path):
    found = export_network(of_run(trained("lenet")), tmp_path / "half.onnx", precision="fp16")
    info = info_of(found.path)
    dtypes = {path: node.dtype for path, node in info.nodes.items()}
    assert dtypes["image"] == "float"
    assert "float16" in dtypes.values()
    out = tmp_path / "features.parquet"
    path = next(path for path, dtype in dtypes.items() if dtype == "float16")
    data = DATA / "digits8x8.parquet"
    arguments = ["features", str(found.path), str(data), "-o", str(out), "--node", path]
    assert main([*arguments, "--limit", "4"]) == 0


def test_features_of_a_run_have_all_layers_whatever_its_file_has(trained, tmp_path, capsys):
    run, out = trained("lenet"), tmp_path / "features.parquet"
    export_network(of_run(run), tmp_path / "small.onnx", precision="int8")
    gone = sorted(info_of(tmp_path / "small.onnx").folded)
    assert gone
    capsys.readouterr()
    assert main(["features", str(run), "--list"]) == 0
    listed = capsys.readouterr().out
    assert "folded" not in listed
    assert all(f"\n{path} " in listed for path in gone)
    data = str(DATA / "digits8x8.parquet")
    arguments = ["features", str(run), data, "-o", str(out), "--node", gone[0], "--limit", "4"]
    assert main(arguments) == 0


def test_scales_are_taken_from_rows_of_the_training_part(trained, tmp_path):
    run = trained("mixed")
    network = of_run(run)
    plain = export_network(network, tmp_path / "plain.onnx")
    model = onnx.load(plain.path)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    bench = Bench(compilation=network.compilation, root=network.root, properties=properties)
    fed = np.concatenate([given["numbers"] for given in bench.calibration(model)])
    assert len(fed) == 256
    predictor = Predictor(path=plain.path, provider="cpu")
    subject = replace(predictor_subject(predictor), root=network.root)
    samples, _, places = choose_rows(subject, None, "train")
    table = pyarrow.csv.read_csv(network.root / samples.path)
    rows = table.take(samples.rows[places] - 1)
    trained_on = {round(value, 1) for value in rows.column("d").to_pylist()}
    assert {round(float(value), 1) for value in fed[:, 2]} <= trained_on
    others = set(range(len(table))) - set((samples.rows[places] - 1).tolist())
    assert len(others) > 1000


FLOWERS = """\
dlc: 1
name: Flowers
inputs: {measures: "float[N, 2]"}
layers:
%s
    output: logits
targets: {kind: "int[N]"}
data:
  source: flowers.csv
  columns: {measures: "m_*", kind: kind}
  split: {train: 0.5, validation: 0.5, stratify: kind}
loss: cross_entropy(logits, kind)
metrics: accuracy(logits, kind)
optimizer: adam(lr=0.05)
train: {epochs: 20}
"""


def flowers(folder, layers, **settings):
    rng = np.random.default_rng(0)
    lines = ["m_0,m_1,kind"]
    for kind in rng.integers(0, 3, 240):
        x, y = rng.normal([[0, 0], [4, 0], [0, 4]][kind], 0.5)
        lines.append(f"{x:.3f},{y:.3f},{kind}")
    (folder / "flowers.csv").write_text("\n".join(lines))
    text = FLOWERS % layers
    for key, value in settings.items():
        text = text.replace(key, value)
    (folder / "spec.yaml").write_text(text)
    arguments = ["train", str(folder / "spec.yaml"), "--run", str(folder / "run")]
    assert main(arguments) == 0
    return of_run(folder / "run")


DEEP = """\
  - linear: 16
    name: first
  - relu:
    name: active
  - linear: 16
    name: second
  - tanh:
    name: bent
  - linear: 16
    name: third
  - tanh:
    name: bent_again
  - linear: 3"""


def test_layers_that_leave_the_range_of_fp16_stay_float32(tmp_path):
    network = flowers(tmp_path, DEEP)
    with torch.no_grad():
        # The same function, by values of a million between the first two layers.
        network.module.first.weight *= 1e6
        network.module.first.bias *= 1e6
        network.module.second.weight /= 1e6
    found = export_network(network, tmp_path / "half.onnx", precision="fp16")
    report = found.precision
    assert report is not None
    assert report.kept
    assert set(report.kept) <= {"first", "active", "second"}
    assert report.after == report.before > 0.9
    stored = {t.name: t.data_type for t in onnx.load(found.path).graph.initializer}
    assert stored["logits.weight"] == onnx.TensorProto.FLOAT16
    assert "fp16" in info_of(found.path).precision["precision"]


def test_a_layer_whose_activations_int8_cannot_tell_apart_stays_float32(tmp_path):
    network = flowers(tmp_path, DEEP)
    with torch.no_grad():
        # One number of sixteen is huge, and nothing reads it: the others share its scale.
        network.module.first.bias[0] = 1e6
        network.module.second.weight[:, 0] = 0
    found = export_network(network, tmp_path / "small.onnx", precision="int8")
    report = found.precision
    assert report is not None
    assert report.kept == ("second",)
    assert report.layers == 4
    assert report.after == report.before > 0.9
    stored = {t.name: t.data_type for t in onnx.load(found.path).graph.initializer}
    assert stored["second.weight"] == onnx.TensorProto.FLOAT
    assert stored["third.weight_quantized"] == onnx.TensorProto.INT8
    assert info_of(found.path).precision["kept"] == ["second"]


def test_a_format_that_answers_too_much_worse_is_refused(tmp_path):
    layers = "  - linear: 16\n    name: first\n  - relu:\n    name: active\n  - linear: 3"
    network = flowers(tmp_path, layers)
    with torch.no_grad():
        # The same answers, by numbers that no layer can take or give in fp16.
        network.module.first.weight *= 1e7
        network.module.first.bias *= 1e7
    out = tmp_path / "half.onnx"
    with pytest.raises(Failure) as caught:
        export_network(network, out, precision="fp16", max_drop=0.0)
    diagnostic = caught.value.diagnostic
    assert diagnostic.code.number == "E0904"
    assert "accuracy" in diagnostic.message
    assert "rows of the validation part" in diagnostic.message
    assert any("layers that change the outputs most" in note for note in diagnostic.notes)
    # `first` has weights that fp16 does not hold: it stayed float32 from the start.
    assert all(f"`{name}` (infinitely)" in str(diagnostic.notes) for name in ("active", "logits"))
    assert not out.exists()
    assert not list(tmp_path.glob("*.onnx*"))


def test_an_error_counts_as_a_share_of_what_it_was(tmp_path):
    network = flowers(tmp_path, DEEP, **{"metrics: accuracy(logits, kind)\n": ""})
    found = export_network(network, tmp_path / "half.onnx", precision="fp16", max_drop=1.0)
    report = found.precision
    assert report is not None
    assert (report.metric, report.higher_is_better) == ("loss", False)
    assert report.drop == pytest.approx((report.after - report.before) / report.before, rel=1e-6)
    assert report.drop != 0.0


def test_what_decides_is_there_or_nothing_is_written(tmp_path, capsys):
    network = flowers(
        tmp_path,
        DEEP,
        **{"{train: 0.5, validation: 0.5, stratify: kind}": "{train: 1.0, validation: 0.0}"},
    )
    for precision in ("fp16", "int8"):
        with pytest.raises(Failure) as caught:
            export_network(network, tmp_path / "small.onnx", precision=precision)
        assert caught.value.diagnostic.code.number == "E0902"
    spec = str(tmp_path / "spec.yaml")
    out = str(tmp_path / "out.onnx")
    assert main(["export", spec, "--untrained", "-o", out, "--precision", "fp16"]) == 1
    assert "E0902" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.onnx"))


def test_a_network_without_a_layer_of_the_format_is_refused(tmp_path):
    layers = "  - unsqueeze: 2\n  - lstm: {hidden_size: 3, return_sequences: false}"
    network = flowers(tmp_path, layers)
    with pytest.raises(Failure) as caught:
        export_network(network, tmp_path / "small.onnx", precision="int8")
    assert caught.value.diagnostic.code.number == "E0903"


def test_the_command_says_what_it_cost_and_so_do_those_that_run_the_file(tmp_path, capsys):
    flowers(tmp_path, DEEP, **{"train: {epochs": "export: {precision: int8}\ntrain: {epochs"})
    capsys.readouterr()
    run, out = str(tmp_path / "run"), str(tmp_path / "run" / "model.onnx")
    assert main(["export", run]) == 0
    told = capsys.readouterr()
    assert "numbers are int8: accuracy" in told.out
    assert "120 rows of the training part" in told.out
    # So few weights take less than what says how they are scaled.
    assert "W0901" in told.out + told.err
    assert main(["evaluate", out, "--split", "validation"]) == 0
    assert "numbers are int8: accuracy" in capsys.readouterr().out
    assert main(["predict", out, str(tmp_path / "flowers.csv"), "--limit", "3"]) == 0
    assert "numbers are int8: accuracy" in capsys.readouterr().out
    assert main(["export", run, "--precision", "float16", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"]["precision"] == "fp16"
    assert main(["export", run, "--precision", "float32"]) == 0
    assert "numbers are" not in capsys.readouterr().out
    assert main(["export", run, "--precision", "bf16", "--opset", "20"]) == 2
    assert "E0311" in capsys.readouterr().err
