"""What activations and dropouts promise beside agreeing with PyTorch: what they do to the mean
square of a signal, what is random in training, and what an accelerator keeps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from harness import Case, outputs
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torchvision import ops as vision

from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._activation import Activation
from dlc.compiler.ops._normal import below, mean, mean_square
from dlc.compiler.ops.alpha_dropout import AlphaDropout
from dlc.compiler.ops.base import Example, Op
from dlc.compiler.ops.celu import Celu
from dlc.compiler.ops.dropout import Dropout
from dlc.compiler.ops.dropout1d import Dropout1d
from dlc.compiler.ops.dropout2d import Dropout2d
from dlc.compiler.ops.dropout3d import Dropout3d
from dlc.compiler.ops.elu import Elu
from dlc.compiler.ops.feature_alpha_dropout import FeatureAlphaDropout
from dlc.compiler.ops.gaussian_noise import GaussianNoise
from dlc.compiler.ops.gelu import Gelu
from dlc.compiler.ops.glu import Glu
from dlc.compiler.ops.hardshrink import Hardshrink
from dlc.compiler.ops.hardsigmoid import Hardsigmoid
from dlc.compiler.ops.hardswish import Hardswish
from dlc.compiler.ops.hardtanh import Hardtanh
from dlc.compiler.ops.leaky_relu import LeakyRelu
from dlc.compiler.ops.log_sigmoid import LogSigmoid
from dlc.compiler.ops.maxout import Maxout
from dlc.compiler.ops.mish import Mish
from dlc.compiler.ops.prelu import Prelu
from dlc.compiler.ops.relu import Relu
from dlc.compiler.ops.relu6 import Relu6
from dlc.compiler.ops.rrelu import Rrelu
from dlc.compiler.ops.selu import Selu
from dlc.compiler.ops.sigmoid import Sigmoid
from dlc.compiler.ops.silu import Silu
from dlc.compiler.ops.softplus import Softplus
from dlc.compiler.ops.softshrink import Softshrink
from dlc.compiler.ops.softsign import Softsign
from dlc.compiler.ops.stochastic_depth import StochasticDepth
from dlc.compiler.ops.swiglu import Swiglu
from dlc.compiler.ops.tanh import Tanh
from dlc.compiler.ops.tanhshrink import Tanhshrink
from dlc.compiler.ops.threshold import Threshold

N = symbol("N")
IMAGES = float_tensor(N, 8, 6, 6)


def case(op: Op, x: TensorType) -> Case:
    return Case(op.name, Example(op, {"x": x}))


def started(op: Op, x: TensorType) -> nn.Module:
    """The generated module with weights as a training starts from."""
    module = case(op, x).module().train()
    for layer in module.modules():
        if isinstance(layer, nn.PReLU):
            layer.reset_parameters()
    return module


def gain(op: Op, x: TensorType) -> float:
    op.validate()
    found = op.gain(case(op, x).ports)
    assert found is not None
    return found


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def apply(module: nn.Module, x: Tensor) -> Tensor:
    (y,) = outputs(module, {"x": x})
    return y


ALONE: list[Op] = [
    *(Relu(), Relu6(), LeakyRelu(), LeakyRelu(negative_slope=0.3), Prelu(), Prelu(init=-0.5)),
    *(Elu(), Elu(alpha=0.3), Selu(), Celu(), Celu(alpha=0.3), Celu(alpha=4.0)),
    *(Gelu(), Gelu(approximate="tanh"), Silu(), Mish(), Hardswish()),
    *(Tanh(), Hardtanh(), Hardtanh(min_val=0.5, max_val=3.0), Hardtanh(min_val=-20.0)),
    *(Sigmoid(), Hardsigmoid(), LogSigmoid(), Softsign(), Tanhshrink()),
    *(Softplus(), Softplus(beta=3.0), Softplus(beta=0.5, threshold=0.2), Softplus(beta=1e4)),
    *(Softshrink(), Softshrink(lambd=0.0), Hardshrink(), Hardshrink(lambd=1.5)),
    *(Threshold(threshold=0.1, value=2.0), Threshold(threshold=-0.7, value=0.0)),
]


@pytest.mark.parametrize("op", ALONE, ids=str)
def test_the_gain_of_an_activation_is_the_integral_of_its_square(op: Op) -> None:
    assert isinstance(op, Activation | Prelu)
    x = float_tensor(N)
    z = torch.linspace(-9, 9, 360_001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    y = apply(started(op, x).double(), z)
    wanted = torch.trapezoid(y.square() * density, z).item()
    assert gain(op, x) == pytest.approx(wanted, rel=3e-4)


DRAWN: list[tuple[Op, TensorType]] = [
    (Rrelu(), float_tensor(N, 64)),
    (Rrelu(lower=-1.0, upper=2.0), float_tensor(N, 64)),
    (Glu(), float_tensor(N, 64)),
    (Swiglu(), float_tensor(N, 64)),
    *((Maxout(num_pieces=k), float_tensor(N, 64)) for k in (2, 4, 16)),
    (Dropout(p=0.3), float_tensor(N, 64)),
    (Dropout1d(p=0.3), float_tensor(N, 64, 3)),
    (Dropout2d(p=0.3), float_tensor(N, 64, 2, 2)),
    (Dropout3d(p=0.3), float_tensor(N, 64, 2, 2, 1)),
    (AlphaDropout(p=0.3), float_tensor(N, 64)),
    (FeatureAlphaDropout(p=0.3), float_tensor(N, 64, 3)),
    (StochasticDepth(p=0.3), float_tensor(N, 4)),
    (GaussianNoise(std=0.5), float_tensor(N, 64)),
]


@pytest.mark.parametrize(("op", "x"), DRAWN, ids=lambda v: str(v) if isinstance(v, Op) else "")
def test_the_gain_of_what_is_drawn_or_compared_is_the_mean_of_its_square(
    op: Op, x: TensorType
) -> None:
    torch.manual_seed(2)
    y = apply(started(op, x), normal(20_000, *(int(str(d)) for d in x.shape[1:]), seed=1))
    assert y.square().mean().item() == pytest.approx(gain(op, x), rel=0.015)


def test_the_integrals_behind_the_gains() -> None:
    assert mean(lambda z: 1.0) == pytest.approx(1, abs=1e-9)
    assert mean(lambda z: z**4) == pytest.approx(3, abs=1e-8)
    assert mean_square(lambda z: z) == pytest.approx(1, abs=1e-9)
    # A step, at its place and where it misses every place that is looked at.
    assert mean(lambda z: float(z < 0.123), 0.123) == pytest.approx(below(0.123), abs=1e-9)
    assert below(-40.0) == 0
    assert below(0.0) == 0.5


class TestGates:
    def test_glu_gates_with_the_second_half_and_swiglu_with_the_first(self) -> None:
        x = normal(3, 5, 8)
        a, b = x[..., :4], x[..., 4:]
        type_ = float_tensor(N, 5, 8)
        torch.testing.assert_close(apply(started(Glu(), type_), x), a * b.sigmoid())
        torch.testing.assert_close(apply(started(Swiglu(), type_), x), a * a.sigmoid() * b)

    def test_maxout_compares_neighbours(self) -> None:
        x = normal(2, 6, 3, 4)
        wanted = torch.stack([x[:, i : i + 3].amax(1) for i in (0, 3)], 1)
        found = apply(started(Maxout(num_pieces=3), float_tensor(N, 6, 3, 4)), x)
        torch.testing.assert_close(found, wanted)


NOISY: list[tuple[Op, TensorType]] = [
    (Dropout(p=0.4), float_tensor(N, 8)),
    (Dropout1d(p=0.4), float_tensor(N, 8, 6)),
    (Dropout2d(p=0.4), IMAGES),
    (Dropout3d(p=0.4), float_tensor(N, 8, 2, 3, 4)),
    (AlphaDropout(p=0.4), IMAGES),
    (FeatureAlphaDropout(p=0.4), IMAGES),
    (StochasticDepth(p=0.4), IMAGES),
    (StochasticDepth(p=0.4, mode="batch"), IMAGES),
    (GaussianNoise(std=0.4), IMAGES),
]
every_noise = pytest.mark.parametrize(
    ("op", "type_"), NOISY, ids=lambda v: v.name if isinstance(v, Op) else ""
)


def draw(type_: TensorType, batch: int) -> Tensor:
    return normal(batch, *(int(str(size)) for size in type_.shape[1:])) + 3


@every_noise
def test_evaluation_changes_nothing(op: Op, type_: TensorType) -> None:
    x = draw(type_, 4)
    assert torch.equal(apply(started(op, type_).eval(), x), x)


@every_noise
def test_the_draws_come_from_the_seed_of_torch_and_differ_each_time(
    op: Op, type_: TensorType
) -> None:
    module, x = started(op, type_), draw(type_, 16)

    def three() -> Tensor:
        torch.manual_seed(7)
        return torch.stack([apply(module, x) for _ in range(6)])

    first = three()
    assert torch.equal(first, three())
    assert not all(torch.equal(first[0], y) for y in first[1:])


@pytest.mark.parametrize(
    ("op", "type_"),
    [(op, type_) for op, type_ in NOISY if not isinstance(op, GaussianNoise)],
    ids=lambda v: v.name if isinstance(v, Op) else "",
)
def test_the_mean_of_a_signal_stays(op: Op, type_: TensorType) -> None:
    torch.manual_seed(0)
    module, x = started(op, type_), draw(type_, 64)
    if isinstance(op, AlphaDropout | FeatureAlphaDropout):
        x = x - 3  # they keep a mean of 0
    y = torch.stack([apply(module, x) for _ in range(400)]).mean()
    assert y.item() == pytest.approx(x.mean().item(), abs=0.15)


TWINS: list[tuple[Op, TensorType, Callable[[Tensor], Tensor]]] = [
    (Dropout(p=0.4), IMAGES, lambda x: F.dropout(x, 0.4)),
    (Dropout1d(p=0.4), float_tensor(N, 8, 6), lambda x: F.dropout1d(x, 0.4)),
    (Dropout2d(p=0.4), IMAGES, lambda x: F.dropout2d(x, 0.4)),
    (Dropout3d(p=0.4), float_tensor(N, 8, 2, 3, 4), lambda x: F.dropout3d(x, 0.4)),
    (AlphaDropout(p=0.4), IMAGES, lambda x: F.alpha_dropout(x, 0.4, True)),
    (FeatureAlphaDropout(p=0.4), IMAGES, lambda x: F.feature_alpha_dropout(x, 0.4, True)),
    (StochasticDepth(p=0.4), IMAGES, lambda x: vision.stochastic_depth(x, 0.4, "row")),
    (
        StochasticDepth(p=0.4, mode="batch"),
        IMAGES,
        lambda x: vision.stochastic_depth(x, 0.4, "batch"),
    ),
    (GaussianNoise(std=0.4), IMAGES, lambda x: x + 0.4 * torch.randn(x.shape)),
]


@pytest.mark.parametrize(
    ("op", "type_", "theirs"), TWINS, ids=lambda v: v.name if isinstance(v, Op) else ""
)
def test_a_training_step_draws_what_the_known_function_draws(
    op: Op, type_: TensorType, theirs: Callable[[Tensor], Tensor]
) -> None:
    module, x = started(op, type_), draw(type_, 16)
    for seed in range(5):
        torch.manual_seed(seed)
        found = apply(module, x)
        torch.manual_seed(seed)
        torch.testing.assert_close(found, theirs(x))


@pytest.mark.parametrize("op", [Dropout2d(p=0.5), FeatureAlphaDropout(p=0.5)], ids=str)
def test_a_channel_is_dropped_whole(op: Op) -> None:
    torch.manual_seed(0)
    y = apply(started(op, IMAGES), draw(IMAGES, 32)).flatten(2)
    flat = y.std(-1) < 1e-6
    assert 0.4 < flat.float().mean().item() < 0.6


def test_stochastic_depth_leaves_out_samples_or_the_batch() -> None:
    torch.manual_seed(0)
    x = draw(IMAGES, 64)
    rows = apply(started(StochasticDepth(p=0.5), IMAGES), x).flatten(1).abs().sum(1) > 0
    assert 20 < rows.sum().item() < 44
    module = started(StochasticDepth(p=0.5, mode="batch"), IMAGES)
    batches = [apply(module, x).flatten(1).abs().sum(1) > 0 for _ in range(40)]
    assert {(bool(kept.all()), bool(kept.any())) for kept in batches} == {
        (True, True),
        (False, False),
    }


def test_dropout_of_a_models_input_divides_what_stays_and_leaves_the_input_alone() -> None:
    torch.manual_seed(0)
    x = draw(IMAGES, 8)
    before = x.clone()
    y = apply(started(Dropout(p=0.2), IMAGES), x)
    assert torch.equal(x, before)
    kept = y != 0
    torch.testing.assert_close(y[kept], x[kept] / 0.8)
    assert kept.float().mean().item() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    "op", [LogSigmoid(), Dropout(p=0.3), Rrelu(), AlphaDropout(p=0.3), Dropout2d(p=0.3)], ids=str
)
def test_what_an_accelerator_keeps_for_the_gradient(op: Op) -> None:
    found = case(op, float_tensor(4, 6, 2, 2))
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    module = found.module().train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        x = torch.empty(4, 6, 2, 2, device="cuda", requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            apply(module, x)
    assert sum(t.nbytes for t in kept) == op.saved_bytes(found.ports, found.results)
    assert any(t is x for t in kept) == ("x" in (op.keeps(found.ports) or ()))
