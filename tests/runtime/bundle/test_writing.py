"""Bundles are complete, equal for equal runs, and appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os

import onnx
import pytest

from dlc.compiler import Source, check
from dlc.compiler.cli.main import main
from dlc.runtime.bundle.layout import CORE, MANIFEST, MODEL, SESSION
from dlc.runtime.bundle.opening import find_model, settings_beside
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.bundle.writing import export_bundle, store_settings
from dlc.runtime.failures import Failure
from dlc.runtime.training.storage import UNFINISHED, Disk

pytest.importorskip("torch")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


from dlc.runtime.export.sources import of_run as of  # noqa: E402
from dlc.runtime.export.sources import of_spec  # noqa: E402


def refused(call, *arguments):
    with pytest.raises(Failure) as caught:
        call(*arguments)
    return caught.value


def test_the_manifest_lists_every_file_with_its_hash(made):
    found = contents(made)
    files = json.loads(found.pop(MANIFEST))["files"]
    assert set(files) == set(found)
    for name, content in found.items():
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        assert files[name] == entry


def test_equal_runs_give_equal_bundles_that_tell_nothing_of_the_machine(made, trained, tmp_path):
    export_bundle(of(trained.run), tmp_path / "again" / "deep")
    again = contents(tmp_path / "again" / "deep")
    assert again == contents(made)
    for place in (trained.run.parent, tmp_path, made.parent):
        for name, content in again.items():
            assert str(place).encode() not in content, name


def test_the_core_takes_prepared_tensors_and_gives_logits(made):
    model, core = onnx.load(made / MODEL), onnx.load(made / CORE)
    assert [value.name for value in core.graph.output] == ["logits"]
    assert [value.name for value in core.graph.input] == ["measures"]
    assert len(model.graph.output) == 3
    weights = {tensor.name for tensor in core.graph.initializer}
    assert not [name for name in weights if name.startswith("preprocess.")]


def test_a_bundle_is_replaced_and_nothing_else_is(made, trained, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    export_bundle(of(trained.run), out)  # an empty folder is no loss
    export_bundle(of(trained.run), out)
    assert contents(out) == contents(made)
    (out / "notes.txt").write_text("mine")
    assert refused(export_bundle, of(trained.run), out).diagnostic.code.number == "E0913"
    assert (out / "notes.txt").read_text() == "mine"
    (out / MANIFEST).unlink()
    failure = refused(export_bundle, of(trained.run), out)
    assert (failure.diagnostic.code.number, failure.exit_code) == ("E0913", 2)
    link = tmp_path / "link"
    link.symlink_to(made)
    assert refused(export_bundle, of(trained.run), link).diagnostic.code.number == "E0913"
    file = tmp_path / "file"
    file.write_text("x")
    assert refused(export_bundle, of(trained.run), file).diagnostic.code.number == "E0913"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "out"]


class Full(Disk):
    """Has room for so many bytes."""

    def __init__(self, room):
        self.room = room

    def write(self, descriptor, data):
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(data)
        return super().write(descriptor, data)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.99])
def test_a_full_disk_leaves_nothing(made, trained, tmp_path, monkeypatch, capsys, share):
    size = sum(len(content) for content in contents(made).values())
    disk = Full(int(share * size))
    monkeypatch.setattr(Disk, "write", lambda _, *given: Full.write(disk, *given))
    target = tmp_path / "deep" / "out"
    assert main(["export", str(trained.run), "--bundle", str(target)]) == 74
    assert "no space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["rename", "sync"])
def test_what_stood_there_survives_a_failing_drive(bundle, monkeypatch, failing):
    before = contents(bundle)
    right = getattr(Disk, failing)
    for at in range(100):
        calls = []

        def once(*given, at=at, calls=calls):
            calls.append(given)
            if len(calls) == at + 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return right(*given)

        monkeypatch.setattr(Disk, failing, once)
        with contextlib.suppress(Failure):
            store_settings(bundle, SessionSettings(intra_op_threads=1))
            break
        assert contents(bundle) == before, at
        assert not [p for p in bundle.parent.iterdir() if p.name.startswith(UNFINISHED)]
    assert at > 1
    assert settings_beside(bundle / MODEL).intra_op_threads == 1


def test_stored_settings_are_those_that_the_model_is_run_with(bundle):
    chosen = SessionSettings(provider="cpu", intra_op_threads=1, allow_spinning=True)
    store_settings(bundle, chosen)
    assert settings_beside(find_model(bundle)) == chosen
    files = json.loads((bundle / MANIFEST).read_bytes())["files"]
    content = (bundle / SESSION).read_bytes()
    assert files[SESSION]["sha256"] == hashlib.sha256(content).hexdigest()
    (bundle / CORE).write_bytes(b"other")
    assert refused(store_settings, bundle, chosen).diagnostic.code.number == "E0911"


@pytest.mark.parametrize(
    "content",
    [
        b'{"provider": "magic"}',
        b'{"intra_op_threads": -1}',
        b'{"intra_op_threads": 1e3}',
        b'{"intra_op_threads": true}',
        b'{"allow_spinning": 1}',
        b'{"graph_optimization": ["all"]}',
        b'{"library": "evil.so"}',
        b"[]",
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_settings_are_held_to_their_form(content):
    with pytest.raises(ValueError):
        SessionSettings.parsed(content)
    assert SessionSettings.parsed(SessionSettings().content()) == SessionSettings()


def test_weights_that_one_file_cannot_hold_lie_beside_both_models_once(trained, tmp_path, capsys):
    text = """\
dlc: 1
name: Wide
inputs: {x: "float[N, 40]"}
layers:
  - linear: 50
  - relu
  - linear: 3
    output: y
"""
    result = check(Source("wide.yaml", text, "yaml"))
    out = tmp_path / "out"
    bundled = export_bundle(of_spec(result.compilation), out, outside_bytes=1000)
    (data,) = [path for path in out.iterdir() if path.suffix == ".data"]
    assert data.stat().st_size == 40 * 50 * 4
    assert bundled.core.outside == bundled.model.outside == data
    assert data.name in json.loads((out / MANIFEST).read_bytes())["files"]
    assert main(["verify", str(out), "--runs", "1"]) == 0
    assert find_model(out) == out / MODEL
    content = data.read_bytes()
    data.write_bytes(content[:-1] + b"\1")
    capsys.readouterr()
    assert refused(find_model, out).diagnostic.code.number == "E0911"
    assert main(["verify", str(out)]) == 1
    assert data.name in capsys.readouterr().out
