"""The gate that every exported file passes: it computes what PyTorch computes.

Two results agree where |a - b| <= atol * max(1, max|ref|) + rtol * |ref|. Extreme inputs
magnify the rounding of float32 itself; there a result may also stray from a float64
reference by a few times as much as PyTorch's own float32 does, and no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dlc.runtime.export.probes import Probe
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import Failure, failure

_ROUNDING = 8.0


@dataclass(frozen=True, slots=True)
class Tolerance:
    atol: float
    rtol: float

    def allowed(self, reference: Array) -> Array:
        finite = np.abs(reference[np.isfinite(reference)])
        scale = max(1.0, float(finite.max(initial=0.0)))
        result: Array = self.atol * scale + self.rtol * np.abs(reference)
        return result


FLOAT32_CPU = Tolerance(1e-5, 1e-3)


class Reference(Protocol):
    """The network as PyTorch runs it, on raw inputs; gives its outputs by name."""

    def __call__(self, feeds: Mapping[str, Array], *, double: bool = False) -> dict[str, Array]: ...


@dataclass(kw_only=True)
class OutputAgreement:
    """How close one output came. `max_abs` is in units of the output, over all but extreme
    inputs; `max_rel` is relative to the larger of 1 and the greatest value of the probe,
    over all; `agreement` is the share of equal answers: of the class with the greatest score, of
    the value itself for labels and whole numbers. Other floats are no answers, and an output of
    them has None."""

    max_abs: float = 0.0
    max_rel: float = 0.0
    equal: int = 0
    answers: int = 0

    @property
    def agreement(self) -> float | None:
        return self.equal / self.answers if self.answers else None


@dataclass(kw_only=True)
class ParityReport:
    """What was compared and how close it came; `failures` says where it did not agree."""

    tolerance: Tolerance
    sizes: dict[str, set[int]] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    outputs: dict[str, OutputAgreement] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.failures

    @property
    def max_abs(self) -> float:
        return max((output.max_abs for output in self.outputs.values()), default=0.0)

    @property
    def agreement(self) -> float | None:
        found = (output.agreement for output in self.outputs.values())
        return min((share for share in found if share is not None), default=None)

    def record(self) -> dict[str, Any]:
        """For the model's metadata and `--format json`."""
        return {
            "ok": self.ok,
            "atol": self.tolerance.atol,
            "rtol": self.tolerance.rtol,
            "probes": self.kinds,
            "sizes": {name: sorted(values) for name, values in sorted(self.sizes.items())},
            "outputs": {
                name: {
                    "max_abs": _short(output.max_abs),
                    "max_rel": _short(output.max_rel),
                    "agreement": None if output.agreement is None else _short(output.agreement),
                }
                for name, output in self.outputs.items()
            },
        }

    def refusal(self) -> Failure:
        """The `Failure` E0601 of a report that is not ok."""
        return failure(
            "E0601",
            "the exported model does not compute what PyTorch computes",
            notes=tuple(self.failures[:5]),
            help="no file was written; this is a mistake of ours: please report it with the spec",
        )


def compare(
    probes: Iterable[Probe],
    model: Callable[[Mapping[str, Array]], dict[str, Array]],
    reference: Reference,
    postprocess: Callable[[Mapping[str, Array]], dict[str, Array]] | None = None,
    tolerance: Tolerance = FLOAT32_CPU,
    scores: Mapping[str, int] | None = None,
) -> ParityReport:
    """Runs every probe through both. `postprocess` recomputes, from the model's own network
    outputs, what it adds to them, so that a near tie is no disagreement. `scores` are the
    outputs that score classes, with the dim of these."""
    report = ParityReport(tolerance=tolerance)
    axes = scores or {}
    for probe in probes:
        report.kinds.append(probe.kind)
        for name, size in probe.dims.items():
            report.sizes.setdefault(name, set()).add(size)
        found = model(probe.feeds)
        expected = reference(probe.feeds)
        double: dict[str, Array] | None = None
        for name, ref in expected.items():
            complaint = _judge(found[name], ref, report, name, probe.kind, axes.get(name))
            if complaint and probe.kind == "extremes":
                double = double or _in_float64(reference, probe)
                if double:
                    complaint = _judge_rounding(found[name], ref, double[name], tolerance)
            _note(report, probe, name, complaint)
        if postprocess is not None:
            for name, ref in postprocess({name: found[name] for name in expected}).items():
                _note(report, probe, name, _judge(found[name], ref, report, name, probe.kind))
    return report


def _in_float64(reference: Reference, probe: Probe) -> dict[str, Array]:
    try:
        return reference(probe.feeds, double=True)
    except RuntimeError:
        # A layer with a float32 table of its own: the plain verdict stands.
        return {}


def _note(report: ParityReport, probe: Probe, name: str, complaint: str) -> None:
    if complaint:
        sizes = ", ".join(f"{symbol}={size}" for symbol, size in probe.dims.items())
        report.failures.append(f"`{name}` ({probe.kind}, {sizes}): {complaint}")


def _judge(
    found: Array,
    ref: Array,
    report: ParityReport,
    name: str,
    kind: str,
    axis: int | None = None,
) -> str:
    """Counts one comparison; gives what is wrong with it, or nothing."""
    output = report.outputs.setdefault(name, OutputAgreement())
    if found.shape != ref.shape:
        return f"its shape is {list(found.shape)}, PyTorch's is {list(ref.shape)}"
    if not ref.size:
        return ""
    if ref.dtype.kind != "f":
        equal = found.astype(object) == ref.astype(object)
        output.equal += int(np.sum(equal))
        output.answers += ref.size
        return "" if bool(np.all(equal)) else f"{int(np.sum(~equal))} of {ref.size} differ"
    a, b = found.astype(np.float64), ref.astype(np.float64)
    unlike = _unlike_where_not_finite(a, b)
    if unlike:
        return unlike
    finite = np.isfinite(b)
    difference = np.abs(np.where(finite, a, 0) - np.where(finite, b, 0))
    worst = float(difference.max())
    if kind != "extremes":
        output.max_abs = max(output.max_abs, worst)
    scale = max(1.0, float(np.abs(b[finite]).max(initial=0.0)))
    output.max_rel = max(output.max_rel, worst / scale)
    if axis is not None:
        same = a.argmax(axis=axis) == b.argmax(axis=axis)
        output.equal += int(same.sum())
        output.answers += same.size
    if bool(np.all(difference <= report.tolerance.allowed(np.where(finite, b, 0)))):
        return ""
    return f"differs by up to {worst:.3g}, where the greatest value is {scale:.3g}"


def _judge_rounding(found: Array, ref: Array, exact: Array, tolerance: Tolerance) -> str:
    a, b, c = (x.astype(np.float64) for x in (found, ref, exact))
    unlike = _unlike_where_not_finite(a, b)
    if unlike:
        return unlike
    finite = np.isfinite(b) & np.isfinite(c)
    a, b, c = (np.where(finite, x, 0) for x in (a, b, c))
    own = float(np.abs(b - c).max(initial=0.0))
    stray = np.abs(a - c)
    if bool(np.all(stray <= tolerance.allowed(c) + _ROUNDING * own)):
        return ""
    return f"strays from float64 by up to {float(stray.max()):.3g}, PyTorch's float32 by {own:.3g}"


def _unlike_where_not_finite(a: Array, b: Array) -> str:
    odd = ~(np.isfinite(a) & np.isfinite(b))
    if np.array_equal(a[odd], b[odd], equal_nan=True):
        return ""
    return "it is infinite or not a number where PyTorch's result is not, or the reverse"


def _short(value: float) -> float:
    return float(f"{value:.3g}")
