"""What the tests of objectives share: their data, and runs with model files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.runtime.objectives.made import SPECS, begun, write  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences whose even words go together, reversed texts, two waves, and pictures."""
    found = tmp_path_factory.mktemp("objectives")
    write(found)
    return found


@pytest.fixture(scope="module")
def exported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of each spec with its model file, made once."""
    from dlc.runtime.export.exporter import export_network
    from dlc.runtime.export.sources import of_run

    @cache
    def made(name: str) -> Path:
        run = tmp_path_factory.mktemp(name) / "run"
        begun(SPECS[name], folder, run)
        export_network(of_run(run), run / "model.onnx")
        return run

    return made
