"""Several networks as one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Ensemble(Section):
    """Trains several networks of the same spec and exports them as one model.

        ensemble: {members: 5, vary: seed, combine: mean}

    Arguments:
        members: how many networks
        vary: what differs between them; `seed` the initial weights and the order, `fold` the
            training rows
        combine: how answers become one; `mean` of the outputs, or `vote` of the classes

    Source: Hansen and Salamon, "Neural Network Ensembles" (1990).
    """

    name: ClassVar[str] = "ensemble"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "ensembles are not run yet: without this section one network is trained"
    )

    members: Annotated[int, Ge(2)] = 5
    vary: Literal["seed", "fold"] = "seed"
    combine: Literal["mean", "vote"] = "mean"
