"""The model card: what a person has to know of a model before using it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlc.compiler.analysis.cost import cost
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import INFINITY, Symbol, symbols
from dlc.compiler.ir.graph import Program
from dlc.runtime.bundle.golden import Golden
from dlc.runtime.bundle.layout import CORE, MODEL
from dlc.runtime.bundle.numbers import number_format
from dlc.runtime.export.exporter import Exported, Network
from dlc.runtime.export.metadata import InputColumns, ModelInfo
from dlc.runtime.export.precision.report import told

_MOST_SHOWN = 20
# Of a length that nothing bounds, as what is counted for.
_LENGTH = 128


def model_card(
    network: Network, model: Exported, core: Exported, info: ModelInfo, golden: Golden
) -> bytes:
    """The text of `README.md`. It tells no path, date or name of a machine."""
    sections = {
        "": _head(network, info),
        "Use": _use(info),
        "Inputs": _inputs(network, model, info),
        "Outputs": _outputs(model, info),
        "Data": _data(info),
        "Metrics": _metrics(info),
        "Limits": _limits(network, info),
        "Cost": _cost(network, model, core),
        "Proof": _proof(model, core, golden),
    }
    parts = [f"# {_plain(info.name)}"]
    for title, lines in sections.items():
        text = "\n".join(lines)
        if text:
            parts.append(f"## {title}\n\n{text}" if title else text)
    return ("\n\n".join(parts) + "\n").encode()


def _head(network: Network, info: ModelInfo) -> Iterator[str]:
    yield f"Written by dlc {info.version} from the spec `resolved.yaml` (SHA-256 `{info.digest}`)."
    if network.started is not None:
        yield "Nothing was trained here: its weights are those that the spec's `transfer` names."
    elif network.data is None:
        yield "Nothing was trained: these are initial weights."
    if info.members > 1:
        yield f"It is an ensemble of {info.members} networks with one answer."


def _use(info: ModelInfo) -> Iterator[str]:
    yield "```console"
    yield "$ dlc verify .                    # is it whole, and right, on this machine?"
    yield "$ dlc predict . rows.csv -o answers.csv"
    yield "```"
    if any(given.host or given.tokenizer or given.pictures for given in info.inputs.values()):
        yield ""
        yield (
            f"`{MODEL}` takes what the steps of `host.json` make of the columns; `dlc predict` "
            "runs them, and a program of your own must."
        )


def _inputs(network: Network, model: Exported, info: ModelInfo) -> Iterator[str]:
    yield from _row("name", "type", "columns", "steps")
    yield from _row("---", "---", "---", "---")
    for name, type_ in model.inputs.items():
        given = info.inputs.get(name)
        columns = ", ".join(f"`{_cell(c)}`" for c in given.columns) if given else ""
        steps = ", ".join(given.steps) if given else ""
        yield from _row(f"`{_cell(name)}`", f"`{_cell(str(type_))}`", columns, steps)
    if network.preprocessing is None:
        yield ""
        yield "The inputs are those of the network: nothing is preprocessed."


def _outputs(model: Exported, info: ModelInfo) -> Iterator[str]:
    yield from _row("name", "type", "classes")
    yield from _row("---", "---", "---")
    for name, type_ in model.outputs.items():
        yield from _row(f"`{_cell(name)}`", f"`{_cell(str(type_))}`", _classes(info, name))


def _classes(info: ModelInfo, output: str) -> str:
    words = next(
        (words for base, words in info.labels.items() if output.startswith(f"{base}_")), ()
    )
    shown = ", ".join(f"`{_cell(word)}`" for word in words[:_MOST_SHOWN])
    return f"{shown} and {len(words) - _MOST_SHOWN} more" if len(words) > _MOST_SHOWN else shown


def _data(info: ModelInfo) -> Iterator[str]:
    if info.data is None:
        yield "None: it was not trained on data that dlc read."
        return
    yield f"The data has the SHA-256 `{info.data.sha256}`. It was divided by this rule:"
    yield ""
    yield "```"
    for key, value in sorted(info.data.split.items()):
        yield f"{key}: {_plain(json.dumps(value, ensure_ascii=False, sort_keys=True))}"
    yield "```"
    if info.data.all_folds:
        yield ""
        yield "Each row but those of the test part trained some member of the ensemble."


def _metrics(info: ModelInfo) -> Iterator[str]:
    if not info.metrics:
        yield "None was measured."
        return
    yield from _row("figure", "part", "value")
    yield from _row("---", "---", "---")
    for name, value in sorted(info.metrics.items()):
        part = "test" if name.startswith("test_") else "validation"
        yield from _row(_cell(name.removeprefix("test_")), part, f"{value:.4g}")


def _limits(network: Network, info: ModelInfo) -> Iterator[str]:
    for name, given in info.inputs.items():
        yield from _seen(name, given, network)
    for name, symbol in _symbols(network.compilation.program).items():
        if symbol.high < INFINITY:
            yield f"- The size `{name}` is from {symbol.low} to {symbol.high}."
    if any(info.labels.values()):
        yield (
            "- It answers with one of its classes whatever it is given: what belongs to none of "
            "them gets a label, too."
        )
    yield (
        "- Not tested: values and texts unlike those of the data, data that changed since, "
        "differences between groups of people, and input made to deceive it."
    )
    yield (
        "- The proof below is of a CPU in the number format of the file; `dlc verify` tells "
        "what holds on another machine."
    )


def _seen(name: str, given: InputColumns, network: Network) -> Iterator[str]:
    """What the training part held of the columns of an input."""
    for column, hint in zip(given.columns, given.hints, strict=False):
        what = f"- Column `{_cell(column)}` of `{_cell(name)}`"
        if hint.choices:
            words = ", ".join(f"`{_cell(word)}`" for word in hint.choices[:_MOST_SHOWN])
            more = len(hint.choices) - _MOST_SHOWN
            yield f"{what} had {words}{f' and {more} more' if more > 0 else ''}."
        elif hint.low is not None and hint.high is not None:
            yield f"{what} lay mostly between {hint.low:.4g} and {hint.high:.4g}."
    for step in given.host:
        if isinstance(step, TokenStep) and step.limit is not None:
            yield f"- Texts of `{_cell(name)}` are cut to {step.limit} pieces."
    record = network.preprocessing.inputs.get(name) if network.preprocessing else None
    if record is not None and record.range is not None:
        low, high = record.range
        yield f"- The numbers of `{_cell(name)}` were from {low:.6g} to {high:.6g}."


def _cost(network: Network, model: Exported, core: Exported) -> Iterator[str]:
    programs = network.members.programs if network.members else (network.compilation.program,)
    parameters = macs = 0
    dims: Mapping[str, int] = {}
    try:
        for program in programs:
            given = {n: _LENGTH for n, s in _symbols(program).items() if s.high >= INFINITY}
            found = cost(program, given)
            parameters, macs, dims = parameters + found.parameters, macs + found.macs, found.dims
    except DiagnosticError:
        return
    sizes = ", ".join(f"{name} = {size}" for name, size in dims.items())
    yield from _row("what", "value")
    yield from _row("---", "---")
    yield from _row("parameters", f"{parameters:,}")
    yield from _row(f"multiply-accumulates{f' ({sizes})' if sizes else ''}", f"{macs:,}")
    yield from _row("numbers", number_format(model.path))
    yield from _row(f"`{MODEL}`", f"{model.bytes:,} bytes, {model.nodes} nodes")
    yield from _row(f"`{CORE}`", f"{core.bytes:,} bytes, {core.nodes} nodes")


def _proof(model: Exported, core: Exported, golden: Golden) -> Iterator[str]:
    yield (
        "On drawn inputs, extreme ones among them, both models gave what PyTorch gave, within "
        f"{core.parity.tolerance.atol:g} + {core.parity.tolerance.rtol:g} of the value:"
    )
    yield ""
    for exported in (model, core):
        parity = exported.parity
        same = parity.agreement
        answers = "" if same is None else f", {100 * same:g} % of the answers the same"
        yield (
            f"- `{exported.path.name}`: {len(parity.kinds)} probes, largest difference "
            f"{parity.max_abs:.1e}{answers}"
        )
    if model.precision is not None:
        after = told(model.precision.record())
        yield f"- `{model.path.name}` got smaller numbers after that: {after}"
    yield (
        "- preprocessing followed by the network alone is the model; the golden answers, "
        f"{golden.rows} row{'' if golden.rows == 1 else 's'} to be met within "
        f"{golden.tolerance.atol:g} + {golden.tolerance.rtol:g} of the value, were drawn and are "
        "no rows of the data"
    )


# ── text ─────────────────────────────────────────────────────────────────────


def _row(*cells: str) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """A text that stays in its cell of a table and in its code span."""
    cut = text if len(text) <= 60 else f"{text[:57]}..."
    return _plain(cut).replace("|", "\\|").replace("`", "'")


def _plain(text: str) -> str:
    return "".join(" " if char.isspace() or not char.isprintable() else char for char in text)


def _symbols(program: Program) -> dict[str, Symbol]:
    """The open sizes of the inputs, but for the batch."""
    found: dict[str, Symbol] = {}
    batch: set[str] = set()
    for name in program.graph.inputs:
        shape: Sequence[Any] = program.graph.values[name].shape
        for axis, size in enumerate(shape):
            known = symbols(size)
            found |= known
            if axis == 0:
                batch |= set(known)
    return {name: symbol for name, symbol in found.items() if name not in batch}
