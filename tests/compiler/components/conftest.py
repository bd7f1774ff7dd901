"""What the tests of components share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def run_source(tmp_path: Path) -> Callable[[str], ModuleType]:
    """Writes source text as a module and imports it, as a generated `model.py` is."""

    def run(text: str) -> ModuleType:
        path = tmp_path / "generated.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("generated", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return run
