"""Separate files for the parts of the data."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path
from dlc.compiler.components.sections.base import Section
from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Files(Section):
    """The parts of the data in files of their own, instead of a `split`.

        data:
          source: {train: data/train.csv, test: data/test.csv}
          split: {validation: 0.1, stratify: label}

    All need the same columns. Class names and statistics are those of the rows to learn from.
    A row of one file is never compared with those of another: that no row is in two of them
    is for whoever made them to see to.

    Arguments:
        train: the file to learn from
        validation: the file to validate on; where absent, a part of `train` by `split`, a
            tenth where `split` says nothing
        test: the file that is kept for the end; where absent, there is no such part
    """

    name: ClassVar[str] = "files"

    train: Path | Source
    validation: Path | Source | None = None
    test: Path | Source | None = None
