"""`dlc signal`: how large signals and gradients are, layer by layer, before the first step."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

from dlc.compiler.analysis.signal import LayerSignal, Signal, signal
from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.output import add_common, report
from dlc.compiler.compilation import Compilation

_BAR = 24
# Powers of ten on each side of 1 that a bar reaches.
_DECADES = 6.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc signal specs/lenet5.yaml
         dlc signal specs/mlp.yaml --measure

Computes from the graph alone how large each layer's output is as the network starts
(rms), how large the loss's gradient there is over that at the output, and that of the
weights. `--measure` runs the network a few times and compares."""
    add_spec(parser)
    parser.add_argument(
        "--measure", action="store_true", help="compare with a measured pass (needs PyTorch)"
    )
    parser.add_argument("--all", action="store_true", help="layers without weights, too")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    found = signal(compilation.program)
    measured = _measured(compilation) if arguments.measure else {}
    record = {
        "stops": found.stops or None,
        "layers": [_record(layer, measured) for layer in found.layers],
    }
    answer = _table(found, measured, every=arguments.all) + "\n"
    return report(compilation.warnings, arguments, "signal", record, answer=answer)


def _measured(compilation: Compilation) -> Mapping[str, tuple[float, float | None]]:
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.insight.measured_signal import measured_signal
    from dlc.runtime.loading import load_module

    return measured_signal(compilation.program, load_module(generate(compilation)))


def _record(
    layer: LayerSignal, measured: Mapping[str, tuple[float, float | None]]
) -> dict[str, object]:
    found: dict[str, object] = {
        "name": layer.path,
        "kind": layer.kind,
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


def _table(
    found: Signal, measured: Mapping[str, tuple[float, float | None]], *, every: bool
) -> str:
    head = ["layer", "kind", "fan", "signal", "gradient", "of weights"]
    head += ["measured", "gradient"] if measured else []
    rows = [[*head, "signal"]]
    guessed = False
    for layer in found.layers:
        if layer.weight is None and not every and not layer.kind.endswith("embedding"):
            continue
        exact = layer.moments is None or layer.moments.exact
        guessed |= not exact
        row = [
            layer.path,
            layer.kind,
            f"{layer.fan_in:,} → {layer.fan_out:,}" if layer.weight is not None else "",
            _text(layer.moments.square if layer.moments else None) + ("" if exact else "~"),
            _text(layer.gradient),
            _text(layer.weight_gradient) if layer.weight is not None else "",
        ]
        if measured:
            square, gradient = measured.get(layer.path, (None, None))
            row += [_text(square), _text(gradient)]
        rows.append([*row, _bar(layer.moments.square if layer.moments else None)])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    left = (0, 1, 2, len(rows[0]) - 1)
    lines = [
        "  ".join(
            text.ljust(width) if k in left else text.rjust(width)
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [
        "",
        "root mean squares; inputs have mean 0 and variance 1; gradients over the output's",
    ]
    if found.stops:
        notes.append(f"the theory stops at `{found.stops}` (-), and goes on behind the next norm")
    if guessed:
        notes.append("~ behind a pool: as if neighbours were independent")
    return "\n".join([*lines, *notes])


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
