"""Types inferred anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from dlc.compiler import Source, check
from dlc.compiler.analysis.shapes import infer, with_input_types
from dlc.compiler.components import registry
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Graph, Program
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.compiler.ir.verify import verify
from dlc.compiler.ops.base import Op
from tests.networks import Builder, program

SPECS = Path(__file__).resolve().parents[3] / "specs"
N, H = symbol("N"), symbol("H")


def op(name: str, **arguments: Any) -> Op:
    return cast(Op, registry.load("op", name)(**arguments))


def zoo(name: str) -> Program:
    path = SPECS / f"{name}.yaml"
    found = check(Source(path.name, path.read_text(encoding="utf-8")), path=path)
    assert found.compilation is not None
    return found.compilation.program


def _half() -> Graph:
    b = Builder("Half", width=4)
    x = b.input("x", float_tensor(N, 4, H, H))
    b.output("y", b.apply(op("conv2d", out_channels=4, kernel_size=3, stride=2, padding=1), x))
    return b.finish()


def halves() -> Program:
    """One block called twice on symbolic sizes, where a second graph has other sizes."""
    block = _half()
    b = Builder(name="Net")
    x = b.input("image", float_tensor(N, 4, H, H))
    x = b.call(block, x, layer="half.0")
    x = b.apply(op("reshape", sizes=(N, -1)), x)
    b.output("y", x)
    return program(b, block, label=int_tensor(N))


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet18", "bert_base", "bilstm", "multitask", "skipgram"]
)
def test_inferring_again_changes_nothing(name: str) -> None:
    assert infer(zoo(name)) == zoo(name)


def test_symbols_become_numbers_everywhere() -> None:
    found = with_input_types(halves(), {"N": 2, "H": 9})
    assert verify(found) == ()
    assert found.graph.values["image"] == float_tensor(2, 4, 9, 9)
    assert found.graph.values["reshape"] == float_tensor(2, 100)
    assert dict(found.targets)["label"] == int_tensor(2)
    values = [type for graph in found.graphs.values() for type in graph.values.values()]
    assert all(isinstance(size, int) for type in values for size in type.shape)
    assert "Symbol" not in repr([n.op for g in found.graphs.values() for n in g.nodes])


def test_symbols_that_are_not_named_stay() -> None:
    found = with_input_types(zoo("bert_base"), {"T": 128})
    assert verify(found) == ()
    assert found.graph.values["logits"] == float_tensor(N, 128, 30522)


def test_a_block_that_is_called_with_two_types_becomes_two_graphs() -> None:
    block = _half()
    b = Builder(name="Net")
    x = b.input("image", float_tensor(N, 4, H, H))
    x = b.call(block, x, layer="half.0")
    b.output("y", x)
    net = program(b, block)
    longer = Builder(name="Net")
    x = longer.input("image", float_tensor(N, 4, H, H))
    x = longer.call(block, x, layer="half.0")
    longer.values["half.0"] = float_tensor(N, 4, H, H)  # a lie, which inferring finds
    x = longer.call(block, x, layer="half.1")
    longer.output("y", x)
    found = infer(program(longer, block))
    assert verify(found) == ()
    assert [g.block for g in found.graphs.values()] == ["Half", "Half", ""]
    assert found.graph.values["half.1"].shape[2] == ((H + 1) // 2 + 1) // 2
    assert infer(net) == net


def test_an_op_that_refuses_its_new_input_is_a_diagnostic() -> None:
    with pytest.raises(DiagnosticError) as caught:
        infer(zoo("lenet5"), {"image": float_tensor(N, 1, 4, 4)})
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code.number == "E0405"
    assert diagnostic.primary is not None
    assert diagnostic.primary.span.text.startswith("conv2d")


def test_starts_of_weights_are_kept() -> None:
    found = with_input_types(zoo("lenet5"), {"N": 2})
    start = next(p for path, p in found.parameters() if path == "conv2d.weight").initializer
    assert type(start).__name__ == "XavierUniform"
