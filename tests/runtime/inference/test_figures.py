"""How figures are shown."""

from __future__ import annotations

import math

import numpy as np

from dlc.runtime.inference.figures import Matrix, figure_lines, plain


def test_figures_of_the_same_classes_share_a_table() -> None:
    figures = {"loss": 0.5, "f1.a": 1.0, "f1.bb": math.nan, "iou.a": 0.25, "iou.bb": 0.0}
    assert figure_lines(figures) == [
        "loss  0.5",
        "",
        "    f1   iou",
        "a    1  0.25",
        "bb   -     0",
    ]


def test_a_wide_matrix_shows_what_is_confused_most() -> None:
    counts = np.diag(np.full(30, 9))
    counts[3, 4], counts[7, 2] = 1, 1200
    names = tuple(f"c{number}" for number in range(30))
    assert figure_lines({}, {"m": Matrix(labels=names, counts=counts)}) == [
        "",
        "m: 30 classes; all of it with `--format json`",
        "true  answer  samples",
        "c7        c2    1,200",
        "c3        c4        1",
    ]


def test_json_has_no_nan() -> None:
    assert plain({"a": 1.0, "b": math.nan, "c": math.inf}) == {"a": 1.0, "b": None, "c": None}
