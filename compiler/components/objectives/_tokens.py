"""What the objectives on pieces of texts share."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import NonNegative, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.objectives.base import Frame, Objective, Types
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import FLOAT, INT, TensorType
from dlc.compiler.record import component


def tokens_input(objective: Objective, name: str | None, frame: Frame, argument: str) -> str:
    """The input that holds sequences of whole numbers."""
    made = frame.token_step
    several = sum(1 for other in frame.inputs if made(other) is not None) > 0
    return objective.only_input(
        name,
        frame,
        argument,
        "sequences of int[N, T]",
        lambda found, type: (
            type.rank == 2
            and type.dtype.is_int
            # Among several sequences it is the one that texts become.
            and (name is not None or not several or made(found) is not None)
        ),
    )


def required_step(objective: Objective, name: str, frame: Frame, argument: str) -> TokenStep:
    """The step that makes pieces of texts for an input. Raises E0309 where there is none."""
    step = frame.token_step(name)
    if step is None:
        raise ComponentError(
            "E0309",
            f"`{objective.name}` works on pieces of texts, and no step makes any for `{name}`",
            blame=argument if getattr(objective, argument) is not None else None,
            help=f"add one: `preprocess: {{{name}: wordpiece(vocabulary=30000)}}`",
        )
    return step


@component
class PairObjective(Objective):
    """An objective whose samples are a word, or several, and candidates for another one.

    `texts_argument` and `candidates_argument` name the arguments for the input that a column
    of texts fills, and for the one that gets the true word and the drawn ones.

    Arguments:
        label: the target that gets 1 for the true word, 0 for the drawn ones
        window: how far to either side a neighbour may stand; each word draws its own reach,
            from 1 to this, so that near words count for more
        negatives: how many words are drawn for each sample, by the 3/4 power of their frequency
        subsample: the frequency above which words are left out at random, such as 1e-5; 0
            leaves none out
    """

    draws: ClassVar[bool] = True
    texts_argument: ClassVar[str] = ""
    candidates_argument: ClassVar[str] = ""

    window: Positive = 5
    negatives: Positive = 5
    subsample: NonNegative = 0.0

    @property
    def regroups(self) -> bool:
        return True

    @property
    def candidates(self) -> str:
        """The input that gets the true word, then the drawn ones."""
        found: str = getattr(self, self.candidates_argument)
        return found

    @property
    def texts(self) -> str:
        """The input that a column of texts fills."""
        found: str = getattr(self, self.texts_argument)
        return found

    @property
    def target(self) -> str:
        found: str = getattr(self, "label")  # noqa: B009  # a field of the classes
        return found

    def check_pairs(self, frame: Frame) -> None:
        """Raises unless texts come in, and candidates and labels are as wide as drawn."""
        step = required_step(self, self.texts, frame, self.texts_argument)
        if step.fills:
            raise ComponentError(
                "E0311",
                f"`{step.name}` fills `{step.fills[0]}` for whole texts, and a sample of "
                f"`{self.name}` is a word",
                help=f"leave it out of `preprocess.{self.texts}`",
            )
        if self.texts == self.candidates:
            raise ComponentError(
                "E0302",
                f"`{self.name}` reads and fills `{self.texts}`",
                blame=self.candidates_argument,
                help="name two inputs",
            )
        batch = frame.inputs[self.texts].shape[0]
        wide = TensorType(INT, (batch, 1 + self.negatives))
        self.require(self.candidates, frame.inputs[self.candidates], wide, self.candidates_argument)
        self.require(self.target, frame.targets[self.target], wide.with_dtype(FLOAT), "label")

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.candidates, self.target)

    def reads(self, frame: Frame) -> Types:
        batch = frame.inputs[self.texts].shape[0]
        return {self.texts: TensorType(INT, (batch, symbol("/words")))}
