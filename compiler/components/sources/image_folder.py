"""A folder with a folder of images for each class."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.sources.base import Source
from dlc.compiler.record import component


@component
class ImageFolder(Source):
    """A folder with a folder of images for each class.

        data: {source: data/flowers}

    The columns are `image` and `label`, the label being the name of the folder.

    Arguments:
        path: the folder, below the folder of the spec
    """

    name: ClassVar[str] = "image_folder"
    suffixes: ClassVar[tuple[str, ...]] = ("",)
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "image folders are not read yet: write decoded pixels to a Parquet file"
    )
