"""Whatever names and values a program has, its source holds no code of theirs."""

from __future__ import annotations

import ast
import keyword
import math
import string
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.torch_check import check_source
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.components.text import literal
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Inputs, Program
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops.base import Op
from dlc.compiler.record import component
from dlc.runtime.loading import load_module, model_class
from tests.networks import Builder, program


@component
class Keep(Op):
    """Keeps a value of the spec in its submodule and in its text, and gives its input."""

    name: ClassVar[str] = "keep"
    value: Any = None

    def infer(self, inputs: Inputs) -> TensorType:
        return inputs.x

    def torch(self, t: TorchWriter) -> str:
        t.helper("Keep", _KEEP)
        return (
            f"{t.module('Keep', self.value, other=self.value)}({t['x']}, {t.literal(self.value)})"
        )


_KEEP = """class Keep(nn.Module):
    def __init__(self, value: object, other: object) -> None:
        super().__init__()
        self.value = (value, other)

    def forward(self, x: Tensor, value: object) -> Tensor:
        assert len(self.value) == 2
        return x
"""

CANARY = "canary-of-the-code-generator"
_CODE = f"__import__('pathlib').Path('{CANARY}').touch()"
_HOSTILE = [
    f'"); {_CODE} #',
    f"'); {_CODE} #",
    f'"""\n{_CODE}\n"""',
    f"\\'); {_CODE} #",
    f'\\\\"); {_CODE} #',
    f"{{{_CODE}}}",
    f"\r\n{_CODE}",
    f"\u2028{_CODE}",
    *("__v0__", "__s0__", "__m__", "__d0__", "\x00", "\ud800", "\u00e9", "\\", "'", '"', "", " "),
]
_NUMBERS = [0, 1, -1, 7, 2**53, 0.0, -0.0, 1e-5, 1e300, 0.1, math.inf, -math.inf, math.nan, True]
_NAMES = [
    *keyword.kwlist,
    *sorted(identifiers.MODULE_ATTRIBUTES),
    *sorted(identifiers.MODULE_NAMES),
    *("__class__", "__init__", "__dict__", "_modules", "_parameters", "self", "x", "shortcut"),
    *("y", "layer", "i", "str", "range", "zip", "super", "Keep", "value", "print", "eval"),
    *("__v0__", "__s0__", "__m__", "__d0__", "underscore_x", "_x", "forward_", "__debug__"),
]


def _value(random: Random, depth: int = 0) -> Any:
    kind = random.randrange(4 if depth < 2 else 3)
    if kind == 0:
        return random.choice(_NUMBERS)
    if kind == 1:
        return random.choice(_HOSTILE) + random.choice(["", "\n", "a"])
    if kind == 2:
        return None if random.random() < 0.3 else random.uniform(-1e6, 1e6)
    return tuple(_value(random, depth + 1) for _ in range(random.randrange(4)))


def _name(random: Random) -> str:
    if random.random() < 0.6:
        return random.choice(_NAMES) + random.choice(["", "", "_", "__"])
    first = random.choice(string.ascii_letters + "_")
    return first + "".join(random.choices(string.ascii_letters + string.digits + "_", k=4))


def _program(seed: int) -> Program:
    """A block called twice with other values, and layers with and without author's names."""
    random = Random(seed)
    names = list(dict.fromkeys(_name(random) for _ in range(16)))[:9]
    values = [_value(random) for _ in range(6)]
    n = symbol("N")
    blocks = []
    block, argument = random.choice(["Block", names[5]]), random.choice(["value", names[6]])
    for i in range(2):
        b = Builder(block, f"b{i}")
        b.arguments = ((argument, values[i]),)
        x = b.input(names[0], float_tensor(n, 4))
        for k, name in enumerate(names[1:4]):
            x = b.apply(Keep(value=values[(i + k) % 6]), x, name=name)
        b.output(names[4], x)
        blocks.append(b.finish())
    main = Builder(name=random.choice(names))
    x = main.input(names[0], float_tensor(n, 4))
    for i, name in enumerate(names[1:]):
        own = name if i % 2 else None
        x = main.apply(Keep(value=values[i % 6]), x, name=own, layer=own or f"{name}.0")
    x = main.call(blocks[0], x, layer="call_of_block.0")
    x = main.call(blocks[1], x, layer="call_of_block.1")
    main.output(names[-1], x)
    return program(main, *blocks)


def _holds(network: Program) -> None:
    source = generate_network(network)
    module = model_class(load_module(source))()
    kept = {
        path: layer.value
        for path, layer in module.named_modules()
        if type(layer).__name__ == "Keep"
    }
    nodes = {identifiers.module_path(f"{path}.w")[:-2]: node for path, _, node in network.walk()}
    assert set(kept) == set(nodes), "two layers got one name"
    for path, pair in kept.items():
        wanted = nodes[path].op.value  # type: ignore[union-attr]
        assert [repr(value) for value in pair] == [repr(wanted)] * 2
    x = torch.ones(2, 4)
    [(name, result)] = module(x).items()
    assert name == network.graph.outputs[0][0]
    assert torch.equal(result, x)


@pytest.mark.parametrize("seed", range(200))
def test_hostile_names_and_values_are_only_names_and_values(seed: int) -> None:
    _holds(_program(seed))


@pytest.mark.full
def test_five_thousand_hostile_programs() -> None:
    for seed in range(5000):
        _holds(_program(seed))


@pytest.fixture(autouse=True, scope="module")
def _no_canary() -> Any:
    yield
    assert not Path(CANARY).exists(), "a value of a spec was run"


_VALUES = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text()),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)


@given(_VALUES)
def test_a_literal_reads_back_as_the_value(value: Any) -> None:
    text = literal(value)
    assert text.isascii()
    back = eval(text, {"__builtins__": {}, "float": float})
    assert repr(back) == repr(value)
    if isinstance(value, float) and math.isfinite(value):
        assert ast.literal_eval(text) == value


def test_names_stay_apart() -> None:
    names = sorted({name + end for name in _NAMES for end in ("", "_", "__", "_2")})
    for rename in (identifiers.attribute, identifiers.variable):
        renamed = [rename(name) for name in names]
        assert len(set(renamed)) == len(names)
        assert not any(keyword.iskeyword(name) or name.startswith("_") for name in renamed)
        assert all(name.isidentifier() for name in renamed)


GOOD = """import torch
from torch import Tensor, nn


class Net(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)
"""


@pytest.mark.parametrize(
    "change",
    [
        ("torch.relu(x)", "__import__('os')"),
        ("torch.relu(x)", "eval('1')"),
        ("torch.relu(x)", "open('f')"),
        ("torch.relu(x)", "torch.load('f')"),
        ("torch.relu(x)", "torch.hub.load('f', 'g')"),
        ("torch.relu(x)", "x.__class__"),
        ("torch.relu(x)", "x._backward_hooks"),
        ("torch.relu(x)", "(lambda: x)()"),
        ("torch.relu(x)", "x if (y := x) else y"),
        ("return torch", "import os\n        return torch"),
        ("return torch", "global x\n        return torch"),
        ("return torch", "del x\n        return torch"),
        ("class Net", "torch.relu(1)\n\n\nclass Net"),
        ("class Net(nn.Module)", "class Net(object)"),
        ("import torch\n", "import os\n"),
        ("import torch\n", "import torch as math\n"),
        ("def forward", "@torch.compile\n    def forward"),
        ("def forward", "def __reduce__"),
        ("return", "return '\u00e9',"),
        ("return", "return ("),
    ],
)
def test_what_no_generator_writes_is_refused(change: tuple[str, str]) -> None:
    check_source(GOOD)
    with pytest.raises(DiagnosticError) as caught:
        check_source(GOOD.replace(*change))
    assert caught.value.diagnostics[0].code.number == "E0901"
