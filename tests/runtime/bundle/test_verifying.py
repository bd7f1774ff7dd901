"""`dlc verify` without PyTorch: a sound bundle, and every kind of damage to every file."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dlc.compiler.cli.main import main
from dlc.runtime.bundle.golden import agreement, read_golden
from dlc.runtime.bundle.layout import CORE, GOLDEN, GOLDEN_TENSORS, MANIFEST, MODEL, SESSION
from dlc.runtime.bundle.manifest import FileEntry, read_manifest
from dlc.runtime.export.parity import Tolerance
from dlc.runtime.failures import Failure
from dlc.runtime.inference.providers.openvino import OpenVino

# Damages copies of a bundle and verifies each, where torch cannot be imported.
_CHILD = """
import json, os, shutil, sys
sys.modules["torch"] = None
from pathlib import Path
from dlc.runtime.bundle.verifying import verify
from dlc.runtime.inference import session
made, folder = Path(sys.argv[1]), Path(sys.argv[2])

opened = []
right = session.check_model_file
def check(path):
    opened.append(path.name)
    return right(path)
session.check_model_file = check

def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

def cut(path): path.write_bytes(path.read_bytes()[:-1])
def grow(path): path.write_bytes(path.read_bytes() + b" ")
def empty(path): path.write_bytes(b"")
def remove(path): path.unlink()
def folder_for(path):
    path.unlink()
    path.mkdir()
def pipe(path):
    path.unlink()
    os.mkfifo(path)
def link(path):
    other = path.parent.parent / "other"
    shutil.copy(path, other)
    path.unlink()
    path.symlink_to(other)
def hard_link(path):
    other = path.parent.parent / "other"
    other.unlink(missing_ok=True)
    os.link(path, other)
def rename(path): path.rename(path.with_name("renamed.bin"))
HOWS = (flip, cut, grow, empty, remove, folder_for, pipe, link, hard_link, rename)

def tell(name, how):
    found = verify(bundle, "cpu", runs=1)
    line = [name, how, [d.code.number for d in found.findings],
            [d.message for d in found.findings], list(opened)]
    print(json.dumps(line), flush=True)

for name in ["", *sorted(os.listdir(made))]:
    for how in HOWS if name else [None]:
        bundle = folder / "bundle"
        shutil.rmtree(bundle, ignore_errors=True)
        shutil.copytree(made, bundle)
        opened.clear()
        if how is not None:
            how(bundle / name)
        tell(name, how.__name__ if how else "")
for name in ("extra.txt", ".hidden", "model.onnx.data", "sub"):
    shutil.rmtree(bundle)
    shutil.copytree(made, bundle)
    opened.clear()
    (bundle / name).mkdir() if name == "sub" else (bundle / name).write_text("x")
    tell(name, "add")
assert sys.modules["torch"] is None
"""


@pytest.fixture(scope="module")
def told(made, tmp_path_factory):
    """What is said of each damage: codes, messages, and the models that were opened."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(made), str(tmp_path_factory.mktemp("damaged"))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(name, how): (codes, messages, opened) for name, how, codes, messages, opened in lines}


def test_a_sound_bundle_is_sound_without_torch(told):
    codes, _, opened = told["", ""]
    assert codes == []
    assert set(opened) == {MODEL, CORE}


def test_every_damage_to_every_file_is_found_before_anything_runs(told, made):
    names = {path.name for path in made.iterdir()}
    hows = {how for _, how in told} - {""}
    assert len(hows) == 11
    for name in names:
        for how in hows - {"add"}:
            codes, messages, opened = told[name, how]
            assert codes, (name, how)
            assert set(codes) <= {"E0910", "E0911"}, (name, how, messages)
            assert name in " ".join(messages) or name == MANIFEST, (name, how)
            assert opened == [], (name, how)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "model.onnx.data", "sub"])
def test_what_was_added_is_found(told, name):
    codes, messages, opened = told[name, "add"]
    assert codes == ["E0911"]
    assert f"`{name}` of the bundle" in messages[0]
    assert "is not in the manifest" in messages[0]
    assert opened == []


# ── damage that the manifest agrees with ─────────────────────────────────────


def sealed(bundle, name, content):
    """A file changed together with its entry, as one would who knows what a manifest is."""
    (bundle / name).write_bytes(content)
    manifest = read_manifest(bundle)
    entry = FileEntry(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    changed = replace(manifest, files={**manifest.files, name: entry})
    (bundle / MANIFEST).write_bytes(changed.content())


def verified(bundle, capsys, *words):
    status = main(["verify", str(bundle), "--provider", "cpu", "--format", "json", *words])
    record = json.loads(capsys.readouterr().out)
    return status, [d["code"] for d in record["diagnostics"]], record


@pytest.mark.parametrize("name", [MODEL, CORE])
def test_other_weights_do_not_give_the_golden_answers(bundle, capsys, name):
    model = onnx.load(bundle / name)
    weight = next(t for t in model.graph.initializer if t.name.endswith("linear.weight"))
    changed = numpy_helper.to_array(weight) * np.float32(1.01)
    weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    sealed(bundle, name, model.SerializeToString())
    status, codes, record = verified(bundle, capsys)
    assert status == 1
    assert set(codes) == {"E0912"}
    assert name in record["diagnostics"][0]["message"]


def test_a_hostile_model_is_refused_before_a_session(bundle, capsys):
    model = onnx.load(bundle / CORE)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    sealed(bundle, CORE, model.SerializeToString())
    status, codes, record = verified(bundle, capsys)
    assert (status, codes) == (1, ["E0610"])
    assert "no path in its folder" in record["diagnostics"][0]["message"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (SESSION, b'{"library": "evil.so"}'),
        (GOLDEN, b"{}"),
        (GOLDEN, b"[" * 100_000),
        (GOLDEN_TENSORS, b"\xff" * 64),
        (GOLDEN_TENSORS, (1 << 62).to_bytes(8, "little") + b"{}"),
    ],
)
def test_files_that_we_did_not_write_are_told(bundle, capsys, name, content):
    sealed(bundle, name, content)
    status, codes, _ = verified(bundle, capsys)
    assert (status, codes) == (1, ["E0910"])


def test_a_bundle_of_another_spec_is_told(bundle, capsys):
    changed = replace(read_manifest(bundle), digest="0" * 64)
    (bundle / MANIFEST).write_bytes(changed.content())
    status, codes, _ = verified(bundle, capsys)
    assert (status, codes) == (1, ["E0911"])


def test_no_bit_of_the_manifest_changes_unseen(bundle):
    path = bundle / MANIFEST
    content = path.read_bytes()
    for place in range(len(content)):
        data = bytearray(content)
        data[place] ^= 1 << place % 7
        path.write_bytes(data)
        with pytest.raises(Failure):
            read_manifest(bundle)
    path.write_bytes(content)
    assert read_manifest(bundle).name == "Flowers"


# ── what is said ─────────────────────────────────────────────────────────────


def test_programs_get_one_object(bundle, capsys):
    status, codes, record = verified(bundle, capsys, "--runs", "3")
    assert (status, codes, record["ok"], record["name"]) == (0, [], True, "Flowers")
    assert record["golden"]["max_abs"] == {MODEL: 0.0, CORE: 0.0}
    assert record["providers"]["cpu"] == {"runs": True, "reason": None}
    assert set(record["providers"]) == {"cpu", "cuda", "tensorrt", "openvino"}
    for name in (MODEL, CORE):
        assert record["latency"][name]["milliseconds"] > 0
        assert (record["latency"][name]["rows"], record["latency"][name]["runs"]) == (1, 3)


def test_people_get_a_few_lines(bundle, capsys):
    assert main(["verify", str(bundle), "--runs", "2"]) == 0
    out = capsys.readouterr().out
    assert "is sound: `Flowers`" in out
    assert "model.onnx  gives its golden answers" in out
    assert "runs on the CPU" in out
    assert main(["verify", str(bundle / "none")]) == 2


def test_a_provider_that_does_not_run_it_says_why(bundle, capsys, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr(OpenVino, "refuses", lambda self, facts: "it cannot count")
    status, _, record = verified(bundle, capsys, "--runs", "1")
    assert status == 0
    assert record["providers"]["openvino"] == {"runs": False, "reason": "it cannot count"}
    assert main(["verify", str(bundle), "--provider", "openvino"]) == 1
    assert "E0612" in capsys.readouterr().out


def test_nothing_is_written_into_the_bundle(bundle, made):
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    assert main(["verify", str(bundle), "--runs", "2"]) == 0
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


# ── golden answers ───────────────────────────────────────────────────────────

TIGHT = Tolerance(1e-5, 1e-3)


def test_golden_answers_are_read_as_they_were_written(made, tmp_path):
    golden = read_golden(made)
    for name, content in golden.files().items():
        (tmp_path / name).write_bytes(content)
    again = read_golden(tmp_path)
    for part in ("inputs", "outputs", "core_inputs", "core_outputs"):
        one, other = getattr(golden, part), getattr(again, part)
        assert list(one)
        assert set(one) == set(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    assert golden.inputs["measures"].shape == (3, 4)
    assert set(golden.outputs["logits_label"]) <= {"iris", "lily", "rose"}
    shutil.rmtree(tmp_path)


def test_an_answer_may_differ_only_where_scores_are_as_good_as_equal():
    scores = np.array([[1.0, 1.000001, 0.0], [1.0, 3.0, 0.0]], np.float32)
    expected = {"out": scores, "out_label": np.array(["b", "b"], object)}
    tie = {"out": scores, "out_label": np.array(["a", "b"], object)}
    wrong = {"out": scores, "out_label": np.array(["b", "a"], object)}
    assert not agreement(expected, tie, TIGHT).wrong
    assert agreement(expected, wrong, TIGHT).wrong == {"out_label": "1 of 2 differ"}
    assert agreement(expected, {"out": scores}, TIGHT).wrong == {"out_label": "is not given"}


@pytest.mark.parametrize(
    ("value", "says"),
    [(np.nan, "infinite or not a number"), (1.1, "differs by up to"), (1.0, "")],
)
def test_numbers_agree_within_the_tolerance(value, says):
    found = agreement(
        {"y": np.array([1.0, np.inf])}, {"y": np.array([value, np.inf])}, TIGHT
    ).wrong.get("y", "")
    assert says in found
    assert bool(says) == bool(found)
