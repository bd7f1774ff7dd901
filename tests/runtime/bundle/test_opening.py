"""What commands take for a model: files, run folders, bundles; and damaged bundles."""

from __future__ import annotations

import json
import os

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.bundle.layout import CARD, MANIFEST, MODEL, SESSION
from dlc.runtime.bundle.opening import find_model, settings_beside
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.bundle.writing import store_settings
from dlc.runtime.failures import Failure


def refused(path, model=MODEL):
    with pytest.raises(Failure) as caught:
        find_model(path, model)
    return caught.value.diagnostic


def test_a_file_a_run_and_a_bundle_stand_for_their_model(trained, bundle):
    assert find_model(trained.model) == trained.model
    assert find_model(trained.run) == trained.run / MODEL
    assert find_model(bundle) == bundle / MODEL
    assert find_model(bundle, "core.onnx") == bundle / "core.onnx"


def test_a_folder_without_a_model_says_how_to_make_one(tmp_path, bundle):
    found = refused(tmp_path)
    assert found.code.number == "E0610"
    assert "dlc export" in found.help
    assert refused(bundle, "other.onnx").code.number == "E0610"


@pytest.mark.parametrize("name", [MODEL, SESSION])
@pytest.mark.parametrize("how", ["flip", "truncate", "remove", "link", "hard link", "pipe"])
def test_what_is_run_is_what_was_written(bundle, tmp_path, name, how):
    path = bundle / name
    content = path.read_bytes()
    if how == "flip":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif how == "truncate":
        path.write_bytes(content[:-1])
    else:
        path.rename(tmp_path / "other")
        if how == "link":
            path.symlink_to(tmp_path / "other")
        elif how == "hard link":
            os.link(tmp_path / "other", path)
        elif how == "pipe":
            os.mkfifo(path)
    found = refused(bundle)
    assert found.code.number == "E0911"
    assert f"`{name}`" in found.message
    if name == SESSION:
        with pytest.raises(Failure):
            settings_beside(bundle / MODEL)


def test_what_is_not_run_is_not_looked_at(bundle):
    (bundle / CARD).unlink(missing_ok=True)
    assert find_model(bundle) == bundle / MODEL


def changed(record, path, value):
    *keys, last = path
    for key in keys:
        record = record[key]
    if value is None:
        del record[last]
    else:
        record[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["format"], "dlc-bundle/99"),
        (["files"], None),
        (["files"], []),
        (["files", MODEL], None),
        (["files", MODEL], "x"),
        (["files", MODEL, "sha256"], "x"),
        (["files", MODEL, "bytes"], -1),
        (["files", MODEL, "bytes"], True),
        (["files", "../model.onnx"], {"sha256": "0" * 64, "bytes": 0}),
        (["files", "/etc/hostname"], {"sha256": "0" * 64, "bytes": 0}),
        (["files", "a/b"], {"sha256": "0" * 64, "bytes": 0}),
        (["files", MANIFEST], {"sha256": "0" * 64, "bytes": 0}),
        (["name"], None),
    ],
    ids=str,
)
def test_a_manifest_that_we_did_not_write_is_refused(bundle, path, value):
    record = json.loads((bundle / MANIFEST).read_bytes())
    changed(record, path, value)
    (bundle / MANIFEST).write_text(json.dumps(record))
    found = refused(bundle)
    assert found.code.number == "E0910"
    # Each is refused for what it says, not only for being other than it was.
    assert "was changed" not in found.message


def test_a_manifest_written_anew_is_told_from_ours(bundle):
    record = json.loads((bundle / MANIFEST).read_bytes())
    record["name"] = "Other"
    (bundle / MANIFEST).write_text(json.dumps(record, indent=2) + "\n")
    assert "was changed" in refused(bundle).message


@pytest.mark.parametrize("how", ["link", "hard link", "large", "deep"])
def test_a_manifest_is_read_within_bounds(bundle, tmp_path, how):
    path = bundle / MANIFEST
    if how == "large":
        path.write_bytes(path.read_bytes() + b" " * (1 << 20))
    elif how == "deep":
        path.write_bytes(b"[" * 500_000)
    else:
        path.rename(tmp_path / "other")
        (path.symlink_to if how == "link" else path.hardlink_to)(tmp_path / "other")
    # It is no bundle then, and as a folder it has a model whose file is judged by itself.
    assert settings_beside(bundle / MODEL).provider == "auto"
    assert main(["verify", str(bundle)]) != 0


def test_what_the_bundle_says_is_how_it_is_run(trained, bundle, capsys):
    pytest.importorskip("openvino")
    store_settings(bundle, SessionSettings(provider="openvino", intra_op_threads=1))
    words = ["predict", str(bundle), str(trained.data), "--limit", "1"]
    assert main(words) == 0
    assert "runs on OpenVINO" in capsys.readouterr().out
    assert main([*words, "--provider", "cpu"]) == 0
    assert "runs on the CPU" in capsys.readouterr().out
    assert main(["verify", str(bundle), "--runs", "1"]) == 0
    assert "runs on OpenVINO" in capsys.readouterr().out


def test_commands_take_a_bundle(trained, bundle, tmp_path, capsys):
    assert main(["predict", str(bundle), str(trained.data), "--format", "json"]) == 0
    of_bundle = json.loads(capsys.readouterr().out)["predictions"]
    assert main(["predict", str(trained.run), str(trained.data), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"] == of_bundle
    assert main(["evaluate", str(bundle), "--data", str(trained.data), "--split", "test"]) == 0
    assert "test part" in capsys.readouterr().out
    out = tmp_path / "features.parquet"
    assert main(["features", str(bundle), str(trained.data), "-o", str(out)]) == 0
    capsys.readouterr()
    (bundle / MODEL).write_bytes((bundle / MODEL).read_bytes() + b"\0")
    for words in (["predict", str(trained.data)], ["evaluate"], ["features", "--list"]):
        status = main([words[0], str(bundle), *words[1:]])
        assert (status, "E0911" in capsys.readouterr().err) == (65, True)
