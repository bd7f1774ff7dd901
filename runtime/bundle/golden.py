"""Golden answers: inputs with the outputs that they must give, to prove a model where it runs.

The inputs are drawn, from the declared types and from what the steps were fitted to (means,
categories, vocabulary); they are no rows of the data. A bundle leaves the house, and data
need not: nothing is in here that the model file does not hold itself. Drawn rows prove what
golden answers are for, that the same numbers are computed, as well as real ones do, and equal
runs give equal ones.

Texts and the tolerance are in `golden.json`, numbers in `golden.safetensors` under
`inputs/NAME`, `outputs/NAME`, `core_inputs/NAME`, `core_outputs/NAME`, and `columns/NAME` for
raw values in front of the steps that run outside of the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlc.runtime.bundle.layout import GOLDEN, GOLDEN_TENSORS
from dlc.runtime.export.parity import Tolerance
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import Failure, failure, io_failure, shown

_PARTS = ("columns", "inputs", "outputs", "core_inputs", "core_outputs")
_MAX_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Inputs and outputs by name, of `rows` samples. `columns` are raw values of the inputs
    that steps outside of the file fill; `core_inputs` and `core_outputs` are of the network
    alone."""

    rows: int
    tolerance: Tolerance
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    core_inputs: Mapping[str, Array] = field(default_factory=dict)
    core_outputs: Mapping[str, Array] = field(default_factory=dict)
    columns: Mapping[str, Array] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """The two files by name."""
        from safetensors.numpy import save

        tensors: dict[str, Array] = {}
        texts: dict[str, Any] = {}
        for part in _PARTS:
            for name, values in getattr(self, part).items():
                if values.dtype.kind in "OUS":
                    texts[f"{part}/{name}"] = {
                        "shape": list(values.shape),
                        "values": [str(value) for value in values.reshape(-1).tolist()],
                    }
                else:
                    tensors[f"{part}/{name}"] = np.ascontiguousarray(values)
        record = {
            "rows": self.rows,
            "tolerance": {"atol": self.tolerance.atol, "rtol": self.tolerance.rtol},
            "texts": texts,
        }
        text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        return {GOLDEN: text.encode(), GOLDEN_TENSORS: save(dict(sorted(tensors.items())))}


def read_golden(folder: Path) -> Golden:
    """The golden answers of a bundle. Raises `Failure` E0910, E0611."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        for name in (GOLDEN, GOLDEN_TENSORS):
            if (folder / name).stat().st_size > _MAX_BYTES:
                raise ValueError("too large")
        record = json.loads((folder / GOLDEN).read_bytes())
        found: dict[str, dict[str, Array]] = {part: {} for part in _PARTS}
        for key, values in load((folder / GOLDEN_TENSORS).read_bytes()).items():
            part, _, name = key.partition("/")
            found[part][name] = values
        for key, given in record["texts"].items():
            part, _, name = key.partition("/")
            texts = np.array([str(value) for value in given["values"]], object)
            found[part][name] = texts.reshape([int(size) for size in given["shape"]])
        tolerance = record["tolerance"]
        return Golden(
            rows=int(record["rows"]),
            tolerance=Tolerance(float(tolerance["atol"]), float(tolerance["rtol"])),
            **found,
        )
    except OSError as error:
        raise io_failure("cannot read", folder / GOLDEN, error) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as e:
        raise _damaged(folder, type(e).__name__) from None


def _damaged(folder: Path, what: str) -> Failure:
    return failure(
        "E0910",
        f"the golden answers of `{shown(folder)}` cannot be read: {what}",
        help="make the bundle anew: `dlc export RUN --bundle DIR`",
    )


# ── comparing ────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How close outputs came: the largest difference, in units of the output, and `wrong`,
    what does not agree, by output."""

    max_abs: float
    wrong: Mapping[str, str]


def agreement(
    expected: Mapping[str, Array], found: Mapping[str, Array], tolerance: Tolerance
) -> Agreement:
    """Compares outputs. An answer (a label, the number of a class) may differ only where the
    scores that it was made of are as good as equal."""
    largest = 0.0
    wrong: dict[str, str] = {}
    for name, ref in expected.items():
        values = found.get(name)
        if values is None:
            wrong[name] = "is not given"
        elif values.shape != ref.shape:
            wrong[name] = f"has the shape {list(values.shape)} in place of {list(ref.shape)}"
        elif ref.dtype.kind in "fV":
            difference, complaint = _numbers(ref, values, tolerance)
            largest = max(largest, difference)
            if complaint:
                wrong[name] = complaint
        else:
            differs = values.astype(object) != ref.astype(object)
            differs &= ~_near_ties(name, expected, tolerance, ref.shape)
            if np.any(differs):
                wrong[name] = f"{int(np.sum(differs))} of {ref.size} differ"
    return Agreement(max_abs=largest, wrong=wrong)


def _numbers(ref: Array, values: Array, tolerance: Tolerance) -> tuple[float, str]:
    a, b = values.astype(np.float64), ref.astype(np.float64)
    odd = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[odd], b[odd], equal_nan=True):
        return 0.0, "is infinite or not a number where it must not be, or the reverse"
    difference = np.abs(np.where(odd, 0, a) - np.where(odd, 0, b))
    worst = float(difference.max(initial=0.0))
    if bool(np.all(difference <= tolerance.allowed(np.where(odd, 0, b)))):
        return worst, ""
    return worst, f"differs by up to {worst:.3g}"


def _near_ties(
    name: str, expected: Mapping[str, Array], tolerance: Tolerance, shape: tuple[int, ...]
) -> Array:
    """Where the two greatest scores, of the output that an answer is made of, are as near to
    each other as the tolerance lets them move."""
    scores = expected.get(name.removesuffix("_label"))
    near = np.zeros(shape, bool)
    if scores is None or scores is expected[name] or scores.dtype.kind != "f":
        return near
    for axis in range(scores.ndim):
        if scores.shape[:axis] + scores.shape[axis + 1 :] == shape and scores.shape[axis] > 1:
            top = np.sort(scores.astype(np.float64), axis=axis)
            first, second = np.take(top, -1, axis), np.take(top, -2, axis)
            return np.asarray(first - second <= 2 * np.max(tolerance.allowed(scores)))
    if scores.shape == shape:
        # A yes or no, by the sign of one score.
        return np.asarray(np.abs(scores) <= np.max(tolerance.allowed(scores)))
    return near
