"""Parts are measured in batches that the memory holds, whatever an answer is."""

from __future__ import annotations

import pytest

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.runtime.inference.rows_at_once import rows_at_once

N = symbol("N")


@pytest.mark.parametrize(
    ("answers", "batch_size", "rows"),
    [
        ([float_tensor(N, 10), int_tensor(N)], 32, 256),
        ([float_tensor(N, 10)], 512, 512),
        # Pictures of 600 kB, of which 64 MiB hold 111.
        ([float_tensor(N, 3, 224, 224)], 32, 111),
        # Scores for 5,000 words at 512 places, 10 MB a row: no more than are trained at once.
        ([float_tensor(N, symbol("T", 1, 512), 5000)], 16, 16),
        ([float_tensor(N, symbol("T", 1, 512), 5000)], 2, 6),
        ([float_tensor(N, symbol("T"), 64)], 2, 256),
        ([float_tensor(N, 1 << 26)], 1, 1),
    ],
)
def test_as_many_rows_as_answers_allow(
    answers: list[TensorType], batch_size: int, rows: int
) -> None:
    assert rows_at_once(answers, batch_size) == rows
