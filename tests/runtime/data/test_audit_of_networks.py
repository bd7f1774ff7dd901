"""Findings of the audit about data and network together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from dlc.compiler import Source, check
from dlc.runtime.data.audit.examine import examine
from dlc.runtime.data.audit.findings import Finding, find

Columns = dict[str, Any]
Found = Callable[..., dict[str, Finding]]

ROWS = 600
SPEC = """\
dlc: 1
inputs:
  x: float[N, 4]
layers:
  - linear: 2
    output: y
targets:
  t: int[N]
data:
  source: rows.parquet
  columns: {x: "f_*", t: label}
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: t}
preprocess: {x: standardize}
loss: cross_entropy(y, t)
optimizer: sgd(lr=0.1)
"""


def rows(count: int = ROWS) -> Columns:
    """Two clouds far from each other, in four columns of six digits."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % 2
    columns: Columns = {
        f"f_{i}": np.round(rng.standard_normal(count) + 8 * label, 6) for i in range(4)
    }
    return columns | {"label": np.array(["no", "yes"], object)[label]}


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """The findings in such columns by their codes."""

    def run(columns: Columns, spec: str = SPEC) -> dict[str, Finding]:
        parquet.write_table(pa.table(columns), tmp_path / "rows.parquet")
        place = tmp_path / "spec.yaml"
        result = check(Source("spec.yaml", spec), path=place)
        assert result.compilation is not None, result.diagnostics
        return {finding.code.number: finding for finding in find(examine(result.compilation))}

    return run


def regression(columns: Columns, target: Any) -> tuple[Columns, str]:
    """The same inputs with a number to predict."""
    spec = SPEC.replace("linear: 2", "linear: 1").replace("t: int[N]", "t: float[N, 1]")
    spec = spec.replace(", stratify: t", "").replace("cross_entropy", "mse_loss")
    return {k: v for k, v in columns.items() if k != "label"} | {"label": target}, spec


def test_a_target_far_from_zero_is_found_unless_the_bias_starts_there(found: Found) -> None:
    noise = np.random.default_rng(3).standard_normal(ROWS)
    columns, spec = regression(rows(), 500 + 20 * noise)
    (finding,) = found(columns, spec).values()
    assert finding.code.number == "W0212"
    assert finding.message == "`label` is about 501, and an untrained network answers 0"
    started = spec.replace("linear: 1", "linear: {out_features: 1, bias_init: target_mean}")
    assert found(columns, started) == {}
    # Of such a spread 0 is one answer among others.
    assert found(*regression(rows(), 500 + 400 * noise)) == {}
    assert found(*regression(rows(), 5 + noise)) == {}


def test_an_input_of_large_numbers_is_found_unless_a_step_scales_it(found: Found) -> None:
    columns = {k: v if k == "label" else v * 1e3 for k, v in rows().items()}
    plain = SPEC.replace("preprocess: {x: standardize}\n", "")
    (finding,) = found(columns, plain).values()
    assert finding.code.number == "W0213"
    assert "`x` is of the order of " in finding.message
    assert found(columns) == {}
    assert found(columns, plain.replace("  - linear: 2", "  - batch_norm1d\n  - linear: 2")) == {}
    assert found(rows(), plain) == {}


def test_parameters_far_beyond_the_samples_are_found_unless_something_holds_them(
    found: Found,
) -> None:
    # 360 rows to train on.
    giant = SPEC.replace("  - linear: 2", "  - linear: 6000\n  - relu\n  - linear: 2")
    (finding,) = found(rows(), giant).values()
    assert finding.code.number == "W0214"
    assert finding.message.startswith("42,002 parameters learn from 360 samples")
    assert found(rows(), giant.replace("6000", "5000")) == {}
    for held in (
        giant.replace("sgd(lr=0.1)", "sgd(lr=0.1, weight_decay=1e-4)"),
        giant.replace("  - relu\n", "  - relu\n  - dropout: 0.2\n"),
        giant + "train: {early_stopping: {patience: 5}}\n",
    ):
        assert found(rows(), held) == {}
