"""`dlc signal`: how large signals and gradients are, layer by layer, before the first step."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dlc.compiler.analysis.input_moments import InputMoments, input_moments
from dlc.compiler.analysis.signal import LayerSignal, Moments, Signal, signal
from dlc.compiler.analysis.signal_verdict import LEAST, MOST, Verdict, verdicts
from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import add_common, report, terminal_width
from dlc.compiler.cli.profile import read_profile_file
from dlc.compiler.compilation import Compilation
from dlc.compiler.drawing.signal_chart import (
    SignalChart,
    SignalRow,
    write_signal_chart,
    write_signal_page,
)
from dlc.runtime.failures import failure, shown

_BAR = 24
# Powers of ten on each side of 1 that a bar reaches.
_DECADES = 6.0
_PICTURES = (".svg", ".html")
_BAD = ("vanishes", "explodes")
# Of layers at which the theory stops, so many are named.
_GAPS = 3
_KNOWN_BY = {
    "standardized": "by `preprocess`",
    "profile": "by the profile of the data",
    "range": "by the range that `preprocess` brings it to",
    "assumed": "as assumed",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc signal specs/lenet5.yaml
         dlc signal specs/mlp.yaml --measure
         dlc signal specs/mlp.yaml -o signal.svg

Computes from the graph alone how large each layer's output is as the network starts
(rms), how large the loss's gradient there is over that at the output, and that of the
weights; and whether that is sound, vanishes or explodes. Inputs have the size that
`preprocess` gives them, or the data by `--profile`, else mean 0 and variance 1.

`--measure` runs the network a few times and compares. `-o` draws it, as .svg or .html."""
    add_spec(parser)
    parser.add_argument(
        "--measure", action="store_true", help="compare with a measured pass (needs PyTorch)"
    )
    parser.add_argument("--all", action="store_true", help="layers without weights, too")
    parser.add_argument(
        "--profile", metavar="FILE", help="the size of inputs: profile.json of `dlc data`"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="draw it: .svg or .html")
    parser.add_argument("--force", action="store_true", help="replace the file where it exists")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    place = _place(arguments)
    compilation = compile_spec(arguments)
    profile = read_profile_file(arguments.profile) if arguments.profile else None
    inputs = input_moments(compilation.program, compilation.settings, profile)
    given = {one.name: one.moments for one in inputs}
    found = signal(compilation.program, given)
    told = verdicts(found, given)
    measured = _measured(compilation, given) if arguments.measure else {}
    record = {
        "stops": found.stops or None,
        "gaps": dict(found.gaps),
        "inputs": [_input_record(one) for one in inputs],
        "layers": [_record(layer, measured, told[layer.path]) for layer in found.layers],
    }
    notes = [*_notes(found, inputs)]
    if place is not None:
        chart = _chart(compilation.program.name, found, told, notes)
        text = write_signal_page(chart) if place.suffix == ".html" else write_signal_chart(chart)
        write_files(place.parent, {place.name: text})
        record["file"] = str(place)
        answer = f"{shown(place)}: {len(chart.rows)} layers"
    else:
        table = _table(found, measured, told, every=arguments.all)
        answer = "\n".join([table, "", *notes]) + "\n"
    return report(compilation.warnings, arguments, "signal", record, answer=answer)


def _place(arguments: argparse.Namespace) -> Path | None:
    """Where the picture goes. Raises Failure E0311 with status 2 where it cannot."""
    if arguments.output is None:
        return None
    place = Path(arguments.output)
    if place.suffix not in _PICTURES:
        raise failure(
            "E0311",
            f"`{shown(place)}` is no picture that is drawn here",
            help="the name ends in .svg or .html",
            exit_code=2,
        )
    if place.exists() and not arguments.force:
        raise failure(
            "E0311", f"`{shown(place)}` exists", help="`--force` replaces it", exit_code=2
        )
    return place


def _measured(
    compilation: Compilation, inputs: Mapping[str, Moments]
) -> Mapping[str, tuple[float, float | None]]:
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.insight.measured_signal import measured_signal
    from dlc.runtime.loading import load_module

    return measured_signal(compilation.program, load_module(generate(compilation)), inputs=inputs)


def _record(
    layer: LayerSignal,
    measured: Mapping[str, tuple[float, float | None]],
    verdict: Verdict,
) -> dict[str, object]:
    found: dict[str, object] = {
        "name": layer.path,
        "kind": layer.kind,
        "shape": layer.shape,
        "verdict": verdict.word or None,
        "signal": _root(layer.moments.square if layer.moments else None),
        "mean": layer.moments.mean if layer.moments else None,
        "exact": layer.moments.exact if layer.moments else False,
        "gradient": _root(layer.gradient),
        "weight_gradient": _root(layer.weight_gradient),
    }
    if layer.weight is not None:
        found |= {"fan_in": layer.fan_in, "fan_out": layer.fan_out, "weight": _root(layer.weight)}
    if layer.path in measured:
        square, gradient = measured[layer.path]
        found |= {"measured_signal": _root(square), "measured_gradient": _root(gradient)}
    return found


def _input_record(one: InputMoments) -> dict[str, object]:
    return {
        "name": one.name,
        "mean": one.moments.mean,
        "variance": one.moments.variance,
        "known_by": one.known_by,
    }


def _table(
    found: Signal,
    measured: Mapping[str, tuple[float, float | None]],
    told: Mapping[str, Verdict],
    *,
    every: bool,
) -> str:
    head = ["layer", "kind", "shape", "fan", "signal", "gradient", "of weights"]
    head += ["measured", "gradient"] if measured else []
    rows = [[*head, "signal", "verdict"]]
    for layer in found.layers:
        if not _is_shown(layer, told, every=every):
            continue
        row = [
            layer.path,
            layer.kind,
            layer.shape,
            f"{layer.fan_in:,} → {layer.fan_out:,}" if layer.weight is not None else "",
            _text(layer.moments.square if layer.moments else None) + _mark(layer),
            _text(layer.gradient),
            _text(layer.weight_gradient) if layer.weight is not None else "",
        ]
        if measured:
            square, gradient = measured.get(layer.path, (None, None))
            row += [_text(square), _text(gradient)]
        bar = _bar(layer.moments.square if layer.moments else None)
        rows.append([*row, bar, _word(told[layer.path])])
    columns = [*range(len(rows[0]))]
    widths = [max(len(row[k]) for row in rows) for k in columns]
    # What tells least goes first where the terminal is narrow.
    for dropped in (1, 3, len(columns) - 2, 2):
        if sum(widths[k] + 2 for k in columns) - 2 <= terminal_width(sys.stdout):
            break
        columns = [k for k in columns if k != dropped]
    left = {0, 1, 2, 3, len(rows[0]) - 2, len(rows[0]) - 1}
    return "\n".join(
        "  ".join(
            row[k].ljust(widths[k]) if k in left else row[k].rjust(widths[k]) for k in columns
        ).rstrip()
        for row in rows
    )


def _is_shown(layer: LayerSignal, told: Mapping[str, Verdict], *, every: bool) -> bool:
    weighted = layer.weight is not None or layer.kind.endswith("embedding")
    return every or weighted or told[layer.path].word in _BAD


def _mark(layer: LayerSignal) -> str:
    return "" if layer.moments is None or layer.moments.exact else "~"


def _word(verdict: Verdict) -> str:
    if verdict.word in _BAD:
        return f"{verdict.word} ({verdict.what})"
    return {"zero": "starts at 0"}.get(verdict.word, verdict.word)


def _notes(found: Signal, inputs: Sequence[InputMoments]) -> Iterator[str]:
    yield "root mean squares; gradients over the output's"
    for one in inputs:
        moments = one.moments
        size = f"mean {moments.mean:.3g} and deviation {math.sqrt(moments.variance):.3g}"
        yield f"`{one.name}` has {size}, {_KNOWN_BY[one.known_by]}"
    for path, reason in found.gaps[:_GAPS]:
        yield f"the theory stops at `{path}` ({reason}) and goes on behind the next norm"
    if len(found.gaps) > _GAPS:
        yield f"and at {len(found.gaps) - _GAPS} more layers"
    if any(_mark(layer) for layer in found.layers):
        yield "~ a guess: inputs by their range; behind a pool, as if neighbours were independent"


def _chart(
    name: str, found: Signal, told: Mapping[str, Verdict], notes: Sequence[str]
) -> SignalChart:
    return SignalChart(
        title=f"{name}: the size of signals and gradients as it starts",
        rows=[
            SignalRow(
                name=layer.path,
                shape=layer.shape,
                signal=_root(layer.moments.square if layer.moments else None),
                gradient=_root(layer.gradient),
                weights=_root(layer.weight_gradient) if layer.weight is not None else None,
                exact=not _mark(layer),
                verdict=_short(told[layer.path]),
                bad=told[layer.path].word in _BAD,
            )
            for layer in found.layers
        ],
        low=LEAST,
        high=MOST,
        notes=[note.replace("~ a guess", "hollow points are a guess") for note in notes],
    )


def _short(verdict: Verdict) -> str:
    return {"zero": "starts at 0", "": "not known"}.get(verdict.word, verdict.word)


def _root(square: float | None) -> float | None:
    return None if square is None else math.sqrt(square)


def _text(square: float | None) -> str:
    return "-" if square is None else f"{math.sqrt(square):.3g}"


def _bar(square: float | None) -> str:
    """A signal on a logarithmic scale: from the middle, 1, to the left or right."""
    if square is None or square <= 0:
        return ""
    decades = max(-_DECADES, min(_DECADES, math.log10(square) / 2))
    half = _BAR // 2
    reach = round(abs(decades) / _DECADES * half)
    left = "█" * reach if decades < 0 else ""
    right = "█" * reach if decades > 0 else ""
    return f"{left:>{half}}│{right}"
