"""Where the samples come from."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Path, Positive, Refers
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.objectives.base import Objective
from dlc.compiler.components.sections.base import Section
from dlc.compiler.components.sections.files import Files
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Data(Section):
    """Where the samples come from and how they become batches.

        data:
          source: data/digits.csv
          columns: {image: "pixel_*", label: digit}
          split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label}
          batch_size: 128

    Only `dlc train`, `dlc evaluate` and `dlc data` open the source; checking and building
    never do.

    Arguments:
        source: a path, read by its suffix; `{parquet: {path: ...}}` with the reader's
            arguments; or one path a part: `{train: a.csv, test: b.csv}`
        columns: for an input or target, the column that fills it; a glob (`pixel_*`)
            stacks columns in their order, and a list (`[age, fare, "pixel_*"]`) in its own;
            left out where every input and target has the name of its column
        where: the rows to keep, as comparisons of columns joined by `and`, `or`, `not`
            (`year < 2025 and city != "Oslo"`)
        split: how the rows are divided; where absent, 0.8 to train, 0.1 to validate, 0.1 to test
        objective: how targets are made from the inputs, where the data has none
        batch_size: samples a step; `all` makes one batch of the training part
        shuffle: draw the training rows in a new order every epoch
        balance: a target whose classes are drawn equally often: in an epoch, which is as long
            as without it, each row of a large class comes at most once and those of a small
            one several times
        on_bad_sample: `fail` stops at the first row that cannot be read or does not fit,
            `skip` leaves it out, and counts and lists what it left out
        augment: random changes of the training samples, in this order
        memory: `resident` holds all samples in memory, `stream` reads the row groups of
            Parquet, the batches of an Arrow file, the lines of a text, or the pictures of a
            folder or of a table that lists their paths, whenever they are wanted; texts in
            pieces and what objectives make are then kept in temporary files. `auto` streams
            what is too large. Both give the same run
    """

    name: ClassVar[str] = "data"
    source: Path | Source | Files
    columns: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    where: str | None = None
    split: Split | None = None
    objective: Objective | None = None
    batch_size: Positive | Literal["all"] = 32
    shuffle: bool = True
    balance: Annotated[str, Refers("target")] | None = None
    on_bad_sample: Literal["fail", "skip"] = "fail"
    augment: tuple[Augmentation, ...] = ()
    memory: Literal["auto", "resident", "stream"] = "auto"

    def validate(self) -> None:
        split, files = self.split, self.source
        if split is None or not isinstance(files, Files):
            return
        given = {"test": split.test, "folds": split.folds, "time": split.time}
        if files.validation is not None:
            given |= {"train": split.train, "validation": split.validation}
            given |= {"stratify": split.stratify, "group": split.group}
        for key, value in given.items():
            if value:
                raise ComponentError(
                    "E0311",
                    f"`split.{key}` divides rows that files of their own divide already",
                    blame="split",
                    help=f"leave `{key}` out, or put all rows in one file",
                )
