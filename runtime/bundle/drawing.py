"""Golden inputs: drawn rows, through the steps in front of the file, through both models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dlc.runtime.bundle.golden import Golden
from dlc.runtime.bundle.numbers import FLOAT32, number_format
from dlc.runtime.data.texts import takes_texts
from dlc.runtime.export.exporter import Network, network_probes
from dlc.runtime.export.metadata import InputColumns, ModelInfo
from dlc.runtime.export.parity import ParityReport, Tolerance, compare
from dlc.runtime.export.probes import Probe
from dlc.runtime.export.reference import TorchReference, prepared
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import Failure, failure
from dlc.runtime.inference.feeding import Feeding
from dlc.runtime.inference.session import open_model

# Beyond this one row must do.
_MOST_BYTES = 4 << 20
_ODD_TEXTS = ("", "Łódź № 1, ﬁne?  TWO\tlines\u2026", "\U0001f642 unheard-of")
_DATES = ("2024-02-29", "1999-12-31T23:59:59Z", "2031-07-04T05:06:07+02:00")
_WORDS = ("golden", "", "Łódź")


def draw_golden(
    network: Network, model: Path, core: Path | None, info: ModelInfo, tolerance: Tolerance
) -> Golden:
    """Golden answers of a model file and of the network alone. Raises `Failure` E0601 where
    the file does not run on them."""
    whole = open_model(model, "cpu")
    draws = [probe for probe in network_probes(network) if probe.kind == "draw"]
    chosen = draws[-1] if _bytes(draws[-1]) <= _MOST_BYTES else draws[0]
    feeds = dict(chosen.feeds)
    rows = max((len(values) for values in feeds.values() if values.ndim), default=1)
    feeding = Feeding(info.inputs)
    columns = dict(_columns(info, feeding, feeds, rows))
    outputs: Mapping[str, Array] | None = None
    if columns:
        fed = {**feeds, **_fed(feeding, columns, rows)}
        try:
            outputs, feeds = whole.run(fed), fed
        except Failure:
            # Sizes that inputs share, and that texts of one of them change.
            columns = {}
    if outputs is None:
        outputs = whole.run(feeds)
    golden = Golden(rows=rows, tolerance=tolerance, inputs=feeds, outputs=outputs, columns=columns)
    if core is None:
        return golden
    alone = open_model(core, "cpu")
    inputs = prepared_inputs(network, feeds)
    return Golden(
        rows=rows,
        tolerance=tolerance,
        inputs=feeds,
        outputs=outputs,
        columns=columns,
        core_inputs=inputs,
        core_outputs=alone.run(inputs),
    )


def check_core(network: Network, model: Path, core: Path) -> ParityReport:
    """Proves that preprocessing and the network alone are the model: on every probe, what numpy
    prepares and `core` computes is what `model` gives. One of fewer bits gives less than that,
    and PyTorch takes its place. Raises `Failure` E0601."""
    whole, alone = open_model(model, "cpu"), open_model(core, "cpu")
    names = set(alone.outputs)

    def as_model(feeds: Mapping[str, Array], *, double: bool = False) -> dict[str, Array]:
        if double:
            raise RuntimeError("a file has one precision")
        return {name: value for name, value in whole.run(feeds).items() if name in names}

    compilation = network.compilation
    plain = number_format(model) == FLOAT32
    reference = TorchReference(
        network.module, compilation.program, compilation.settings, network.preprocessing
    )
    report = compare(
        network_probes(network),
        lambda feeds: alone.run(prepared_inputs(network, feeds)),
        as_model if plain else reference,
    )
    if not report.ok:
        raise failure(
            "E0601",
            "the network alone, after preprocessing, does not compute what the model computes",
            notes=tuple(report.failures[:5]),
            help="no bundle was written; this is a mistake of ours: please report it with the spec",
        )
    return report


def prepared_inputs(network: Network, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """What the network itself takes, of what the model file takes."""
    program, settings = network.compilation.program, network.compilation.settings
    return {
        name: prepared(name, feeds[name], program, settings, network.preprocessing)
        for name in program.graph.inputs
    }


def _bytes(probe: Probe) -> int:
    return sum(values.nbytes for values in probe.feeds.values())


# ── raw values in front of the file ──────────────────────────────────────────


def _columns(
    info: ModelInfo, feeding: Feeding, feeds: Mapping[str, Array], rows: int
) -> Iterator[tuple[str, Array]]:
    """Raw values of the inputs that steps outside of the file fill."""
    for name, given in info.inputs.items():
        if given.pictures or feeding.fills(name):
            continue
        if given.tokenizer:
            yield name, _texts(name, given, feeding, rows)
        elif given.host and given.host[0].partial:
            yield name, _taken(_DATES, rows)
        elif given.host and not takes_texts(given.host):
            yield name, _taken(_WORDS, rows)
        elif given.host:
            yield name, feeds[name]


def _fed(feeding: Feeding, columns: Mapping[str, Array], rows: int) -> dict[str, Array]:
    ((_, feeds),) = feeding.batches(feeding.columns(columns), rows, whole=True)
    return feeds


def _taken(values: tuple[str, ...], rows: int) -> Array:
    return np.array([values[row % len(values)] for row in range(rows)], object)


def _texts(name: str, given: InputColumns, feeding: Feeding, rows: int) -> Array:
    """Texts of pieces that the vocabulary has, and one of others."""
    vocabulary = json.loads(given.tokenizer)["model"].get("vocab", {})
    pieces = sorted(vocabulary) if isinstance(vocabulary, dict) else []
    words = [piece for piece in pieces if piece.isalnum() and piece.isascii()] or ["golden"]
    rng = np.random.default_rng(0)
    if name not in feeding.paddings:
        # One word a row.
        return np.array(rng.choice(words, rows).tolist(), object)
    wide = len(given.columns)
    texts = [" ".join(rng.choice(words, rng.integers(2, 9)).tolist()) for _ in range(rows * wide)]
    for place in range(len(texts)):
        texts[place] = f"{texts[place]} {_ODD_TEXTS[place % len(_ODD_TEXTS)]}"
    found = np.array(texts, object)
    return found if wide == 1 else found.reshape(rows, wide)
