"""A data set of the Hugging Face hub, or of a folder."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class HuggingFace(Source):
    """A data set of the Hugging Face hub, or of a folder that its library has written.

        data:
          source:
            hugging_face: {path: stanfordnlp/imdb, split: train, revision: e6281661ce1c48d98}

    Needs the package `datasets` (`pip install datasets`), which loads the data set once and
    keeps it in its own cache. No code of the data set is run. A `revision` keeps the rows
    what they are; without one they are the newest. A folder beside the spec, written by
    `save_to_disk` or holding the files of a data set, is read without the hub. Pictures are
    columns of pictures here too; a `ClassLabel` is its number.

    Arguments:
        path: the name of the data set on the hub, or a folder
        config: its configuration, where it has several
        split: the part to take, as the library names it (`train`, `train[:10%]`)
        revision: the commit, tag or branch of the data set
    """

    name: ClassVar[str] = "hugging_face"

    config: str | None = None
    split: str = "train"
    revision: str | None = None
