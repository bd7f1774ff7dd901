"""What ops promise beside agreeing with PyTorch."""

from __future__ import annotations

from typing import Any

import onnxruntime
import pytest
import torch
from harness import Case, build, concrete, number, outputs, run_onnxruntime
from torch import nn

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.types import TensorType, bool_tensor, float_tensor, int_tensor
from dlc.compiler.ops.adaptive_avg_pool2d import AdaptiveAvgPool2d
from dlc.compiler.ops.adaptive_max_pool2d import AdaptiveMaxPool2d
from dlc.compiler.ops.add import Add
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.batch_norm2d import BatchNorm2d
from dlc.compiler.ops.bilinear import Bilinear
from dlc.compiler.ops.conv2d import Conv2d
from dlc.compiler.ops.conv_transpose2d import ConvTranspose2d
from dlc.compiler.ops.div import Div
from dlc.compiler.ops.dropout import Dropout
from dlc.compiler.ops.flatten import Flatten
from dlc.compiler.ops.fold import Fold
from dlc.compiler.ops.gelu import Gelu
from dlc.compiler.ops.group_norm import GroupNorm
from dlc.compiler.ops.identity import Identity
from dlc.compiler.ops.instance_norm2d import InstanceNorm2d
from dlc.compiler.ops.layer_norm import LayerNorm
from dlc.compiler.ops.leaky_relu import LeakyRelu
from dlc.compiler.ops.linear import Linear
from dlc.compiler.ops.lstm import Lstm
from dlc.compiler.ops.matmul import Matmul
from dlc.compiler.ops.mul import Mul
from dlc.compiler.ops.multihead_attention import MultiheadAttention
from dlc.compiler.ops.neg import Neg
from dlc.compiler.ops.pow import Pow
from dlc.compiler.ops.relu import Relu
from dlc.compiler.ops.rms_norm import RmsNorm
from dlc.compiler.ops.sigmoid import Sigmoid
from dlc.compiler.ops.silu import Silu
from dlc.compiler.ops.sub import Sub
from dlc.compiler.ops.tanh import Tanh
from dlc.compiler.ops.unfold import Unfold
from dlc.runtime.export.onnx_builder import export_program


def program_of(text: str) -> Program:
    compilation = check(Source("net.dlc", text, "dlc")).compilation
    assert compilation is not None
    return compilation.program


def module(op: Op, **inputs: TensorType) -> nn.Module:
    return Case(op.name, Example(op, dict(inputs))).module().eval()


class TestLstm:
    @pytest.mark.parametrize("bidirectional", [False, True])
    def test_a_sequence_gives_the_same_alone_and_in_a_padded_batch(
        self, bidirectional: bool
    ) -> None:
        lengths = torch.tensor([2, 6, 1, 4])
        op = Lstm(hidden_size=5, num_layers=2, bidirectional=bidirectional)
        x = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
        batch = module(op, x=float_tensor(4, 6, 3), lengths=int_tensor(4))
        alone = module(op, x=float_tensor(1, 6, 3))
        alone.load_state_dict(batch.state_dict())
        y, h, c = batch(x, lengths).values()
        for i, length in enumerate(lengths.tolist()):
            wanted_y, wanted_h, wanted_c = alone(x[i : i + 1, :length]).values()
            torch.testing.assert_close(y[i, :length], wanted_y[0])
            assert not y[i, length:].any()
            torch.testing.assert_close(h[:, i], wanted_h[:, 0])
            torch.testing.assert_close(c[:, i], wanted_c[:, 0])

    def test_without_sequences_the_result_is_the_end_of_each_direction(self) -> None:
        lengths = torch.tensor([3, 5])
        x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
        types = {"x": float_tensor(2, 5, 3), "lengths": int_tensor(2)}
        every = module(Lstm(hidden_size=4, bidirectional=True), **types)
        last = module(Lstm(hidden_size=4, bidirectional=True, return_sequences=False), **types)
        last.load_state_dict(every.state_dict())
        y = every(x, lengths)["y"]
        wanted = torch.stack(
            [torch.cat((y[i, n - 1, :4], y[i, 0, 4:])) for i, n in enumerate(lengths)]
        )
        torch.testing.assert_close(last(x, lengths)["y"], wanted)


class TestMultiheadAttention:
    @pytest.mark.parametrize("is_causal", [False, True])
    def test_it_is_torchs_where_torchs_is_sound(self, is_causal: bool) -> None:
        x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
        mask = torch.arange(5) >= torch.tensor([[5], [3], [1]])
        ours = module(
            MultiheadAttention(num_heads=2, is_causal=is_causal),
            x=float_tensor(3, 5, 8),
            key_padding_mask=bool_tensor(3, 5),
        )
        theirs = nn.MultiheadAttention(8, 2, batch_first=True)
        theirs.load_state_dict({k.removeprefix("layer."): v for k, v in ours.state_dict().items()})
        later = torch.ones(5, 5, dtype=torch.bool).triu(1) if is_causal else None
        wanted, _ = theirs(x, x, x, key_padding_mask=mask, attn_mask=later)
        torch.testing.assert_close(ours(x, mask)["y"], wanted)

    @pytest.mark.parametrize("training", [False, True])
    def test_a_query_whose_keys_are_all_masked_gets_the_bias_alone(self, training: bool) -> None:
        ours = module(
            MultiheadAttention(num_heads=2),
            x=float_tensor(2, 3, 8),
            key_padding_mask=bool_tensor(2, 3),
        ).train(training)
        mask = torch.tensor([[True] * 3, [False] * 3])
        with torch.set_grad_enabled(training):
            y = ours(torch.randn(2, 3, 8), mask)["y"]
        bias = ours.state_dict()["layer.out_proj.bias"]
        torch.testing.assert_close(y[0].detach(), bias.expand(3, 8))
        assert y.isfinite().all()

    def test_causal_positions_do_not_see_what_comes_later(self) -> None:
        ours = module(MultiheadAttention(num_heads=2, is_causal=True), x=float_tensor(1, 6, 8))
        x = torch.randn(1, 6, 8)
        changed = x.clone()
        changed[:, 4:] += 1
        a, b = ours(x)["y"], ours(changed)["y"]
        torch.testing.assert_close(a[:, :4], b[:, :4])
        assert not torch.allclose(a[:, 4:], b[:, 4:])


class TestAdaptivePool:
    @pytest.mark.parametrize(
        "op", [AdaptiveAvgPool2d(output_size=3), AdaptiveMaxPool2d(output_size=3)]
    )
    def test_export_refuses_windows_that_depend_on_a_free_size(self, op: Op) -> None:
        case = Case(op.name, Example(op, {"x": float_tensor(symbol("N"), 2, symbol("H"), 9)}))
        with pytest.raises(DiagnosticError, match="where a size is not known") as caught:
            export_program(case.program, {})
        assert [d.code.number for d in caught.value.diagnostics] == ["E0614"]
        assert case.module()(torch.zeros(1, 2, 7, 9))["y"].shape == (1, 2, 3, 3)


class TestMaxUnpool:
    @pytest.mark.parametrize(
        ("dims", "sides", "pool", "unpool"),
        [
            ("step 2", "H", "max_pool1d(2, {})", "max_unpool1d(2, indices=places)"),
            ("step 2", "H, W", "max_pool2d(2, {})", "max_unpool2d(2, indices=places)"),
            ("", "9, 7", "max_pool2d(3, 2, 1, {})", "max_unpool2d(3, 2, 1, indices=places)"),
            (
                "",
                "8, 7",
                "max_pool2d(2, {})",
                "max_unpool2d(2, indices=places, output_size=[8, 7])",
            ),
            ("step 2", "4, H, W", "max_pool3d(2, {})", "max_unpool3d(2, indices=places)"),
        ],
    )
    def test_the_maxima_stand_where_they_stood(
        self, dims: str, sides: str, pool: str, unpool: str
    ) -> None:
        program = program_of(
            f"dlc 1\ndim H = 4..64 {dims}\ndim W = 4..64 {dims}\nmodel Net {{\n"
            f"  input x: float[N, 3, {sides}]\n"
            f"  y, places = x -> {pool.format('return_indices=true')}\n"
            f"  output back = y -> {unpool}\n  output where = places -> identity\n}}"
        )
        net, model = build(generate_network(program), "Net"), export_program(program, {})
        for h, w in ((6, 8), (10, 4)):
            sizes = {"H": h, "W": w}
            shape = [sizes[side] if side in sizes else int(side) for side in sides.split(", ")]
            x = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(h)) + 1
            back, where = net(x).values()
            for found, wanted in zip(run_onnxruntime(model, {"x": x}), (back, where), strict=True):
                torch.testing.assert_close(torch.from_numpy(found), wanted)
            assert int((back != 0).sum()) == sum(c.unique().numel() for c in where.flatten(0, 1))
            torch.testing.assert_close(back, torch.where(back != 0, x, 0))


class TestShape:
    SPEC = """\
dlc 1

dim H = 2..64

model Net {
  input x: float[N, 1, H]
  half = x -> max_pool1d(2)
  twice = [half, half] -> concat(dim=2) -> shape(N, 1, H)
  output y = x + twice
}
"""

    def test_what_the_compiler_cannot_decide_is_checked_at_run_time(self) -> None:
        program = program_of(self.SPEC)
        net = build(generate_network(program), "Net")
        model = export_program(program, {})
        for size in (2, 8):
            x = torch.randn(3, 1, size)
            (found,) = run_onnxruntime(model, {"x": x})
            torch.testing.assert_close(net(x)["y"], torch.from_numpy(found))
        with pytest.raises(ValueError, match=r"expected a tensor of \[3, 1, 7\], got \[3, 1, 6\]"):
            net(torch.zeros(3, 1, 7))
        with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail):
            run_onnxruntime(model, {"x": torch.zeros(3, 1, 7)})


IMAGES = float_tensor(2, 32, 20, 20)
GAINS: list[tuple[Op, dict[str, Any]]] = [
    *((op, {"x": float_tensor(64, 256)}) for op in (Tanh(), Sigmoid(), Relu(), Silu(), Gelu())),
    (LeakyRelu(negative_slope=0.2), {"x": float_tensor(64, 256)}),
    (Linear(out_features=256, bias=False), {"x": float_tensor(64, 256)}),
    (Conv2d(out_channels=32, kernel_size=3, bias=False), {"x": float_tensor(2, 32, 20, 20)}),
    (
        Conv2d(out_channels=32, kernel_size=3, groups=8, bias=False),
        {"x": float_tensor(2, 32, 20, 20)},
    ),
    (
        ConvTranspose2d(out_channels=16, kernel_size=4, stride=2, padding=1, groups=2, bias=False),
        {"x": float_tensor(2, 32, 20, 20)},
    ),
    (Add(), {"x": float_tensor(64, 256), "other": float_tensor(64, 256)}),
    (Sub(), {"x": float_tensor(64, 256), "other": float_tensor(64, 256)}),
    (Mul(), {"x": float_tensor(64, 256), "other": float_tensor(64, 256)}),
    (Add(scalar=0.5), {"x": float_tensor(64, 256)}),
    (Mul(scalar=3.0), {"x": float_tensor(64, 256)}),
    (Div(scalar=4.0), {"x": float_tensor(64, 256)}),
    (Pow(scalar=2.0), {"x": float_tensor(64, 256)}),
    (Matmul(), {"x": float_tensor(64, 100), "other": float_tensor(100, 64)}),
    (Dropout(p=0.25), {"x": float_tensor(64, 256)}),
    *(
        (op, {"x": float_tensor(4, 8, 20, 20)})
        for op in (BatchNorm2d(), GroupNorm(num_groups=2), InstanceNorm2d(affine=True))
    ),
    (
        Bilinear(out_features=64, bias=False),
        {"x": float_tensor(512, 16), "other": float_tensor(512, 24)},
    ),
    (Unfold(kernel_size=3), {"x": float_tensor(4, 8, 20, 20)}),
    (
        Fold(output_size=(20, 18), kernel_size=3, padding=1, stride=2, dilation=2),
        {"x": float_tensor(32, 72, 72)},
    ),
    *((op, {"x": float_tensor(64, 256)}) for op in (LayerNorm(), RmsNorm())),
    (Neg(), {"x": float_tensor(64, 256)}),
    (Identity(), {"x": float_tensor(64, 256)}),
    (Flatten(), {"x": float_tensor(64, 16, 16)}),
]


@pytest.mark.parametrize(("op", "inputs"), GAINS, ids=lambda v: v.name if isinstance(v, Op) else "")
def test_gain_is_the_ratio_of_mean_squares(op: Op, inputs: dict[str, Any]) -> None:
    case = Case(op.name, Example(op, inputs))
    gain = op.gain(case.ports)
    assert gain is not None
    torch.manual_seed(0)
    started = case.module().train()
    for layer in started.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    (y,) = outputs(started, case.draw({}, seed=3))
    assert concrete(case.results[0], {}) == tuple(y.shape)
    assert y.square().mean().item() == pytest.approx(gain, rel=0.06)
    assert number(case.op.macs(case.ports, case.results), {}) >= 0
