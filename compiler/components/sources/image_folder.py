"""A folder with a folder of images for each class."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class ImageFolder(Source):
    """A folder with a folder of images for each class.

        data: {source: data/flowers}

    The columns are `image` and `label`, the label being the name of the folder. PNG and JPEG
    files are taken, in the order of their paths; other files and names that begin with a dot
    are left out. A folder without folders has the column `image` only. Images that a table
    lists are read from that table: a column of paths, relative to it, is a column of images.

    Arguments:
        path: the folder, below the folder of the spec
    """

    name: ClassVar[str] = "image_folder"
    suffixes: ClassVar[tuple[str, ...]] = ("",)
