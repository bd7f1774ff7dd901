"""The generated network: what it says, and that it is the graph."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import pytest
import torch

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.components import registry
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import substitute, symbol
from dlc.compiler.ir.graph import Graph, Inputs, Program
from dlc.compiler.ir.protocols import TorchWriter
from dlc.compiler.ir.types import DType, TensorType, float_tensor, int_tensor
from dlc.compiler.ops.base import Op
from dlc.compiler.record import component
from dlc.runtime.loading import load_module, model_class
from tests.networks import Builder, program

N, T = symbol("N"), symbol("T", 1, 512)


def op(name: str, **arguments: Any) -> Op:
    return cast(Op, registry.load("op", name)(**arguments))


def initializer(name: str, **arguments: Any) -> Any:
    return registry.load("initializer", name)(**arguments)


def run(network: Program, **sizes: int) -> tuple[str, torch.nn.Module]:
    """The source of a program and its module, after a forward pass whose parameters and
    output shapes were compared with the program."""
    source = generate_network(network)
    assert source == generate_network(network)
    module = model_class(load_module(source))()
    expected = {identifiers.module_path(path): tuple(p.shape) for path, p in network.parameters()}
    found = {name: tuple(p.shape) for name, p in module.named_parameters()}
    buffers = {name: tuple(b.shape) for name, b in module.named_buffers()}
    assert found | {k: v for k, v in buffers.items() if k in expected} == expected
    known = {"N": 3, "T": 5, **sizes}
    arguments = [_tensor(network.graph.values[name], known) for name in network.graph.inputs]
    outputs = module(*arguments)
    assert list(outputs) == [name for name, _ in network.graph.outputs]
    for name, value in network.graph.outputs:
        wanted = tuple(substitute(d, known) for d in network.graph.values[value].shape)
        assert tuple(outputs[name].shape) == wanted, name
    return source, module


def _tensor(type: TensorType, sizes: dict[str, int]) -> torch.Tensor:
    shape = [cast(int, substitute(size, sizes)) for size in type.shape]
    if type.dtype is DType.FLOAT32:
        return torch.randn(shape)
    if type.dtype is DType.BOOL:
        return torch.zeros(shape, dtype=torch.bool)
    return torch.randint(0, 2, shape)


def body(source: str, class_name: str = "") -> str:
    """The lines of the last `forward`, or that of a class, without indentation."""
    if class_name:
        source = source.partition(f"class {class_name}(")[2].partition("\n\n\n")[0]
    lines = source.rpartition("def forward(")[2].splitlines()
    start = next(i for i, line in enumerate(lines) if line.endswith(":"))
    kept = [line.partition("  #")[0].removeprefix("        ") for line in lines[start + 1 :]]
    return "\n".join(line for line in kept if line.strip())


def lenet() -> Program:
    b = Builder(name="LeNet5")
    init = {"weight": initializer("xavier_uniform"), "bias": initializer("zeros")}
    x = b.input("image", float_tensor(N, 1, 28, 28))
    x = b.apply(op("conv2d", out_channels=6, kernel_size=5, padding=2), x, init=init)
    x = b.apply(op("tanh"), x)
    x = b.apply(op("avg_pool2d", kernel_size=2), x)
    x = b.apply(op("flatten"), x)
    x = b.apply(op("linear", out_features=120), x, init=init)
    x = b.apply(op("dropout", p=0.3), x)
    x = b.apply(op("linear", out_features=10), x, init=init, name="logits")
    b.output("logits", x)
    return program(b)


LENET = '''"""LeNet5."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(1, 6, 5, padding=2)
        self.linear = nn.Linear(1176, 120)
        self.dropout = nn.Dropout(0.3)
        self.logits = nn.Linear(120, 10)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        for layer in (self.conv2d, self.linear, self.logits):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        image: Tensor,  # float[N, 1, 28, 28]
    ) -> dict[str, Tensor]:
        x = self.conv2d(image)  # [N, 6, 28, 28]
        x = torch.tanh(x)
        x = F.avg_pool2d(x, 2)  # [N, 6, 14, 14]
        x = torch.flatten(x, 1)  # [N, 1176]
        x = self.linear(x)  # [N, 120]
        x = self.dropout(x)
        logits = self.logits(x)  # [N, 10]
        return {"logits": logits}
'''


def test_a_chain_reads_like_one_written_by_hand() -> None:
    source, _ = run(lenet())
    assert source == LENET


def test_a_spec_without_init_keeps_the_start_of_pytorch() -> None:
    b = Builder(name="Plain")
    x = b.input("image", float_tensor(N, 4))
    b.output("y", b.apply(op("linear", out_features=2), x, name="y"))
    source, _ = run(program(b))
    assert "reset_parameters" not in source


def _residual_block(width: int, channels: int, name: str, project: bool) -> Graph:
    b = Builder("BasicBlock", name, width=width)
    x = b.input("x", float_tensor(N, channels, 8, 8))
    conv = op("conv2d", out_channels=width, kernel_size=3, padding=1, bias=False)
    h = b.apply(op("relu"), b.apply(op("batch_norm2d"), b.apply(conv, x)))
    short = x
    if project:
        short = b.apply(op("conv2d", out_channels=width, kernel_size=1, bias=False), x)
    y = b.apply(op("relu"), b.apply(op("add"), h, short))
    b.output("y", y)
    return b.finish()


def test_a_residual_keeps_its_input_as_the_shortcut() -> None:
    block = _residual_block(4, 4, "BasicBlock", project=False)
    b = Builder(name="Net")
    b.output("y", b.call(block, b.input("x", float_tensor(N, 4, 8, 8)), name="y"))
    source, _ = run(program(b, block))
    assert body(source, "BasicBlock") == (
        "shortcut = x\n"
        "x = self.conv2d(x)\n"
        "x = self.batch_norm2d(x)\n"
        "x = torch.relu(x)\n"
        "x = x + shortcut\n"
        "return torch.relu(x)"
    )


def test_blocks_that_differ_in_sizes_share_a_class_and_others_say_what_they_have_more() -> None:
    blocks = [
        _residual_block(8, 8, "BasicBlock", project=False),
        _residual_block(16, 8, "BasicBlock_2", project=True),
        _residual_block(16, 16, "BasicBlock_3", project=False),
        _residual_block(32, 16, "BasicBlock_4", project=True),
    ]
    b = Builder(name="Net")
    x = b.input("image", float_tensor(N, 8, 8, 8))
    for i, block in enumerate(blocks):
        x = b.call(block, x, layer=f"basic_block.{i}")
    b.output("y", x)
    source, _ = run(program(b, *blocks))
    assert source.count("class BasicBlock(") == 1
    assert "class BasicBlock(nn.Module):\n" in source
    assert "def __init__(self, width: int) -> None:" in source
    assert "def __init__(self, in_channels: int, width: int) -> None:" in source
    assert "BasicBlockProjected(8, 16)" in source
    assert "shortcut = self.conv2d_2(shortcut)" in source
    assert body(source) == (
        'x = image\nfor layer in self.basic_block:\n    x = layer(x)\nreturn {"y": x}'
    )
    assert "# [N, 8..32, 8, 8]" in source


def test_repeated_layers_become_lists_and_a_loop() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 8))
    for i in range(3):
        x = b.apply(op("linear", out_features=8), x, layer=f"linear.{i}")
        x = b.apply(op("batch_norm1d"), x, layer=f"batch_norm1d.{i}")
        x = b.apply(op("relu"), x, layer=f"relu.{i}")
    b.output("y", x)
    source, _ = run(program(b))
    assert "self.linear = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))" in source
    assert body(source) == (
        "for linear, batch_norm1d in zip(self.linear, self.batch_norm1d):\n"
        "    x = linear(x)\n"
        "    x = batch_norm1d(x)\n"
        "    x = torch.relu(x)\n"
        'return {"y": x}'
    )


def test_repeats_within_repeats_become_loops_within_loops() -> None:
    b = Builder(name="Net")
    x = b.input("image", float_tensor(N, 8))
    for i in range(2):
        for j in range(3):
            x = b.apply(op("linear", out_features=8), x, layer=f"linear.{i}.{j}")
        x = b.apply(op("relu"), x, layer=f"relu.{i}")
    b.output("y", x)
    source, module = run(program(b))
    assert body(source) == (
        "x = image\n"
        "for layers in self.linear:\n"
        "    for layer in layers:\n"
        "        x = layer(x)\n"
        "    x = torch.relu(x)\n"
        'return {"y": x}'
    )
    assert "linear.1.2.weight" in dict(module.named_parameters())


def test_a_turn_that_lacks_a_layer_stays_outside_of_the_loop() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 8))
    for i in range(4):
        x = b.apply(op("linear", out_features=8), x, layer=f"linear.{i}")
        if i != 1:
            x = b.apply(op("batch_norm1d"), x, layer=f"batch_norm1d.{i}")
    b.output("y", x)
    source, module = run(program(b))
    assert "nn.ModuleDict(\n            {" in source or "nn.ModuleDict({" in source
    assert {n for n in module.state_dict() if n.endswith("1d.3.bias")} == {"batch_norm1d.3.bias"}
    assert "for i in range(2, 4):" in body(source)


def test_turns_that_read_the_turn_before_the_last_are_not_rolled() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 8))
    before, now = x, x
    for i in range(3):
        y = b.apply(op("linear", out_features=8), now, layer=f"linear.{i}")
        before, now = now, b.apply(op("add"), y, before, layer=f"add.{i}")
    b.output("y", now)
    source, _ = run(program(b))
    assert "for " not in body(source)


def test_a_value_from_outside_stays_whole_in_a_loop() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 8))
    h = b.apply(op("linear", out_features=8), x)
    y = h
    for i in range(3):
        y = b.apply(op("linear", out_features=8), y, layer=f"inner.{i}")
        y = b.apply(op("add"), y, h, layer=f"add.{i}")
    b.output("y", y)
    source, module = run(program(b))
    image = torch.randn(2, 8)
    with torch.no_grad():
        first = module.get_submodule("linear")(image)
        wanted = first
        for layer in cast(torch.nn.ModuleList, module.get_submodule("inner")):
            wanted = layer(wanted) + first
        assert torch.equal(module(image)["y"], wanted)
    assert body(source) == (
        "x = self.linear(x)\n"
        "shortcut = x\n"
        "for layer in self.inner:\n"
        "    x = layer(x)\n"
        "    x = x + shortcut\n"
        'return {"y": x}'
    )


def test_tied_weights_are_one_tensor() -> None:
    b = Builder(name="Net")
    tokens = b.input("tokens", int_tensor(N, T))
    tok = b.apply(op("embedding", num_embeddings=50, embedding_dim=8), tokens, name="tok")
    pos = b.apply(
        op("embedding", num_embeddings=512, embedding_dim=8),
        b.apply(op("positions"), tokens),
        name="pos",
    )
    x = b.apply(op("add"), tok, pos)
    logits = b.apply(
        op("linear", out_features=50), x, name="logits", shared={"weight": "tok.weight"}
    )
    b.output("logits", logits)
    source, module = run(program(b))
    assert module.get_parameter("logits.weight") is module.get_parameter("tok.weight")
    assert "self.logits.weight = self.tok.weight" in source
    assert body(source) == (
        "tok = self.tok(tokens)\n"
        "x = torch.arange(tokens.shape[1], device=tokens.device)\n"
        "pos = self.pos(x)\n"
        "x = tok + pos\n"
        "logits = self.logits(x)\n"
        'return {"logits": logits}'
    )


def test_a_layer_that_is_reused_is_called_twice() -> None:
    b = Builder(name="Siamese")
    left, right = b.input("left", float_tensor(N, 8)), b.input("right", float_tensor(N, 8))
    a = b.apply(op("linear", out_features=4), left, name="enc")
    shared = {"weight": "enc.weight", "bias": "enc.bias"}
    c = b.apply(op("linear", out_features=4), right, shared=shared)
    b.output("y", b.apply(op("add"), a, c))
    source, module = run(program(b))
    assert "x = self.enc(right)" in body(source)
    assert set(module.state_dict()) == {"enc.weight", "enc.bias"}


CLASHES = ["forward", "training", "parameters", "lambda", "F", "torch", "type", "_modules", "__x"]


def test_names_that_python_or_torch_needs_are_changed_and_stay_apart() -> None:
    b = Builder(name="Module")
    x = b.input("self", float_tensor(N, 4))
    extra = [b.input(name, float_tensor(N, 4)) for name in ("lambda___", "class", "dict", "math")]
    for value in extra:
        x = b.apply(op("add"), x, value)
    for name in (*CLASHES, *(f"{name}_" for name in CLASHES)):
        x = b.apply(op("linear", out_features=4), x, name=name)
    b.output("class", x)
    _, module = run(program(b))
    assert "forward_.weight" in module.state_dict()
    assert "forward__.weight" in module.state_dict()
    assert len(list(module.parameters())) == 4 * len(CLASHES)


def test_module_attributes_are_those_of_this_torch() -> None:
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public | {"reset_parameters"} == identifiers.MODULE_ATTRIBUTES


def test_two_layers_of_one_name_are_a_diagnostic() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 4))
    x = b.apply(op("linear", out_features=4), x, layer="linear")
    x = b.apply(op("linear", out_features=4), x, layer="linear.0")
    b.output("y", x)
    with pytest.raises(DiagnosticError) as caught:
        generate_network(program(b))
    assert caught.value.diagnostics[0].code.number == "E0501"


def test_arguments_of_a_block_name_the_arguments_of_its_class() -> None:
    b = Builder("Layer", dim=16, p=0.1, kernel=3)
    x = b.input("x", float_tensor(N, T, 16))
    x = b.apply(op("linear", out_features=64), x)
    x = b.apply(op("linear", out_features=16), x)
    x = b.apply(op("dropout", p=0.1), x)
    b.output("y", x)
    block = b.finish()
    main = Builder(name="Net")
    x = main.input("x", float_tensor(N, T, 16))
    for i in range(12):
        x = main.call(block, x, layer=f"layer.{i}")
    main.output("y", x)
    source, _ = run(program(main, block))
    assert "def __init__(self, dim: int, p: float) -> None:" in source
    assert "nn.Linear(dim, 4 * dim)" in source
    assert "nn.ModuleList(Layer(16, 0.1) for _ in range(12))" in source


@component
class Halves(Op):
    """Two halves of the last dim, each scaled, the second repeated over T."""

    name: ClassVar[str] = "halves"
    results: ClassVar[tuple[str, ...]] = ("y", "rest")

    factor: float = 2.0

    def infer(self, inputs: Inputs) -> tuple[TensorType, ...]:
        half = inputs.x.shape[-1] // 2
        return inputs.x.with_shape(N, half), inputs.x.with_shape(N, T, half)

    def torch(self, t: TorchWriter) -> str:
        half = t.dim(t.results[0].shape[1])
        x = t["x"]
        return (
            f"{x}[:, :{half}] * {t.literal(self.factor)}, "
            f"{x}[:, None, {half}:].expand(-1, {t.dim(T)}, -1)"
        )


def _halves(factor: float, name: str) -> Graph:
    b = Builder("Half", name, factor=factor)
    x, mask = b.input("x", float_tensor(N, 8)), b.input("mask", int_tensor(N, T))
    x = b.apply(op("relu"), x)
    y = b.apply(Halves(factor=factor), x, name="y", results=("y", "z"))
    b.output("y", y)
    b.output("z", "z")
    assert mask
    return b.finish()


def test_several_results_sizes_of_inputs_and_numbers_read_in_forward() -> None:
    blocks = [_halves(2.0, "Half"), _halves(3.0, "Half_2")]
    b = Builder(name="Net")
    x, mask = b.input("x", float_tensor(N, 8)), b.input("tokens", int_tensor(N, T))
    b.output("a", b.call(blocks[0], x, mask, name="a"))
    b.output("b", b.call(blocks[1], x, mask, name="b"))
    source, module = run(program(b, *blocks))
    assert "def forward(\n        self,\n        x: Tensor,  # float[N, 8]\n" in source
    assert body(source, "Half") == (
        "T = mask.shape[1]\n"
        "x = torch.relu(x)\n"
        "y, z = x[:, :4] * self.factor, x[:, None, 4:].expand(-1, T, -1)\n"
        "return y, z"
    )
    x_, tokens = torch.ones(2, 8), torch.zeros(2, 5, dtype=torch.int64)
    outputs = module(x_, tokens)
    assert outputs["a"][0, 0] == 2
    assert outputs["b"][0, 0] == 3


def test_a_size_that_no_input_shows_is_a_diagnostic() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 8))
    b.output("y", b.apply(Halves(), x))
    with pytest.raises(DiagnosticError) as caught:
        generate_network(program(b))
    assert caught.value.diagnostics[0].code.number == "E0403"


def test_the_padding_row_of_an_embedding_stays_zero_and_meta_tensors_can_be_filled() -> None:
    b = Builder(name="Net")
    x = b.input("tokens", int_tensor(N, T))
    table = op("embedding", num_embeddings=50, embedding_dim=8, padding_idx=3)
    b.output("y", b.apply(table, x, init={"weight": initializer("normal", std=0.1)}))
    _, module = run(program(b))
    weight = module.get_parameter("embedding.weight")
    assert not weight[3].any()
    assert weight[2].any()
    with torch.device("meta"):
        type(module)()


def test_lists_of_layers_start_in_one_loop() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 8))
    init = {"weight": initializer("ones")}
    for i in range(3):
        x = b.apply(op("linear", out_features=8), x, layer=f"linear.{i}", init=init)
    b.output("y", b.apply(op("linear", out_features=8), x, layer="last", init=init))
    source, module = run(program(b))
    assert "for layer in (*self.linear, self.last):" in source
    assert all(bool((p == 1).all()) for n, p in module.named_parameters() if "weight" in n)


def test_a_sum_that_is_an_output_under_another_name_stays_a_line_of_its_own() -> None:
    b = Builder(name="Net")
    x = b.input("x", float_tensor(N, 4))
    total = b.apply(op("add"), x, x)
    b.output("total", b.apply(op("identity"), total, name="total"))
    b.output("more", b.apply(op("add"), total, x))
    _, module = run(program(b))
    outputs = module(torch.ones(1, 4))
    assert outputs["total"][0, 0] == 2
    assert outputs["more"][0, 0] == 3


def test_a_block_may_be_called_like_a_helper_of_an_op() -> None:
    layer = Builder("Normalize")
    x = layer.input("x", float_tensor(N, 3, 4, 4))
    layer.output("y", layer.apply(op("normalize", mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0)), x))
    block = layer.finish()
    b = Builder(name="Net")
    b.output("y", b.call(block, b.input("x", float_tensor(N, 3, 4, 4)), layer="block"))
    source, _ = run(program(b, block))
    assert [source.count(f"class {name}(nn.") for name in ("Normalize", "Normalize_2")] == [1, 1]
