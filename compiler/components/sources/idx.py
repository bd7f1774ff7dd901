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

    The columns are `image` and `label`. Where `labels` is absent, the file of labels that
    MNIST's names call for (`train-labels-idx1-ubyte` beside `train-images-idx3-ubyte`) is
    taken if it is there. Files may be compressed (`.gz`).

    Arguments:
        path: the file of the images, below the folder of the spec
        labels: the file of the labels
    """

    name: ClassVar[str] = "idx"
    suffixes: ClassVar[tuple[str, ...]] = (".idx", ".idx.gz", "-ubyte", "-ubyte.gz")

    labels: Path | None = None
