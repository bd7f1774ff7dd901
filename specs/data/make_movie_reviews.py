"""Makes `movie_reviews.parquet` from the source package of vaderSentiment, byte for byte the
same each time.

    pip download vaderSentiment==3.3.2 --no-binary :all: --no-deps
    tar -xzf vaderSentiment-3.3.2.tar.gz
    tar -xzf vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz
    python make_movie_reviews.py hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt \
        movie_reviews.parquet

A line of the source is a number, the mean of at least twenty ratings from -4 to 4, and a
sentence. The label is the sign of the mean; sentences of mean 0 have none and are left out,
and so is the second of two equal ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("rating", pa.float32(), nullable=False),
    ]
)


def sentences(file: Path) -> dict[str, float]:
    """The mean rating of each sentence. Raises ValueError where a line is no such thing."""
    found: dict[str, float] = {}
    for line in file.read_text("utf-8").splitlines():
        _, rating, text = line.split("\t")
        if float(rating) != 0.0:
            found.setdefault(text.strip(), float(rating))
    return found


def main(source: Path, target: Path) -> None:
    rated = sentences(source)
    table = pa.table(
        [
            pa.array(rated, pa.string()),
            pa.array(["positive" if r > 0 else "negative" for r in rated.values()]),
            pa.array(list(rated.values()), pa.float32()),
        ],
        schema=SCHEMA,
    )
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=22,
        row_group_size=len(table),
        write_page_checksum=True,
        store_schema=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
