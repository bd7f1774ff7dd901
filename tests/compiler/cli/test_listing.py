"""`dlc ops` and `dlc schema`: what there is, for people and for editors."""

from __future__ import annotations

import json

import pytest

from dlc.compiler import schema
from dlc.compiler.cli import main as cli
from dlc.compiler.components import registry


def test_ops_lists_every_name_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for kind in registry.PACKAGES:
        for name in registry.names(kind):
            assert any(line.startswith(f"  {name} ") for line in lines)


def test_ops_of_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops", "--kind", "schedule"]) == 0
    out = capsys.readouterr().out
    assert "one_cycle" in out
    assert "adamw" not in out


def test_ops_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops", "--kind", "average", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"]
    assert [c["name"] for c in answer["components"]] == ["ema", "snapshots", "swa", "top_k"]
    assert all(c["summary"] and c["runs"] for c in answer["components"])


def test_ops_of_no_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops", "--kind", "layer"]) == 2
    assert "layer" in capsys.readouterr().err


def test_schema_prints_itself_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert capsys.readouterr().out == schema.text()


def test_schema_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == json.loads(schema.text())


def test_schema_check_tells_a_stale_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "shipped", schema.text)
    assert cli.main(["schema", "--check"]) == 0
    monkeypatch.setattr(schema, "shipped", lambda: "{}")
    assert cli.main(["schema", "--check"]) == 1
    assert "dlc.compiler.reference" in capsys.readouterr().err
