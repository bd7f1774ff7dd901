"""What a smaller number format cost, for people and for the metadata of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRECISIONS = ("float32", "fp16", "bf16", "int8", "int8_dynamic")
#: Names that other tools give them.
SYNONYMS = {"float16": "fp16", "half": "fp16", "bfloat16": "bf16"}


@dataclass(frozen=True, kw_only=True)
class PrecisionReport:
    """`before` and `after` are the deciding figure of the float32 file and of this one, on
    `rows` rows of the validation part. `kept` are layers that stayed float32 because they hurt
    most, of `layers` that have a form in the format. `emulated` says that the figures are of
    float32 arithmetic with every result rounded, as kernels for the format give them."""

    precision: str
    metric: str
    higher_is_better: bool
    before: float
    after: float
    drop: float
    max_drop: float
    agreement: float | None
    rows: int
    calibration_rows: int
    layers: int
    kept: tuple[str, ...]
    emulated: bool
    bytes_before: int
    bytes: int

    def record(self) -> dict[str, Any]:
        """For the metadata and `--format json`."""
        return {
            "precision": self.precision,
            "metric": self.metric,
            "before": _short(self.before),
            "after": _short(self.after),
            "drop": _short(self.drop),
            "relative": not self.higher_is_better,
            "max_drop": self.max_drop,
            "agreement": None if self.agreement is None else _short(self.agreement),
            "rows": self.rows,
            "calibration_rows": self.calibration_rows,
            "layers": self.layers,
            "kept": list(self.kept),
            "emulated": self.emulated,
            "bytes": {"float32": self.bytes_before, self.precision: self.bytes},
        }


def told(record: Mapping[str, Any]) -> str:
    """The record of a file in a line, for who runs it."""
    if not record:
        return ""
    same = record.get("agreement")
    return (
        f"numbers are {record['precision']}: {record['metric']} {record['before']:g} became "
        f"{record['after']:g} on {record['rows']:,} validation rows"
        + ("" if same is None else f", {100 * same:.4g} % of the answers the same")
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}")
