"""The sections of a report about what was trained, on what, and how to do it again."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from dlc.compiler.analysis.cost import cost
from dlc.compiler.analysis.memory import memory
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.drawing.page import make_page
from dlc.compiler.drawing.scenes import view
from dlc.compiler.drawing.svg import write_svg
from dlc.runtime.failures import shown
from dlc.runtime.insight.report.facts import Facts
from dlc.runtime.insight.report.html import bytes_text, table

_MOST_LAYERS = 200


def network(facts: Facts) -> Iterator[str]:
    """The drawing of the network."""
    drawing = write_svg(make_page(view(facts.compilation.program)))
    yield f'<div class="network">{drawing[drawing.index("<svg") :]}</div>'


def costs(facts: Facts) -> Iterator[str]:
    """Parameters, work and memory, in all and by layer."""
    program, settings = facts.compilation.program, facts.compilation.settings
    try:
        found = cost(program)
    except DiagnosticError as problem:
        yield f'<p class="soft">{escape(problem.diagnostics[0].message)}</p>'
        return
    size = settings.data.batch_size if settings.data is not None else 1
    rows = [
        ("parameters", f"{found.parameters:,}"),
        ("multiply-accumulates of a sample", f"{found.macs:,}"),
        ("kept of a sample for the backward pass", bytes_text(found.bytes)),
    ]
    if isinstance(size, int):
        try:
            estimate = memory(program, settings, batch=size)
        except DiagnosticError:
            estimate = None
        if estimate is not None:
            rows += [
                (f"peak of training, a batch of {size:,}", bytes_text(estimate.training)),
                (f"peak of inference, a batch of {size:,}", bytes_text(estimate.inference)),
            ]
    yield table(("", ""), rows, numbers=(1,))
    layers = [
        (
            layer.name,
            layer.kind,
            "[" + ", ".join(map(str, layer.shape)) + "]",
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.macs:,}" if layer.macs else "",
            "?" if layer.bytes is None else bytes_text(layer.bytes) if layer.bytes else "",
        )
        for layer in found.layers[:_MOST_LAYERS]
    ]
    head = ("layer", "kind", "shape", "parameters", "MACs", "kept")
    yield f"<details><summary>{len(found.layers):,} layers</summary>"
    yield table(head, layers, numbers=(3, 4, 5))
    if len(found.layers) > _MOST_LAYERS:
        yield f'<p class="soft">and {len(found.layers) - _MOST_LAYERS:,} more</p>'
    yield "</details>"


def data(facts: Facts) -> Iterator[str]:
    """Which data, and how they were divided."""
    record = facts.run.folder.record.get("data", {})
    parts = record.get("parts", {})
    rows = [
        ("file", str(record.get("path", ""))),
        ("SHA-256", str(record.get("sha256", ""))),
        ("rows", f"{record.get('rows', 0):,}"),
        *((name, f"{count:,}") for name, count in parts.items() if count),
    ]
    skipped = record.get("skipped") or {}
    if skipped:
        rows.append(("left out", f"{skipped.get('count', skipped)}"))
    yield table(("", ""), rows, numbers=())
    yield (
        '<p class="soft">Findings about the data stand above; <code>dlc data SPEC --html '
        "FILE</code> draws every column.</p>"
    )


def environment(facts: Facts) -> Iterator[str]:
    """Where it ran, and how steps were computed."""
    record = facts.run.folder.record
    choices = record.get("choices", {})
    rows = [
        ("dlc", str(record.get("dlc", ""))),
        *((name, str(text)) for name, text in record.get("versions", {}).items()),
        *((name.replace("_", " "), str(value)) for name, value in choices.items()),
        ("processes", str(record.get("ranks", 1))),
        ("started", f"{facts.run.started:%Y-%m-%d %H:%M} UTC"),
        ("digest of the spec", str(record.get("digest", ""))),
    ]
    yield table(("", ""), rows, numbers=())


def again(facts: Facts) -> Iterator[str]:
    """How to get the same run, and the spec that it is of."""
    folder = facts.run.folder
    arguments = folder.record.get("arguments", {})
    sets = "".join(f" --set {text}" for text in arguments.get("set", ()))
    command = f"dlc train {arguments.get('spec', 'spec.yaml')}{sets}"
    yield f"<pre>{escape(command)}</pre>"
    yield (
        '<p class="soft">Equal specs, data, versions and devices give equal weights; '
        f"<code>dlc evaluate {escape(shown(facts.run.path))}</code> measures them again.</p>"
    )
    yield f"<h3>The spec as given</h3><pre>{escape(folder.spec())}</pre>"
    yield "<details><summary>the spec with every default</summary>"
    yield f"<pre>{escape(folder.resolved())}</pre></details>"
