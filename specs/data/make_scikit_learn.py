"""Makes five small sets from the wheel of scikit-learn, byte for byte the same each time.

    pip download scikit-learn==1.9.1 --no-deps && unzip -q scikit_learn-1.9.1-*.whl
    python make_scikit_learn.py sklearn/datasets/data .

writes `breast_cancer.csv`, `iris.csv`, `wine.csv`, `diabetes.csv` and `digits8x8.parquet`. The
numbers of the tables keep their text; only names of columns and classes are added. Each set
has a page beside this file that says what it holds.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CELLS = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity",
    "concave_points", "symmetry", "fractal_dimension",
)  # fmt: skip
BREAST_CANCER = (
    *(f"mean_{name}" for name in CELLS),
    *(f"{name}_error" for name in CELLS),
    *(f"worst_{name}" for name in CELLS),
    "malignant",
)
IRIS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")
WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols",
    "flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue",
    "od280_od315", "proline", "cultivar",
)  # fmt: skip
DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6", "progression")
PIXELS = 8 * 8
DIGITS = pa.schema(
    [
        pa.field("image", pa.list_(pa.field("element", pa.uint8(), nullable=False), PIXELS), False),
        pa.field("label", pa.int64(), nullable=False),
    ]
)


def headed(file: Path) -> tuple[list[str], list[list[str]]]:
    """The names of the classes and the rows of a table that says first how large it is."""
    (rows, columns, *classes), *found = csv.reader(file.read_text("ascii").splitlines())
    _require(file, len(found) == int(rows) and {len(row) for row in found} == {int(columns) + 1})
    return classes, found


def unpacked(file: Path) -> list[str]:
    return gzip.decompress(file.read_bytes()).decode("ascii").splitlines()


def diabetes(measured: Path, answers: Path) -> list[list[str]]:
    """The raw measurements of `measured`, and the response of `answers`, a whole number."""
    rows = []
    for line, answer in zip(unpacked(measured), unpacked(answers), strict=True):
        _require(answers, float(answer).is_integer())
        rows.append([*line.split(), str(int(float(answer)))])
    return rows


def digits(file: Path) -> pa.Table:
    rows = [[int(number) for number in line.split(",")] for line in unpacked(file)]
    _require(file, {len(row) for row in rows} == {PIXELS + 1})
    _require(file, all(0 <= pixel <= 16 for row in rows for pixel in row[:PIXELS]))
    pixels = pa.array(b"".join(bytes(row[:PIXELS]) for row in rows), pa.uint8())
    return pa.table(
        [
            pa.FixedSizeListArray.from_arrays(pixels, type=DIGITS.field("image").type),
            pa.array([row[PIXELS] for row in rows], pa.int64()),
        ],
        schema=DIGITS,
    )


def _require(file: Path, holds: bool) -> None:
    if not holds:
        raise ValueError(f"{file} is not the file that scikit-learn 1.9.1 ships")


def _write(file: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with file.open("w", encoding="ascii", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            _require(file, len(row) == len(columns))
            writer.writerow(row)


def main(source: Path, target: Path) -> None:
    _, rows = headed(source / "breast_cancer.csv")
    # scikit-learn calls malignant 0 and benign 1.
    turned = [[*row, str(1 - int(label))] for *row, label in rows]
    _write(target / "breast_cancer.csv", BREAST_CANCER, turned)

    species, rows = headed(source / "iris.csv")
    named = [[*row, species[int(label)]] for *row, label in rows]
    _write(target / "iris.csv", IRIS, named)

    _, rows = headed(source / "wine_data.csv")
    _write(target / "wine.csv", WINE, rows)

    rows = diabetes(source / "diabetes_data_raw.csv.gz", source / "diabetes_target.csv.gz")
    _write(target / "diabetes.csv", DIABETES, rows)

    table = digits(source / "digits.csv.gz")
    pq.write_table(
        table,
        target / "digits8x8.parquet",
        compression="zstd",
        compression_level=22,
        row_group_size=len(table),
        write_page_checksum=True,
        store_schema=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
