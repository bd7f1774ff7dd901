"""The steps of `rename` on shapes."""

from __future__ import annotations

from typing import Any

import pytest

from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.transfer.shapes import Sizes, StepError, advice, result


def steps(**given: Any) -> Rename:
    return Rename(from_=("x",), **given)


@pytest.mark.parametrize(
    ("shapes", "given", "wanted"),
    [
        ([(2, 3)], {}, (2, 3)),
        ([(2, 3)], {"transpose": True}, (3, 2)),
        ([(4,)], {"transpose": True}, (4,)),
        ([()], {"transpose": True}, ()),
        ([(3, 3, 8, 16)], {"transpose": (3, 2, 0, 1)}, (16, 8, 3, 3)),
        ([(2, 3), (4, 3)], {"concat": 0}, (6, 3)),
        ([(2, 3), (2, 5)], {"concat": 1}, (2, 8)),
        ([(4, 12)], {"transpose": True, "chunk": (1, 3)}, (4, 4)),
        ([(4, 12)], {"chunk": (1, 3), "dim": 1}, (4, 4)),
        ([(3, 2), (3, 4)], {"transpose": True, "concat": 0, "chunk": (0, 2)}, (3, 3)),
        ([(1, 197, 8)], {"reshape": True}, (197, 8)),
        ([(8, 4)], {"chunk": (0, 2), "reshape": True}, (2, 8)),
    ],
)
def test_steps_lead_to_a_shape(shapes: list[Sizes], given: dict[str, Any], wanted: Sizes) -> None:
    assert result(shapes, steps(**given), wanted) == wanted


@pytest.mark.parametrize(
    ("shapes", "given", "message"),
    [
        ([(2, 3, 4)], {"transpose": True}, "the tensor has 3 dims"),
        ([(2, 3)], {"transpose": (2, 1, 0)}, "orders 3 dims, and the tensor has 2"),
        ([(2, 3), (2, 4)], {"concat": 0}, "cannot be joined along dim 0"),
        ([(2, 3), (2,)], {"concat": 0}, "cannot be joined along dim 0"),
        ([(2,)], {"concat": 1}, "joins dim 1, and [2] has 1 dim"),
        ([(7, 2)], {"chunk": (0, 3)}, "cannot be cut into 3 equal parts"),
        ([(6,)], {"chunk": (0, 3), "dim": 1}, "cuts dim 1, and [6] has 1 dim"),
        ([(6,)], {"reshape": True}, "has 6 numbers, and [4] has 4"),
    ],
)
def test_steps_that_do_not_fit_say_why(
    shapes: list[Sizes], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(StepError) as caught:
        result(shapes, steps(**given), (4,))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("theirs", "ours", "step"),
    [
        ((3, 8), (8, 3), "transpose: true"),
        ((3, 3, 8, 16), (16, 8, 3, 3), "transpose: [3, 2, 0, 1]"),
        ((5, 8, 16), (16, 8, 5), "transpose: [2, 1, 0]"),
        ((1, 197, 8), (197, 8), "reshape: true"),
        ((8, 1, 1), (8,), "reshape: true"),
        ((1000, 8), (10, 8), None),
        ((6, 2), (3, 4), None),
        ((8,), (8, 8), None),
    ],
)
def test_a_single_step_that_would_do_is_named(theirs: Sizes, ours: Sizes, step: str | None) -> None:
    assert advice(theirs, ours) == step
