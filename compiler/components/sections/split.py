"""How rows are divided."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

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
        folds: so many divisions, in which each row is validated on once; `groups` makes one
            for each group, which leaves that group out. `dlc train --folds` trains them all
        fold: the fold that is validated on where one network is trained, from 0
        group: a column whose equal values never fall into two parts
        time: a column of numbers or dates; training takes the earliest rows, the test part
            the latest, and rows of the same time stay together
    """

    name: ClassVar[str] = "split"

    train: Fraction | None = None
    validation: Fraction | None = None
    test: Fraction | None = None
    stratify: Annotated[str, Refers("target|input|column")] | None = None
    seed: Natural = 0
    folds: Annotated[int, Ge(2)] | Literal["groups"] | None = None
    fold: Natural = 0
    group: Annotated[str, Refers("target|input|column")] | None = None
    time: Annotated[str, Refers("target|input|column")] | None = None

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of training, validation and test; they add up to 1. Of folds that
        validate on one of `folds`; where groups decide, those of one part to train on."""
        given = (self.train, self.validation, self.test)
        if self.folds is not None:
            return (1.0 - (self.test or 0.0), 0.0, self.test or 0.0)
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
        self._refuse_conflicts()
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

    def _refuse_conflicts(self) -> None:
        for one, other, why in (
            ("folds", "train", "the folds decide how many rows train"),
            ("folds", "validation", "the folds decide how many rows validate"),
            ("folds", "time", "a fold would train on what comes after it"),
            ("group", "stratify", "groups that stay whole cannot keep the shares of classes"),
            ("group", "time", "a group that stays whole is not divided in time"),
            ("time", "stratify", "an order in time leaves nothing to choose"),
        ):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ComponentError(
                    "E0311",
                    f"`{one}` and `{other}` exclude each other: {why}",
                    blame=other,
                    help=f"leave `{one}` or `{other}` out",
                )
        if self.folds == "groups" and self.group is None:
            raise ComponentError(
                "E0311",
                "`folds: groups` leaves one group out at a time, and there is no `group`",
                blame="folds",
                help="name the column of groups: `group: patient`",
            )
        if self.fold and self.folds is None:
            raise ComponentError(
                "E0311",
                "`fold` chooses one of `folds`, and there are none",
                blame="fold",
                help="add `folds: 5`, or leave `fold` out",
            )
        if isinstance(self.folds, int) and self.fold >= self.folds:
            raise ComponentError(
                "E0302",
                f"there is no fold {self.fold} of {self.folds}: they are counted from 0",
                blame="fold",
                help=f"give a number from 0 to {self.folds - 1}",
            )
