from __future__ import annotations

from pathlib import Path

import pytest

from dlc.compiler import Source, check
from dlc.runtime.export.scores import class_scores

SPEC = """\
dlc: 1
inputs: {x: 'float[N, 4, 8]'}
layers:
  - conv1d: {out_channels: 6, kernel_size: 1}
    output: y
targets: {t: 'TYPE'}
data: {source: rows.parquet, columns: {x: x, t: t}}
loss: LOSS
REST
"""


@pytest.mark.parametrize(
    ("type", "loss", "rest", "expected"),
    [
        ("int[N, 8]", "cross_entropy(y, t)", "", {"y": 1}),
        ("int[N, 6]", "cross_entropy(y, t)", "", {"y": 2}),
        ("float[N, 6, 8]", "cross_entropy(y, t)", "", {"y": 1}),
        ("float[N, 6, 8]", "mse_loss(y, t)", "", {}),
        ("float[N, 6, 8]", "binary_cross_entropy_with_logits(y, t)", "", {}),
        ("float[N, 6, 8]", "mse_loss(y, t)", "postprocess: {y: labels(dim=1)}", {"y": 1}),
    ],
)
def test_scores_are_what_a_loss_or_a_step_takes_for_scores(
    type: str, loss: str, rest: str, expected: dict[str, int]
) -> None:
    text = SPEC.replace("TYPE", type).replace("LOSS", loss).replace("REST", rest)
    found = check(Source("net.yaml", text), root=Path()).compilation
    assert found is not None
    assert class_scores(found.program, found.settings) == expected
