"""Columns of images: files that a column names, or their content, decoded a row at a time.

An image is `[channels, height, width]` in float32, from 0 to 1, turned as its camera was
held. A path starts at the table that it is in (an image folder at itself) and stays below
the root of the spec.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dlc.runtime.data.columns import Array, Binding
from dlc.runtime.data.formats.base import BadRow, Place, Skipped, bad_value, regular
from dlc.runtime.data.splits import Rows
from dlc.runtime.failures import Failure, failure

# A picture of 100 megapixels takes 1.2 GB as numbers; cameras that sell stay below.
MOST_PIXELS = 100_000_000
_MOST_BYTES = 256 << 20
_MOST_THREADS = 8
# Images that are decoded before those ahead of them are taken.
_AHEAD = 64
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_DEEP = 65535.0


@dataclass(frozen=True, kw_only=True)
class Images:
    """A column of images, of which any row is decoded when it is asked for. `values` are
    paths, contents, or pairs `{path, bytes}`; `rows` number them for messages, which name the
    `input` that they fill."""

    input: str
    column: str
    values: pa.ChunkedArray
    channels: int | None
    folder: Path
    root: Path
    place: Place
    rows: Sequence[int] | Rows

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Array:
        """One image. Raises `BadRow` where it cannot be read."""
        try:
            return decode(self._content(self.values[index].as_py()), self.channels)
        except _BadImage as error:
            raise self._bad(index, str(error)) from None
        except BadRow:
            raise
        except Failure as error:
            if error.diagnostic.code.number == "E0603":
                raise
            raise self._bad(index, error.diagnostic.message) from None

    def stacked(
        self,
        shape: Sequence[int | None],
        prepare: Callable[[Array], Array] = lambda image: image,
        skipped: list[Skipped] | None = None,
    ) -> Array:
        """All images as `[rows, channels, height, width]`, each put through `prepare`, which
        takes and gives `[1, channels, height, width]`. Rows that cannot be read, or are of
        another size than `shape` says, raise `BadRow`; where `skipped` is given they are
        listed there, and are zeros."""
        found: Array | None = None
        for index, image in self._prepared(prepare):
            try:
                if isinstance(image, BadRow):
                    raise image
                wanted = tuple(shape) if found is None else found.shape[1:]
                self.refuse_size(index, image, wanted)
            except BadRow as error:
                if skipped is None:
                    raise
                skipped.append(Skipped(row=error.row, column=self.column, reason=error.reason))
                continue
            if found is None:
                found = np.zeros((len(self), *image.shape), image.dtype)
            found[index] = image
        if found is None:
            return np.zeros((len(self), *(dim or 1 for dim in shape)), np.float32)
        return found

    def _prepared(self, prepare: Callable[[Array], Array]) -> Iterator[tuple[int, Array | BadRow]]:
        """Each image after `prepare`, or what is wrong with it, in order. Decoders leave the
        interpreter to other threads."""

        def one(index: int) -> Array | BadRow:
            try:
                image: Array = prepare(self[index][None])[0]
            except BadRow as error:
                return error
            return image

        with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
            for start in range(0, len(self), _AHEAD):
                some = range(start, min(start + _AHEAD, len(self)))
                yield from zip(some, pool.map(one, some), strict=True)

    @cached_property
    def _below(self) -> Path:
        return self.root.resolve()

    def refuse_size(self, index: int, image: Array, shape: Sequence[int | None]) -> None:
        """Raises `BadRow` for an image of another size than `shape` says."""
        fits = len(shape) == image.ndim and all(
            dim is None or dim == size for dim, size in zip(shape, image.shape, strict=True)
        )
        if not fits:
            wanted = " x ".join("any" if dim is None else str(dim) for dim in shape[1:])
            size = " x ".join(str(size) for size in image.shape[1:])
            to = ", ".join(str(dim or 224) for dim in shape[1:])
            raise self._bad(
                index,
                f"the image is {size} pixels high and wide, {wanted} are wanted",
                f"bring all to one size: `preprocess: {{{self.input}: resize({to})}}`",
            )

    def _content(self, value: Any) -> bytes:
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if value is None:
            raise _BadImage("the image is missing")
        if isinstance(value, bytes):
            return value
        path = (self.folder / str(value)).resolve()
        if not path.is_relative_to(self._below):
            raise _BadImage(f"`{value}` leaves the folder of the spec")
        if regular(path).stat().st_size > _MOST_BYTES:
            raise _BadImage(f"it takes more than {_MOST_BYTES >> 20} MiB")
        try:
            return path.read_bytes()
        except OSError as error:
            raise _BadImage((error.strerror or str(error)).lower()) from None

    def _bad(self, index: int, message: str, help: str | None = None) -> BadRow:
        return bad_value(self.place, int(self.rows[index]), self.column, message, help)


class _BadImage(ValueError):
    """What is wrong with an image, without its place."""


def holds_images(binding: Binding, type: Any) -> bool:
    """Whether a column of this Arrow type fills an input with pictures: contents do, and
    paths where one column fills `[N, channels, height, width]`."""
    if len(binding.columns) != 1:
        return False
    if pa.types.is_dictionary(type):
        type = type.value_type
    if pa.types.is_struct(type):
        return {"bytes", "path"} >= {type.field(i).name for i in range(type.num_fields)}
    if pa.types.is_binary(type) or pa.types.is_large_binary(type):
        return True
    is_text = pa.types.is_string(type) or pa.types.is_large_string(type)
    return is_text and len(binding.shape) == 3


def channels_of(binding: Binding) -> int | None:
    return binding.shape[0] if len(binding.shape) == 3 else None


def decode(content: bytes, channels: int | None = None) -> Array:
    """A PNG or JPEG file as `[channels, height, width]`, float32 from 0 to 1. None keeps the
    channels of the file: one where it is grey, else three. Raises ValueError for what cannot
    be decoded or is too large, `Failure` E0603 where Pillow is absent."""
    try:
        from PIL import ImageOps
    except ImportError:
        raise failure(
            "E0603",
            "images need the package `pillow`, which is not installed",
            help="`pip install pillow`",
        ) from None
    if channels is not None and channels not in _MODES:
        raise _BadImage(f"an image has 1, 3 or 4 channels, not {channels}")
    try:
        with _opened(content) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _BadImage(f"it has more than {MOST_PIXELS // 10**6} million pixels")
            turned = ImageOps.exif_transpose(image)
            return _numbers(turned, channels)
    except _BadImage:
        raise
    except MemoryError:
        raise _BadImage("it takes more memory than there is") from None
    # Decoders of damaged files raise whatever their parsing runs into.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise _BadImage(f"it cannot be decoded: {reason[:1].lower() + reason[1:]}") from None


def pixels_of(content: bytes) -> int:
    """How many pixels an image has, by its head; 0 for what is none."""
    try:
        with _opened(content) as image:
            return int(image.width) * int(image.height)
    except Exception:
        return 0


def _opened(content: bytes) -> Any:
    """The image in a file, of which only the head is read. `Image.open` would warn of what is
    too large for it, and warnings are switched for all threads at once."""
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    kinds = {b"\x89PNG\r\n\x1a\n": PngImageFile, b"\xff\xd8\xff": JpegImageFile}
    for head, kind in kinds.items():
        if content.startswith(head):
            try:
                return kind(io.BytesIO(content))
            except SyntaxError:
                break
    raise _BadImage("it is no PNG or JPEG file")


def _numbers(image: Any, channels: int | None) -> Array:
    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would cut off at 255.
        grey = np.asarray(image, np.float32)[None] / np.float32(_DEEP)
        deep = np.repeat(grey, 3 if channels == 3 else 1, axis=0)
        if channels == 4:
            deep = np.concatenate([np.repeat(grey, 3, axis=0), np.ones_like(grey)])
        return deep
    mode = _MODES[channels] if channels else ("L" if image.mode in ("1", "L") else "RGB")
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    scaled = pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(scaled)
