"""What tests of targets find on a machine: npm packages, a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import chromium


def node_package(name: str) -> Path:
    """An npm package, where the tests may find one; skips where they do not."""
    given = os.environ.get("DLC_NODE_MODULES")
    places = [Path(given)] if given else [p / "node_modules" for p in Path(__file__).parents]
    for place in places:
        if (place / name / "package.json").is_file():
            return place / name
    pytest.skip(f"{name} is not installed: npm install --ignore-scripts --no-save {name}")


@pytest.fixture(scope="session")
def ort_web() -> Path:
    return node_package("onnxruntime-web")


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Page]:
    if chromium.found is None:
        pytest.skip("there is no Chromium on this machine")
    with chromium.page() as opened:
        yield opened
