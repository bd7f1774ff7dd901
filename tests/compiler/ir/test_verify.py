"""The verifier finds what does not hold, and nothing in what the compiler makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_text import SPECS, compiled, op, small

from dlc.compiler.ir.graph import BlockCall, Node, Parameter, Program
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ir.verify import verify


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.dlc")), ids=lambda p: p.stem)
def test_the_zoo_holds(path: Path) -> None:
    assert verify(compiled(path).program) == ()


def test_a_small_program_holds() -> None:
    assert verify(small()) == ()


def changed(node: str = "", graph: str = "Net", **fields: Any) -> Program:
    """The small program with fields of a node, or of a graph, replaced."""
    whole = small()
    old = whole.graphs[graph]
    if node:
        nodes = tuple(replace(n, **fields) if n.name == node else n for n in old.nodes)
        new = replace(old, nodes=nodes)
    else:
        new = replace(old, **fields)
    return replace(whole, graphs={**whole.graphs, graph: new})


def _node(name: str) -> Node:
    return next(n for n in small().graph.nodes if n.name == name)


CONV = op("conv2d", out_channels=4, kernel_size=3, stride=2)
BROKEN: dict[str, tuple[Program, str]] = {
    "an unknown value": (changed("tok", inputs=(("x", "nothing"),)), "not made before"),
    "a later value": (changed("tok", inputs=(("x", "logits"),)), "not made before"),
    "two layers of one name": (changed("layer.1", name="layer.0"), "another layer"),
    "a value made twice": (changed("layer.1", outputs=("layer.0",)), "made twice"),
    "a value without a type": (changed("layer.1", outputs=("other",)), "has no type"),
    "another op": (
        changed("linear", "Layer", op=op("relu")),
        "its parameters are `weight`, `bias`",
    ),
    "an op that refuses": (changed("tok", op=op("linear", out_features=2)), "refuses its inputs"),
    "a lost parameter": (changed("tok", parameters=()), "its parameters are none"),
    "a parameter of another shape": (
        changed("tok", parameters=(Parameter(name="weight", shape=(50, 9)),)),
        "weight float[50, 9]",
    ),
    "a parameter of another role": (
        changed("tok", parameters=(replace(_node("tok").parameters[0], role="bias"),)),
        "bias float[50, 8]",
    ),
    "sharing what is not there": (
        changed("logits", shared=(("weight", "layer.0.weight"),)),
        "no layer before it has",
    ),
    "sharing into nothing": (
        changed("logits", shared=(("weight", "tok.weight"), ("scale", "tok.weight"))),
        "no parameter `scale`",
    ),
    "a call of an unknown graph": (
        changed("layer.0", op=BlockCall("Nothing", "Layer")),
        "does not stand before",
    ),
    "a call of itself": (changed("layer.0", op=BlockCall("Net", "Layer")), "does not stand before"),
    "a call with other ports": (changed("layer.0", inputs=(("z", "tok"),)), "`Layer` takes `x`"),
    "a call with another type": (changed("layer.0", inputs=(("x", "image"),)), "`Layer` takes"),
    "an output of nothing": (changed(outputs=(("y", "nothing"),)), "which nothing makes"),
    "two outputs of one name": (
        changed(outputs=(("y", "logits"), ("y", "einsum"))),
        "two outputs are called `y`",
    ),
    "no output": (changed(outputs=()), "it has no output"),
    "a type of nothing": (
        changed(values={**small().graph.values, "ghost": float_tensor(1)}),
        "nothing makes it",
    ),
    "no main graph": (replace(small(), main="Other"), "no such graph"),
    "a graph by another name": (changed(name="Else"), "called `Else` itself"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_hold_is_found(case: str) -> None:
    broken, words = BROKEN[case]
    problems = [str(problem) for problem in verify(broken)]
    assert any(words in problem for problem in problems), problems
