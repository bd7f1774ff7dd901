"""A bundle of the small run, made once; tests that damage it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made(trained, tmp_path_factory) -> Path:
    """The bundle, which no test changes."""
    from dlc.runtime.bundle.writing import export_bundle
    from dlc.runtime.export.sources import of_run

    folder = tmp_path_factory.mktemp("bundles") / "flowers"
    export_bundle(of_run(trained.run), folder)
    return folder


@pytest.fixture
def bundle(made, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))
