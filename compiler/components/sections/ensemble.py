"""Several networks as one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Path, Positive
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component

_SEEDS = 5


@component
class Ensemble(Section):
    """Trains several networks and combines their answers into those of one.

        ensemble: {members: 5}
        ensemble: {vary: fold}
        ensemble: {specs: [wide.yaml, deep.yaml], combine: vote, best: 2}

    Each member is a run of its own in `members/0`, `members/1`, ...; `dlc evaluate` and
    `dlc export` take the folder of all, and one ONNX file holds all of them.

    `mean` is that of probabilities where the answers are classes: where `postprocess` has
    `softmax` or `sigmoid` for the output, or its loss is one over classes. The output itself is
    then the logarithm of the mean, of which softmax (or sigmoid) gives the mean back, so that
    the loss and every metric mean the ensemble. Other outputs are averaged as they are. In a
    `vote` each member names one class, and the mean of all counts as one voter more, which
    settles ties: a probability is a share of votes.

    With `vary: fold` members see all rows but the test part, each but one fold of them; data
    is preprocessed for all as for the first one, since an exported file has one beginning.
    Those rows are no test of the ensemble, of which each was seen by some member. A network of
    `specs` has the inputs, outputs, targets, data and pre- and postprocessing of this spec,
    and anything else of its own; this spec is the first member.

    Arguments:
        members: how many networks; 5 seeds, or all folds, where not given
        vary: what differs between them; `seed` the initial weights and the order, `fold` the
            training rows
        specs: instead, the files of further specs
        combine: how answers become one; `mean`, or `vote` of the classes
        best: of so many members alone, those with the best validations; all where not given
        together: whether members are trained side by side in one process, by `torch.func`;
            `auto` where they differ by their seeds alone, a trial at the start gives equal
            gradients, and it pays

    Source: Hansen and Salamon, "Neural network ensembles" (1990); Lakshminarayanan et al.,
    "Simple and scalable predictive uncertainty estimation using deep ensembles" (2017).
    """

    name: ClassVar[str] = "ensemble"

    members: Annotated[int, Ge(2)] | None = None
    vary: Literal["seed", "fold"] = "seed"
    specs: tuple[Path, ...] = ()
    combine: Literal["mean", "vote"] = "mean"
    best: Positive | None = None
    together: bool | Literal["auto"] = "auto"

    @property
    def seeds(self) -> int:
        """How many members differ by their seeds."""
        return self.members or _SEEDS

    def validate(self) -> None:
        if self.specs and (self.members is not None or self.vary != "seed"):
            raise ComponentError(
                "E0311",
                "`specs` names the members, and `members` or `vary` would make others",
                blame="members" if self.members is not None else "vary",
                help="keep `specs`, or the other two",
            )
        if self.together is True and (self.specs or self.vary == "fold"):
            raise ComponentError(
                "E0311",
                "only members that differ by their seeds alone are trained side by side",
                blame="together",
                help="leave `together` out",
            )
        known = len(self.specs) + 1 if self.specs else self.members
        if self.vary == "seed" and not self.specs:
            known = self.seeds
        if self.best is not None and known is not None and self.best > known:
            raise ComponentError(
                "E0302",
                f"there are no {self.best} best of {known} members",
                blame="best",
                help=f"give a number from 1 to {known}, or leave `best` out",
            )
