"""Which settings are tried."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.distributions.base import Distribution
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Search(Section):
    """Which settings a hyper-parameter search tries, and what it looks at.

        search:
          trials: 30
          minimize: val_loss
          space:
            optimizer.lr: log_uniform(1e-4, 1e-1)
            p: uniform(0.1, 0.5)

    `dlc train` leaves this section out.

    Arguments:
        trials: how many settings are tried
        sampler: how they are chosen; `random` draws, `tpe` learns from earlier trials, `grid`
            goes through all choices
        minimize: the figure to make small; `val_loss` where neither is given
        maximize: the figure to make large
        space: for a path as in `--set`, what its value is drawn from
        seed: what the trials are drawn from
    """

    name: ClassVar[str] = "search"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "searches are not run yet: `dlc train --set optimizer.lr=1e-3` tries one setting"
    )

    trials: Positive = 20
    sampler: Literal["random", "tpe", "grid"] = "random"
    minimize: str | None = None
    maximize: str | None = None
    space: dict[str, Distribution]
    seed: Natural = 0

    @property
    def monitor(self) -> str:
        """The figure that decides."""
        return self.maximize or self.minimize or "val_loss"

    def validate(self) -> None:
        if self.minimize is not None and self.maximize is not None:
            raise ComponentError(
                "E0311",
                "`minimize` and `maximize` both say what to look for",
                blame="maximize",
                help="keep one of the two",
            )
        if not self.space:
            raise ComponentError(
                "E0303",
                "`space` names nothing to search",
                blame="space",
                help="name a setting and what to draw it from: `p: uniform(0.1, 0.5)`",
            )
