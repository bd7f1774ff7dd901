"""Reading a textual graph: it comes back as it was, and a spoiled one is refused where it is."""

from __future__ import annotations

import pytest

from dlc.compiler import Source, check
from dlc.compiler.analysis.graph_text import read_program
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.text import print_program

SPEC = """\
dlc 1

model Net {
  input x: float[N, 8]
  linear(16) -> relu
  output y = linear(4)
}
"""


@pytest.fixture
def graph() -> str:
    compilation = check(Source("net.dlc", SPEC, "dlc")).compilation
    assert compilation is not None
    return print_program(compilation.program)


def test_a_graph_is_read_back_as_it_was(graph: str) -> None:
    assert print_program(read_program(Source("net.graph", graph))) == graph


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("x=linear ", "x=nothing ", "nothing"),
        ("-> float[N, 16]", "-> float[N, 17]", "17"),
        ("out_features=16", "out_features=0", "out_features"),
        ("= relu()", "= rleu()", "relu"),
        ("out_features=4", "units=4", "units"),
        ("output y = y", "output y = z", "z"),
        ("dlc graph 1", "dlc graph 9", ""),
    ],
)
def test_a_graph_that_was_changed_by_hand_is_refused(
    graph: str, old: str, new: str, said: str
) -> None:
    assert old in graph
    with pytest.raises(DiagnosticError) as caught:
        read_program(Source("net.graph", graph.replace(old, new, 1)))
    for found in caught.value.diagnostics:
        assert found.code.number == "E0503"
        assert found.primary is not None
    assert said in " ".join(d.message for d in caught.value.diagnostics)
