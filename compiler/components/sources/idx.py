"""Images and labels in the format of MNIST."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path
from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class Idx(Source):
    """Images and labels in the format of MNIST.

        data:
          source:
            idx: {path: data/train-images-idx3-ubyte, labels: data/train-labels-idx1-ubyte}

    The columns are `image` and `label`.

    Arguments:
        path: the file of the images, below the folder of the spec
        labels: the file of the labels
    """

    name: ClassVar[str] = "idx"
    suffixes: ClassVar[tuple[str, ...]] = (".idx", ".idx.gz", "-ubyte", "-ubyte.gz")
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "IDX files are not read yet: write the data to a Parquet or CSV file"
    )

    labels: Path | None = None
