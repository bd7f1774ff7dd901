"""The OpenAPI document holds: schemathesis, which asks by it, finds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from serving_tools import running

pytest.importorskip("schemathesis")


_HOW = (
    *("--checks", "all", "--seed", "1", "--generation-database", "none"),
    *("--no-color", "--request-timeout", "30"),
)


def schemathesis(server, tmp_path, *options):
    """What its command line says of a server."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{server.url}/openapi.json",
            *_HOW,
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=500,
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def test_schemathesis_finds_nothing(trained, tmp_path):
    with running({"flowers": trained.model}, rows=20) as server:
        done = schemathesis(server, tmp_path, "--max-examples", "5", "--phases", "coverage,fuzzing")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.full
def test_schemathesis_finds_nothing_in_every_phase(trained, echo, sums, tmp_path):
    """With a model of every type, and one whose rows have any length."""
    models = {"flowers": trained.model, "echo": echo, "sums": sums}
    with running(models, rows=20, dim=40) as server:
        done = schemathesis(server, tmp_path, "--max-examples", "50")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_the_document_is_one(flowers):
    found = flowers.ask("/openapi.json").json
    assert found["openapi"].startswith("3.1")
    assert {"/v2", "/v2/models/flowers/infer", "/v2/models/echo/rows"} <= found["paths"].keys()
    text = json.dumps(found)
    for name in found["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text


def test_a_token_is_part_of_the_document(sums):
    token = "a-word-of-more-than-sixteen"
    with running({"sums": sums}, token=token) as server:
        found = server.ask("/openapi.json").json
        assert found["security"] == [{"token": []}]
        assert found["paths"]["/v2/health/live"]["get"]["security"] == []
