"""`reuse` of blocks: the layers of one call, applied to other values."""

from __future__ import annotations

import pytest

from dlc.compiler.analysis.cost import cost
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.ir.graph import BlockCall
from dlc.compiler.ir.text import print_program
from dlc.compiler.ir.verify import verify
from tests.checking import check_dlc, check_yaml, compiled, errors, only

ENCODER = """
block Encoder(dim: int) {
  input x: float[N, T, F]
  input mask: bool[N, T]
  residual { multihead_attention(2, key_padding_mask=mask) }
  linear(dim) -> relu
}
"""


def spec(body: str, *, right: str = "float[N, S, 4]", head: str = ENCODER) -> str:
    return (
        f"dlc 1\n{head}\nmodel Siamese {{\n  input left: float[N, T, 4]\n  input right: {right}\n"
        f"  input here: bool[N, T]\n  input there: bool[N, S]\n{body}\n}}\n"
    )


TWINS = """
  a = left -> Encoder(6, mask=here)
  b = right -> reuse(a, mask=there)
  output u = a -> lstm(3, return_sequences=false)
  output v = b -> lstm(3, return_sequences=false)
"""


def test_a_block_is_applied_again_with_its_own_inputs_by_name() -> None:
    program = compiled(check_dlc(spec(TWINS))).program
    assert not verify(program)
    b = program.graph.nodes[1]
    assert isinstance(b.op, BlockCall)
    assert (b.op.reuses, b.inputs) == ("a", (("x", "right"), ("mask", "there")))
    keys = [key for key, _ in program.parameters()]
    assert not any(key.startswith("b.") for key in keys)
    assert "call Encoder_2 reusing a" in print_program(program)


def test_the_module_holds_it_once_and_calls_it_twice() -> None:
    source = generate_network(compiled(check_dlc(spec(TWINS))).program)
    assert source.count("= Encoder(") == 1
    assert "a = self.a(left, here)" in source
    assert "b = self.a(right, there)" in source


def test_its_parameters_count_once_and_its_work_twice() -> None:
    result = cost(compiled(check_dlc(spec(TWINS))).program, {"N": 1, "T": 5, "S": 5})
    rows = {layer.name: layer for layer in result.layers}
    assert rows["a.linear"].parameters == 4 * 6 + 6
    assert rows["b.linear"].parameters == 0
    assert rows["a.linear"].macs == rows["b.linear"].macs == 5 * 4 * 6


def test_one_block_may_stand_for_every_layer_of_a_stack() -> None:
    head = "block Layer(dim: int) { input x: float[N, D]; linear(dim) -> relu }".replace("; ", "\n")
    text = (
        f"dlc 1\n{head}\nmodel Albert {{\n  input x: float[N, 4]\n  first = x -> Layer(4)\n"
        "  repeat 11 {\n    reuse(first)\n  }\n  output y = linear(1)\n}\n"
    )
    program = compiled(check_dlc(text)).program
    assert program.parameter_count == 4 * 4 + 4 + 5
    assert sum(1 for _, _, node in program.walk() if node.kind == "linear") == 13
    source = generate_network(program)
    assert source.count("= Layer(") == 1


def test_what_is_reused_may_be_reused_by_its_second_name() -> None:
    body = TWINS + "  c = left -> reuse(b, mask=here)\n  output w = c -> linear(1)"
    program = compiled(check_dlc(spec(body))).program
    reuses = [n.op.reuses for n in program.graph.nodes if isinstance(n.op, BlockCall)]
    assert reuses == ["", "a", "a"]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("right -> reuse(a)", "E0303", "`a` needs its input `mask`"),
        ("right -> reuse(a, mask=there, dim=8)", "E0205", "`a` has no input `dim`"),
        ("right -> reuse(a, mask=their)", "E0202", "no value above is called `their`"),
        ("[right, there, left] -> reuse(a)", "E0410", "takes 2 values, got 3"),
        ("right -> reuse(a, layer=a)", "E0303", "takes the name of one layer"),
        ("right -> reuse", "E0303", "takes the name of one layer"),
    ],
)
def test_what_does_not_fit_a_block_is_told(line: str, code: str, words: str) -> None:
    body = f"  a = left -> Encoder(6, mask=here)\n  output b = {line}"
    result = check_dlc(spec(body))
    assert [d for d in result.diagnostics if d.code.number == code and words in d.message], [
        d.message for d in result.diagnostics
    ]


def test_weights_of_other_sizes_are_refused_where_they_are_wanted() -> None:
    found = only(check_dlc(spec(TWINS, right="float[N, S, 8]")))
    assert found.code.number == "E0412"
    assert "would be [24, 8], and is [12, 4]" in found.message


def test_both_surfaces_say_it() -> None:
    text = """\
dlc: 1
name: Twins
blocks:
  Encoder:
    params: {dim: int}
    inputs: {x: "float[N, F]", scale: "float[N, 1]"}
    layers:
      - linear: dim
        name: h
      - from: h * scale
inputs:
  left: float[N, 4]
  right: float[N, 4]
  one: float[N, 1]
layers:
  - from: left
    Encoder: {dim: 3, scale: one}
    name: a
  - from: right
    reuse: {layer: a, scale: one}
    name: b
  - from: a - b
    output: y
"""
    program = compiled(check_yaml(text)).program
    assert program.parameter_count == 15
    assert errors(check_yaml(text.replace("{layer: a, scale: one}", "a"))) == ["E0303"]
