"""The textual form of a program says all of it."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlc.compiler import Compilation, Source, check
from dlc.compiler.analysis.graph_text import make, read_program
from dlc.compiler.components import registry
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.literal_text import Reader, TextError, write_value
from dlc.compiler.ir.text import parse_program, print_program
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.compiler.ops.base import Op
from tests.networks import Builder, program

SPECS = Path(__file__).resolve().parents[3] / "specs"
N, T, H = symbol("N"), symbol("T", 1, 512), symbol("H", 8)


def op(name: str, **arguments: Any) -> Op:
    return cast(Op, registry.load("op", name)(**arguments))


def compiled(path: Path) -> Compilation:
    surface = "yaml" if path.suffix == ".yaml" else "dlc"
    found = check(Source(path.name, path.read_text(encoding="utf-8"), surface), path=path)
    assert found.compilation is not None
    return found.compilation


def small() -> Program:
    layer = Builder("Layer", "Layer", dim=8, p=0.1, causal=False)
    x = layer.input("x", float_tensor(N, T, 8))
    start = {"weight": registry.load("initializer", "normal")(std=0.02)}
    layer.output("y", layer.apply(op("linear", out_features=8), x, init=start))
    block = layer.finish()
    b = Builder(name="Net")
    tokens, image = b.input("tokens", int_tensor(N, T)), b.input("image", float_tensor(N, 3, H, H))
    tok = b.apply(op("embedding", num_embeddings=50, embedding_dim=8), tokens, name="tok")
    x = b.call(block, tok, layer="layer.0")
    x = b.call(block, x, layer="layer.1")
    out = b.apply(op("linear", out_features=50), x, name="logits", shared={"weight": "tok.weight"})
    y = b.apply(op("conv2d", out_channels=4, kernel_size=3, stride=2), image)
    z = b.apply(op("einsum", equation="nchw,nchw->nc"), y, y)
    b.output("logits", out)
    b.output("z", z)
    return program(b, block, label=int_tensor(N, T))


TEXT = """dlc graph 1
program Net
dim T = 1..512
dim H = 8..
target label: int[N, T]

graph Layer of Layer(dim=8, p=0.1, causal=false)
  input x: float[N, T, 8]
  linear = linear(out_features=8) x=x -> float[N, T, 8]
    init weight = normal(std=0.02)
  output y = linear

graph Net
  input tokens: int[N, T]
  input image: float[N, 3, H, H]
  @tok = embedding(num_embeddings=50, embedding_dim=8) x=tokens -> float[N, T, 8]
  layer.0 = call Layer x=tok -> float[N, T, 8]
  layer.1 = call Layer x=layer.0 -> float[N, T, 8]
  @logits = linear(out_features=50) x=layer.1 -> float[N, T, 50]
    share weight = tok.weight
  conv2d = conv2d(out_channels=4, kernel_size=3, stride=2) x=image \
-> float[N, 4, (H + 1) // 2 - 1, (H + 1) // 2 - 1]
  einsum = einsum(equation="nchw,nchw->nc") x=conv2d x=conv2d -> float[N, 4]
  output logits = logits
  output z = einsum
"""


def test_a_program_is_one_line_a_layer() -> None:
    assert print_program(small()) == TEXT


def test_what_was_printed_reads_back_as_it_was() -> None:
    assert parse_program(TEXT, make) == small()


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_zoo_reads_back_as_it_was(path: Path) -> None:
    network = compiled(path).program
    text = print_program(network)
    assert read_program(Source("graph.txt", text)) == network


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("dlc graph 1", "dlc graph 2", 1, "begins with"),
        ("x=tok -> float", "x=toc -> float", 17, "reads `toc`"),
        ("linear(out_features=50)", "linaer(out_features=50)", 19, "`linear`"),
        ("out_features=50", "features=50", 19, "no argument `features`"),
        ("out_features=50", 'out_features="50"', 19, "a whole number"),
        ("linear(out_features=50)", "linear()", 19, "needs its argument"),
        (
            "x=layer.1 -> float[N, T, 50]",
            "x=layer.1 -> float[N, T, 51]",
            19,
            "gives float[N, T, 50]",
        ),
        ("share weight = tok.weight", "share weight = tok.bias", 19, "no layer before it has"),
        ("init weight", "init height", 8, "no parameter `height`"),
        ("normal(std=0.02)", "normal(std=)", 10, "expected a value"),
        ("call Layer x=tok", "call Loyer x=tok", 17, "no graph above"),
        ("output z = einsum", "output z = w", 14, "which nothing makes"),
        ("@tok = ", "@tok ", 16, "no input, layer or output"),
        ("float[N, 3, H, H]", "flaot[N, 3, H, H]", 15, "not an element type"),
        ("float[N, 3, H, H]", "float[N, 3, H, H", 15, "expected `,`"),
        ("float[N, 3, H, H]", "float[N, 3, H, 0.5]", 15, "not a size"),
        ("einsum = einsum(", "conv2d = einsum(", 20, "another layer has this name"),
    ],
)
def test_a_text_that_does_not_hold_together_says_where(
    old: str, new: str, line: int, words: str
) -> None:
    assert old in TEXT
    with pytest.raises(DiagnosticError) as caught:
        read_program(Source("graph.txt", TEXT.replace(old, new)))
    first = next(d for d in caught.value.diagnostics if words in d.message)
    assert first.code.number == "E0503"
    assert first.primary is not None
    assert abs(first.primary.span.location.line - line) <= 2


_SIZES = st.recursive(
    st.one_of(st.integers(-99, 99), st.sampled_from([symbol("N"), symbol("H_4"), symbol("x")])),
    lambda s: st.one_of(
        st.tuples(s, s).map(lambda p: p[0] + p[1]),
        st.tuples(s, s).map(lambda p: p[0] * p[1]),
        st.tuples(s, st.integers(1, 9)).map(lambda p: p[0] // p[1]),
    ),
    max_leaves=6,
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), _SIZES),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@given(_VALUES)
def test_a_value_reads_back_as_it_was(value: Any) -> None:
    text = write_value(value)
    assert "\n" not in text
    reader = Reader(text, {}, make)
    back = reader.value()
    assert reader.at_end()
    assert repr(back) == repr(value)
    if isinstance(value, float) and not math.isnan(value):
        assert back == value
        assert type(back) is float


@given(st.text(alphabet="[](){}=,.-+*/ \"'\\aN19\n", max_size=40))
def test_no_text_crashes_the_reader(text: str) -> None:
    with suppress(TextError, ValueError):
        Reader(text, {}, make).value()


def test_deep_nesting_is_refused() -> None:
    for text in ("[" * 100_000, "(" * 100_000, "-" * 100_000, "normal(std=" * 50_000):
        with pytest.raises(TextError):
            Reader(text, {}, make).value()
