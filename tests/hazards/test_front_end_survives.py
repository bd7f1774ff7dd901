"""Whatever the text, checking it gives diagnostics: no exception, no hang, no endless memory."""

from __future__ import annotations

import random
import resource
import time

import pytest
from checking import SPECS
from generated_specs import generated
from hostile_specs import damaged, damaged_bytes, real_specs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlc.compiler import Diagnostic, Result, Severity, Source, check
from dlc.compiler.source import Span

HANG = 20.0  # seconds of one input: a guard, far beyond what any of them takes
MEMORY = 256 * 1024  # KiB that a whole run may add
PER_RUN = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
quick = settings(PER_RUN, max_examples=500, derandomize=True)
seeds = st.integers(0, 2**40)


def examine(source: Source) -> Result:
    """Checks a text, and that what comes back is sound."""
    started = time.process_time()
    result = check(source, path=SPECS / source.name)
    assert time.process_time() - started < HANG
    for diagnostic in result.diagnostics:
        examine_diagnostic(diagnostic)
    has_errors = any(d.severity is Severity.ERROR for d in result.diagnostics)
    assert (result.compilation is None) == has_errors
    return result


def examine_diagnostic(diagnostic: Diagnostic) -> None:
    assert diagnostic.code.number != "E0901"
    assert diagnostic.message.strip()
    assert diagnostic.primary is not None, diagnostic.message
    labels = (diagnostic.primary, *diagnostic.secondary)
    edits = diagnostic.fix.edits if diagnostic.fix else ()
    for span in (*(label.span for label in labels), *(edit.span for edit in edits)):
        assert_inside(span)
    assert diagnostic.help is None or diagnostic.help.strip()
    assert all(note.strip() for note in diagnostic.notes)


def assert_inside(span: Span) -> None:
    assert 0 <= span.start <= span.end <= len(span.source.text), span


def told(result: Result) -> list[tuple[object, ...]]:
    return [
        (d.code.number, d.message, d.primary and (d.primary.span.start, d.primary.span.end), d.help)
        for d in result.diagnostics
    ]


def examine_twice(source: Source) -> None:
    assert told(examine(source)) == told(examine(Source(source.name, source.text, source.surface)))


@given(seed=seeds)
@quick
def test_a_damaged_spec_gives_diagnostics_only(seed: int) -> None:
    examine_twice(damaged(random.Random(seed)))


@given(seed=seeds)
@quick
def test_a_generated_spec_gives_diagnostics_only(seed: int) -> None:
    for source in generated(random.Random(seed)):
        examine_twice(source)


@given(text=st.text(max_size=200), surface=st.sampled_from(["yaml", "dlc"]))
@settings(PER_RUN, max_examples=200, derandomize=True)
def test_any_text_gives_diagnostics_only(text: str, surface: str) -> None:
    examine(Source(f"net.{surface}", text, surface))
    examine(Source(f"net.{surface}", f"dlc{':' * (surface == 'yaml')} 1\n{text}", surface))


@given(seed=seeds)
@settings(PER_RUN, max_examples=150, derandomize=True)
def test_both_surfaces_of_a_generated_spec_say_the_same(seed: int) -> None:
    yaml, dlc = (check(source) for source in generated(random.Random(seed), wild=0.0))
    assert sorted(d.code.number for d in yaml.diagnostics) == sorted(
        d.code.number for d in dlc.diagnostics
    )
    assert (yaml.compilation is None) == (dlc.compilation is None)
    if yaml.compilation is None or dlc.compilation is None:
        return
    assert yaml.spec == dlc.spec
    assert yaml.compilation.program == dlc.compilation.program
    assert yaml.compilation.digest == dlc.compilation.digest
    again = check(Source("generated.yaml", yaml.compilation.canonical, "yaml"))
    assert again.spec == yaml.spec
    assert again.compilation is not None
    assert again.compilation.digest == yaml.compilation.digest


@given(
    seed=seeds, value=st.sampled_from(["1", "x", "", "=", "[", "null", "sgd(lr=1)", "9**9", "-"])
)
@settings(PER_RUN, max_examples=100, derandomize=True)
def test_any_override_gives_diagnostics_only(seed: int, value: str) -> None:
    rng = random.Random(seed)
    source = rng.choice(real_specs())
    parts = ["p", "optimizer", "lr", "train", "model", "logits", "", " ", "space", "search", "é"]
    path = ".".join(rng.choice(parts) for _ in range(rng.randrange(1, 5)))
    result = check(source, path=SPECS / source.name, sets=[f"{path}={value}", value])
    for diagnostic in result.diagnostics:
        examine_diagnostic(diagnostic)
    assert not result.ok


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["damaged", "generated", "bytes"])
def test_ten_thousand_hostile_specs_give_diagnostics_only(kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(10_000):
        rng = random.Random(f"{kind} {seed}")
        try:
            examine(_hostile(kind, rng))
        except BaseException as problem:
            problem.add_note(f"kind {kind}, seed {seed}")
            raise
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY


def _hostile(kind: str, rng: random.Random) -> Source:
    if kind == "damaged":
        return damaged(rng)
    if kind == "generated":
        return rng.choice(generated(rng))
    source = rng.choice(real_specs())
    surface = rng.choice((source.surface, source.surface, "yaml", "dlc"))
    return Source(source.name, damaged_bytes(source.text.encode(), rng), surface)
