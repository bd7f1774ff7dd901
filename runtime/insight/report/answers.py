"""The sections of a report about what the network says: verdicts, and errors with their rows."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from dlc.runtime.data.ragged import Ragged
from dlc.runtime.insight.bias_variance import Verdict
from dlc.runtime.insight.errors import (
    Errors,
    Examined,
    Mistake,
    OfClasses,
    OfNumbers,
    Slice,
    row_texts,
)
from dlc.runtime.insight.report.facts import Facts
from dlc.runtime.insight.report.html import matrix, number, prose, table
from dlc.runtime.insight.report.plots import Series, bars, plot

_WIDEST = 30
_MOST_COLUMNS = 8
_LONGEST = 400
_PIXELS = 128


def advice(facts: Facts) -> Iterator[str]:
    """Bias and variance, and what to try first."""
    if not facts.verdicts:
        yield '<p class="soft">There is no validation part to compare the training part with.</p>'
    for verdict in facts.verdicts:
        yield from _verdict(verdict, several=len(facts.verdicts) > 1)


def _verdict(verdict: Verdict, *, several: bool) -> Iterator[str]:
    if several:
        yield f"<h3>{escape(verdict.output)}</h3>"
    yield table(
        ("", verdict.unit),
        [
            ("best there is", number(verdict.best)),
            ("training part", number(verdict.training)),
            ("validation part", number(verdict.validation)),
            ("bias: training over best", number(verdict.bias)),
            ("variance: validation over training", number(verdict.variance)),
            ("what chance alone does to the validation part", number(verdict.noise)),
        ],
        numbers=(1,),
    )
    if verdict.cause == "none":
        yield "<p>Neither is large beside what chance does: look at single errors below.</p>"
        return
    words = {"bias": "Bias is", "variance": "Variance is", "both": "Bias and variance are"}
    yield f"<p>{words[verdict.cause]} what to work on; in this order:</p><ol>"
    for remedy in verdict.remedies:
        yield f"<li><b>{escape(remedy.what)}</b>: {prose(remedy.why)}</li>"
    yield "</ol>"


def errors(facts: Facts) -> Iterator[str]:
    """Of each output what it gets wrong, and the rows that it gets most wrong."""
    examined = facts.examined
    if examined is None:
        return
    rows = len(examined.places)
    yield f'<p class="soft">On {rows:,} rows of the {examined.part} part.</p>'
    for found in examined.errors:
        if len(examined.errors) > 1:
            yield f"<h3>{escape(found.output)}</h3>"
        if isinstance(found, OfClasses):
            yield from _of_classes(found)
        else:
            yield from _of_numbers(found)
        yield from _slices(found)
        yield from _worst(examined, found.worst)
    for output, why in examined.left_out.items():
        yield f'<p class="soft">{escape(output)} is not looked at: {escape(why)}.</p>'


def _of_classes(found: OfClasses) -> Iterator[str]:
    if len(found.labels) <= _WIDEST:
        yield matrix(found.labels, found.counts.tolist())
    rows = found.by_class()
    hardest = sorted(rows, key=lambda row: (row[3] != row[3], row[3]))[:_WIDEST]
    shown = rows if len(rows) <= _WIDEST else hardest
    yield "<h3>By class</h3>"
    yield table(
        ("class", "precision", "recall", "F1", "rows"),
        [(name, *map(number, figures), f"{n:,}") for name, *figures, n in shown],
        numbers=(1, 2, 3, 4),
    )
    sure = [one[0] for one in found.bins]
    share = [one[1] for one in found.bins]
    yield '<div class="plots">'
    yield plot(
        f"Calibration (expected error {found.calibration_error:.3f})",
        [Series(name="answers", xs=sure, ys=share)],
        x_label="probability that the network gives",
        y_label="share that is right",
        diagonal=True,
    )
    yield "</div>"


def _of_numbers(found: OfNumbers) -> Iterator[str]:
    yield table(
        ("root mean square error", "mean absolute error", "mean of answer - truth"),
        [(number(found.rmse), number(found.mae), number(found.bias))],
        numbers=(0, 1, 2),
    )
    yield '<div class="plots">'
    yield plot(
        "Answers over truth",
        [
            Series(
                name="rows",
                xs=[x for x, _ in found.points],
                ys=[y for _, y in found.points],
                dots=True,
            )
        ],
        x_label="truth",
        y_label="answer",
        diagonal=True,
    )
    yield "</div>"


def _slices(found: Errors) -> Iterator[str]:
    figure = "share that is right" if isinstance(found, OfClasses) else "root mean square error"
    if found.slices:
        yield '<div class="plots">'
        for column, slices in found.slices.items():
            yield bars(
                f"By {column}",
                [_sliced(one) for one in slices],
                [one.figure for one in slices],
                x_label=figure,
            )
        yield "</div>"


def _sliced(one: Slice) -> str:
    text = one.value if len(one.value) <= 24 else one.value[:23] + "…"
    return f"{text or '(none)'} ({one.rows:,})"


def _worst(examined: Examined, worst: Sequence[Mistake]) -> Iterator[str]:
    if not worst:
        yield "<p>No answer is wrong.</p>"
        return
    yield "<h3>The worst answers</h3>"
    pictures = _pictures(examined, worst)
    columns = [] if pictures else _columns(examined)
    texts = row_texts(examined.samples, [m.row for m in worst], columns)
    yield '<div class="samples">'
    for at, mistake in enumerate(worst):
        sure = "" if mistake.confidence is None else f" ({mistake.confidence:.0%})"
        body = [
            f'<img alt="row {mistake.row}" src="{pictures[at]}">' if pictures else "",
            f"row {mistake.row:,}<br><b>{escape(mistake.answer)}</b>{sure}, not "
            f"{escape(mistake.truth)}",
        ]
        values = [
            f"{escape(name)}: {escape(_short(text))}"
            for name, text in zip(columns, texts[at], strict=True)
        ]
        if values:
            body.append(f'<div class="text soft">{"<br>".join(values)}</div>')
        yield f'<div class="sample">{"".join(body)}</div>'
    yield "</div>"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _columns(examined: Examined) -> list[str]:
    """Columns to show beside an answer."""
    return [*dict.fromkeys(examined.samples.table.names)][:_MOST_COLUMNS]


def _pictures(examined: Examined, worst: Sequence[Mistake]) -> list[str]:
    """The rows as pictures, where an input is one: as the network gets them, each stretched over
    the range of grays or colours."""
    for values in examined.samples.arrays.values():
        if isinstance(values, Ragged) or values.ndim != 4 or values.shape[1] not in (1, 3):
            continue
        return [_png(np.asarray(values[m.place], dtype=np.float32)) for m in worst]
    return []


def _png(pixels: npt.NDArray[np.float32]) -> str:
    from PIL import Image

    low, high = float(pixels.min()), float(pixels.max())
    scaled = (pixels - low) / max(high - low, 1e-9) * 255.0
    planes = scaled.round().astype(np.uint8).transpose(1, 2, 0)
    image = Image.fromarray(planes[..., 0] if planes.shape[2] == 1 else planes)
    if max(image.size) > _PIXELS:
        image.thumbnail((_PIXELS, _PIXELS))
    file = io.BytesIO()
    image.save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
