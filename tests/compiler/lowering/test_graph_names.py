"""Graphs of a program have names of their own, whatever blocks are called."""

from __future__ import annotations

from dlc.compiler import Source, check
from dlc.compiler.ir.verify import verify

SPEC = """dlc 1

block Net(width: int) {
  input x: float[N, C]
  linear(width)
}

block Net_2(width: int) {
  input x: float[N, C]
  linear(width) -> relu
}

model Net {
  input x: float[N, 4]
  Net(3)
  Net(5)
  Net_2(3)
  output y = Net_2(7)
}
"""


def test_a_block_may_be_called_like_the_model_or_like_another_ones_second_graph() -> None:
    found = check(Source("net.dlc", SPEC, "dlc")).compilation
    assert found is not None
    program = found.program
    assert len(program.graphs) == 5
    assert [graph.block for graph in program.graphs.values()].count("Net") == 2
    assert program.graph.block == ""
    assert verify(program) == ()
    assert program.parameter_count == 15 + 20 + 18 + 28
