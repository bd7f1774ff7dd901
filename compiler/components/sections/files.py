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

    Not read yet: put all rows in one file and give a `split`.

    Arguments:
        train: the file to learn from
        validation: the file to validate on; where absent, a part of `train` by `split`
        test: the file that is kept for the end
    """

    name: ClassVar[str] = "files"

    train: Path | Source
    validation: Path | Source | None = None
    test: Path | Source | None = None
