"""Generated modules compute what their programs say, however values flow.

Random networks with residuals, names, repeats within repeats and values that several
layers read are run twice: as the generated module, and node by node with the module's
own layers.
"""

from __future__ import annotations

from random import Random
from typing import Any, cast

import pytest
import torch

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.components import registry
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import BlockCall, Graph, Program
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ir.verify import verify
from dlc.compiler.ops.base import Op
from dlc.runtime.loading import load_module, model_class
from tests.networks import Builder, program

N = symbol("N")
WIDTH = 4


def op(name: str, **arguments: Any) -> Op:
    return cast(Op, registry.load("op", name)(**arguments))


OPS: tuple[tuple[Op, int], ...] = (
    (op("linear", out_features=WIDTH), 1),
    (op("linear", out_features=WIDTH), 1),
    (op("tanh"), 1),
    (op("sigmoid"), 1),
    (op("identity"), 1),
    (op("mul", scalar=0.5), 1),
    (op("sub", scalar=1.0, reverse=True), 1),
    (op("add"), 2),
    (op("add"), 2),
    (op("sub"), 2),
    (op("mul"), 2),
)


class Generator:
    """Makes one graph. A step of a repeat has one base name, and its turns are numbered."""

    def __init__(self, random: Random, blocks: list[Graph], builder: Builder) -> None:
        self.random = random
        self.blocks = blocks
        self.builder = builder
        self.counter = 0

    def plan(self, depth: int) -> list[Any]:
        """Steps: an op with how it picks its inputs, a block, or a repeat of a plan."""
        steps: list[Any] = []
        for _ in range(self.random.randint(1, 5)):
            kind = self.random.random()
            if kind < 0.2 and depth < 2:
                turns = self.random.randint(1, 4)
                steps.append(("repeat", turns, self.plan(depth + 1), self.random.random() < 0.2))
            elif kind < 0.35 and depth < 3:
                self.counter += 1
                steps.append(("residual", f"sum_{self.counter}", self.plan(depth + 1)))
            else:
                self.counter += 1
                named = self.random.random() < 0.25
                name = self.random.choice(["h", "x", "shortcut", "layer", "y", "step"])
                picks = [self.random.random() for _ in range(3)]
                steps.append((f"{name}_{self.counter}", self.random.random(), picks, named))
        return steps

    def run(self, steps: list[Any], current: str, turns: str, scope: list[str]) -> str:
        """`scope` are the values that have names here; unnamed ones flow to the next step."""
        for step in steps:
            if step[0] == "repeat":
                _, count, inner, uneven = step
                for i in range(count):
                    body = inner[1:] if uneven and i == 1 else inner
                    current = self.run(body, current, f"{turns}.{i}", list(scope))
                continue
            if step[0] == "residual":
                body = self.run(step[2], current, turns, list(scope))
                current = self.builder.apply(op("add"), body, current, layer=step[1] + turns)
                continue
            current = self.apply(step, current, turns, scope)
        return current

    def apply(self, step: Any, current: str, turns: str, scope: list[str]) -> str:
        base, which, picks, named = step
        if base in {"x", "y"}:
            named = False
        layer = base + turns
        inputs = [
            current if p < 0.7 or not scope else scope[int(p * 997) % len(scope)] for p in picks
        ]
        if self.blocks and which > 0.85:
            block = self.blocks[int(which * 997) % len(self.blocks)]
            value = self.builder.call(block, *inputs[: len(block.inputs)], layer=layer)
        else:
            made, arity = OPS[int(which * 997) % len(OPS)]
            name = layer if named else None
            value = self.builder.apply(made, *inputs[:arity], name=name, layer=layer)
        if named:
            scope.append(value)
        return value


def network(seed: int) -> Program:
    random = Random(seed)
    blocks: list[Graph] = []
    for i in range(random.randint(0, 2)):
        b = Builder(f"Block{i}")
        values = [b.input(name, float_tensor(N, WIDTH)) for name in ("x", "mask")[: i + 1]]
        maker = Generator(random, blocks[:], b)
        b.output("y", maker.run(maker.plan(1), values[0], "", values[1:]))
        blocks.append(b.finish())
    main = Builder(name="Net")
    inputs = [main.input(name, float_tensor(N, WIDTH)) for name in random.choice(["xa", "ab"])]
    maker = Generator(random, blocks, main)
    scope = list(inputs)
    middle = maker.run(maker.plan(0), inputs[0], "", scope)
    end = maker.run(maker.plan(0), middle, "", scope)
    for i, value in enumerate(dict.fromkeys([end, middle, *scope])):
        main.output(f"out_{i}", value)
    return program(main, *blocks)


def interpret(
    whole: Program, graph: Graph, module: torch.nn.Module, prefix: str, values: dict[str, Any]
) -> dict[str, Any]:
    for node in graph.nodes:
        inputs = [values[value] for _, value in node.inputs]
        path = identifiers.module_path(f"{prefix}{node.name}.weight").removesuffix(".weight")
        made: Any = node.op
        if isinstance(node.op, BlockCall):
            called = whole.graphs[node.op.graph]
            inner = dict(zip(called.inputs, inputs, strict=True))
            found = interpret(whole, called, module, f"{prefix}{node.name}.", inner)
            values[node.outputs[0]] = found[called.outputs[0][1]]
            continue
        if node.kind == "linear":
            result = module.get_submodule(path)(inputs[0])
        elif node.kind in ("tanh", "sigmoid"):
            result = getattr(torch, node.kind)(inputs[0])
        elif node.kind == "identity":
            result = inputs[0]
        else:
            a, b = (*inputs, made.scalar)[:2]
            if getattr(made, "reverse", False):
                a, b = b, a
            result = {"add": a + b, "sub": a - b, "mul": a * b}[node.kind]
        values[node.outputs[0]] = result
    return values


def agrees(seed: int) -> str:
    net = network(seed)
    assert verify(net) == ()
    source = generate_network(net)
    torch.manual_seed(seed)
    module = model_class(load_module(source))()
    inputs = {name: torch.randn(3, WIDTH) for name in net.graph.inputs}
    with torch.no_grad():
        given = module(*inputs.values())
        wanted = interpret(net, net.graph, module, "", dict(inputs))
    for name, value in net.graph.outputs:
        same = torch.allclose(given[name], wanted[value], rtol=0, atol=0, equal_nan=True)
        assert same, f"{name} of seed {seed}\n{source}"
    return source


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_random_networks_compute_what_they_say(start: int) -> None:
    sources = [agrees(seed) for seed in range(start, start + 50)]
    assert any("    for " in source for source in sources)
    assert any("shortcut" in source for source in sources)


def test_a_variable_does_not_take_the_name_of_a_loop() -> None:
    # A layer called `shortcut_2`, looped over beside others, and a second shortcut inside.
    assert "for shortcut_2, " in agrees(2868)


@pytest.mark.full
def test_many_random_networks_compute_what_they_say() -> None:
    for seed in range(400, 10_000):
        agrees(seed)
