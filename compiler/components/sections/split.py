"""How rows are divided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Fraction, Ge, Natural, Refers
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Split(Section):
    """How the rows are divided into training, validation and test parts.

        data:
          split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label, seed: 7}

    The shares add up to 1. One that is left out takes what the others leave: `train`
    first, then `validation`; with none given they are 0.8, 0.1 and 0.1. The same seed
    gives the same division on every machine.

    Arguments:
        train: the share of rows to learn from
        validation: the share that early stopping and the search look at
        test: the share that nothing looks at before the end
        stratify: a target or column whose classes keep their shares in every part
        seed: what the division is drawn from
        folds: instead of one division, so many, each row validated on once
        group: a column whose equal values never fall into two parts
    """

    name: ClassVar[str] = "split"
    unavailable: ClassVar[Mapping[str, str]] = {
        "folds": "cross-validation is not run yet: train once per `seed` of `split`",
        "group": "grouped splits are not run yet: leave `group` out, or give the shares alone",
    }

    train: Fraction | None = None
    validation: Fraction | None = None
    test: Fraction | None = None
    stratify: Annotated[str, Refers("target|input|column")] | None = None
    seed: Natural = 0
    folds: Annotated[int, Ge(2)] | None = None
    group: Annotated[str, Refers("target|input|column")] | None = None

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of training, validation and test; they add up to 1."""
        given = (self.train, self.validation, self.test)
        if given == (None, None, None):
            return (0.8, 0.1, 0.1)
        left = max(0.0, 1.0 - sum(share or 0.0 for share in given))
        if self.train is None:
            return (left, self.validation or 0.0, self.test or 0.0)
        if self.validation is None:
            return (self.train, left, self.test or 0.0)
        if self.test is None:
            return (self.train, self.validation, left)
        return (self.train, self.validation, self.test)

    def validate(self) -> None:
        given = {
            key: share
            for key in ("train", "validation", "test")
            if (share := getattr(self, key)) is not None
        }
        total = sum(given.values())
        # Shares such as 0.7 + 0.2 + 0.1 miss 1 by a rounding error.
        if total > 1 + 1e-6:
            raise ComponentError(
                "E0311",
                f"the parts add up to {total:g}, more than all rows",
                blame=next(reversed(given)),
                help="make the shares add up to 1",
            )
        if len(given) == 3 and total < 1 - 1e-6:
            raise ComponentError(
                "E0311",
                f"the parts add up to {total:g}, which leaves rows over",
                blame="train",
                help="make the shares add up to 1, or leave one out: it takes what is left",
            )
        if self.shares[0] < 1e-9:
            raise ComponentError(
                "E0311",
                "nothing is left to train on",
                blame=next(iter(given)),
                help="give `train` a share, or make the others smaller",
            )
