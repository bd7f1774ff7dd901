"""Initializers draw what torch draws, and know its variance."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import get_args

import pytest
import torch
import torch.nn.functional as F

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError, page
from dlc.compiler.components.initializers._fan import Nonlinearity, gain, torch_name
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.initializers.class_prior import ClassPrior
from dlc.compiler.components.initializers.constant import Constant
from dlc.compiler.components.initializers.dirac import Dirac
from dlc.compiler.components.initializers.eye import Eye
from dlc.compiler.components.initializers.kaiming_normal import KaimingNormal
from dlc.compiler.components.initializers.kaiming_uniform import KaimingUniform
from dlc.compiler.components.initializers.lecun_normal import LecunNormal
from dlc.compiler.components.initializers.lecun_uniform import LecunUniform
from dlc.compiler.components.initializers.lsuv import Lsuv
from dlc.compiler.components.initializers.normal import Normal
from dlc.compiler.components.initializers.ones import Ones
from dlc.compiler.components.initializers.orthogonal import Orthogonal
from dlc.compiler.components.initializers.sparse import Sparse
from dlc.compiler.components.initializers.target_mean import TargetMean
from dlc.compiler.components.initializers.truncated_normal import TruncatedNormal
from dlc.compiler.components.initializers.uniform import Uniform
from dlc.compiler.components.initializers.variance_scaling import VarianceScaling
from dlc.compiler.components.initializers.xavier_normal import XavierNormal
from dlc.compiler.components.initializers.xavier_uniform import XavierUniform
from dlc.compiler.components.initializers.zeros import Zeros
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.types import float_tensor
from dlc.compiler.ops.base import Op

DRAWN: list[Initializer] = [
    XavierUniform(),
    XavierUniform(gain=5 / 3),
    XavierUniform(gain="leaky_relu"),
    XavierUniform(gain="silu"),
    XavierNormal(gain=2.0),
    XavierNormal(gain="tanh"),
    KaimingUniform(),
    KaimingUniform(a=0.2, mode="fan_out"),
    KaimingUniform(nonlinearity="gelu"),
    KaimingNormal(mode="fan_out", nonlinearity="relu"),
    KaimingNormal(nonlinearity="relu6"),
    KaimingNormal(nonlinearity="tanh"),
    KaimingNormal(nonlinearity="selu"),
    KaimingNormal(nonlinearity="linear"),
    KaimingNormal(mode="fan_out", nonlinearity="mish"),
    LecunNormal(),
    LecunUniform(),
    VarianceScaling(),
    VarianceScaling(scale=2.0, mode="fan_out", distribution="normal"),
    VarianceScaling(scale=0.5, mode="fan_avg", distribution="uniform"),
    Normal(std=0.02),
    Normal(mean=3.0, std=0.5),
    TruncatedNormal(std=0.02),
    TruncatedNormal(mean=0.3, std=1.0, a=-0.5, b=2.0),
    TruncatedNormal(std=2.0),
    Uniform(a=-0.1, b=0.3),
]
# One row of zeros in ten columns is none in nine; a matrix only.
MATRICES: list[Initializer] = [Sparse(sparsity=0.9), Sparse(sparsity=0.333, std=0.5)]
FIXED: list[tuple[Initializer, tuple[int, ...]]] = [
    (Constant(val=3.5), (20, 30)),
    (Zeros(), (20, 30)),
    (Ones(), (20, 30)),
    (Normal(std=0.0), (20, 30)),
    (Eye(), (20, 30)),
    (Eye(), (30, 20)),
    (Dirac(), (20, 30, 3)),
    (Dirac(), (30, 20, 5, 5)),
    (Dirac(groups=3), (30, 20, 3, 3)),
    (Dirac(groups=15), (30, 1, 3, 3, 3)),
]
FROM_DATA: list[Initializer] = [TargetMean(), ClassPrior(), Lsuv()]

Run = Callable[[str], ModuleType]


def _filled(run: Run, initializer: Initializer, shape: tuple[int, ...]) -> torch.Tensor:
    helpers = "\n\n".join(initializer.helpers().values())
    statement = initializer.torch("weight")
    module = run(
        f"import math\nimport torch\nfrom torch import Tensor, nn\n\n{helpers}\n"
        f"torch.manual_seed(0)\nweight = torch.empty({shape})\n{statement}\n"
    )
    weight: torch.Tensor = module.weight
    return weight.double()


def _mean_and_error(drawn: torch.Tensor) -> tuple[float, float]:
    """The mean, and five standard errors of it: one seed in two million lies farther out."""
    return float(drawn.mean()), 5.0 * float(drawn.std()) / math.sqrt(drawn.numel())


def test_every_initializer_is_tried_here() -> None:
    tried = {case.name for case in [*DRAWN, *MATRICES, Orthogonal(), *FROM_DATA]}
    tried |= {case.name for case, _ in FIXED}
    assert tried == set(registry.names("initializer"))


@pytest.mark.parametrize("shape", [(200, 300), (64, 32, 5, 5)], ids=str)
@pytest.mark.parametrize("initializer", [*DRAWN, *MATRICES], ids=repr)
def test_variance_and_mean_square_are_those_foretold(
    initializer: Initializer, shape: tuple[int, ...], run_source: Run
) -> None:
    if initializer in MATRICES:
        shape = (200, 300)
    weight = _filled(run_source, initializer, shape)
    for foretold, drawn in (
        (initializer.mean_square(shape), weight.square()),
        (initializer.variance(shape), (weight - weight.mean()).square()),
    ):
        found, error = _mean_and_error(drawn)
        assert foretold is not None
        assert abs(found - foretold) < error
        # The bound is worth something: it tells factors apart.
        assert error < 0.12 * foretold


@pytest.mark.parametrize(("initializer", "shape"), FIXED, ids=repr)
def test_what_is_not_drawn_is_known_exactly(
    initializer: Initializer, shape: tuple[int, ...], run_source: Run
) -> None:
    weight = _filled(run_source, initializer, shape)
    assert initializer.mean_square(shape) == pytest.approx(float(weight.square().mean()))
    assert initializer.variance(shape) == pytest.approx(float(weight.var(correction=0)))


@pytest.mark.parametrize("given", [1.0, 2.0, "tanh", "gelu"])
@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (8, 4, 3, 3)], ids=str)
def test_orthogonal_vectors_have_the_length_of_the_gain(
    given: float | Nonlinearity, shape: tuple[int, ...], run_source: Run
) -> None:
    initializer = Orthogonal(gain=given)
    weight = _filled(run_source, initializer, shape).flatten(1)
    assert initializer.mean_square(shape) == pytest.approx(float(weight.square().mean()), rel=1e-5)
    short = weight if weight.shape[0] <= weight.shape[1] else weight.T
    length = gain(given) if isinstance(given, str) else given
    expected = length**2 * torch.eye(len(short), dtype=torch.float64)
    torch.testing.assert_close(short @ short.T, expected, atol=1e-5, rtol=0)


def test_a_transposed_convolution_has_the_fans_of_its_stored_weight() -> None:
    weight = torch.nn.ConvTranspose2d(6, 10, 3).weight
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(weight)
    shape = tuple(weight.shape)
    assert LecunNormal().variance(shape) == 1 / fan_in
    assert KaimingNormal(mode="fan_out", nonlinearity="linear").variance(shape) == 1 / fan_out
    assert fan_out == 6 * 9


# ── gains ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nonlinearity", get_args(Nonlinearity))
def test_a_gain_is_torchs_or_the_one_that_keeps_the_mean_square(nonlinearity: str) -> None:
    name = torch_name(nonlinearity)
    if name is not None:
        assert gain(nonlinearity) == pytest.approx(torch.nn.init.calculate_gain(name))
    if name == nonlinearity:
        return
    assert nonlinearity == "relu6" or f"{nonlinearity} " in page(KaimingNormal)
    z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2)
    kept = (getattr(F, nonlinearity)(z).square() * weight).sum() / weight.sum()
    assert gain(nonlinearity) == pytest.approx(float(kept) ** -0.5, abs=5e-5)


@pytest.mark.parametrize("nonlinearity", get_args(Nonlinearity))
def test_a_gain_undoes_that_of_the_op(nonlinearity: str) -> None:
    if nonlinearity == "linear" or nonlinearity not in registry.names("op"):
        return
    if torch_name(nonlinearity) in ("sigmoid", "tanh", "selu"):
        return  # torch's gains are found by trying
    op = registry.load("op", nonlinearity)()
    assert isinstance(op, Op)
    scaled = op.gain(Inputs({"x": (float_tensor(4, 8),)}))
    assert scaled is not None
    assert gain(nonlinearity) ** 2 * scaled == pytest.approx(1.0, abs=2e-3)


def test_the_slope_of_leaky_relu_counts() -> None:
    assert gain("leaky_relu", 0.2) == torch.nn.init.calculate_gain("leaky_relu", 0.2)
    with pytest.raises(ComponentError, match="slope of `leaky_relu`") as caught:
        KaimingUniform(a=0.2, nonlinearity="relu").validate()
    assert (caught.value.code, caught.value.blame) == ("E0311", "a")


# ── text ─────────────────────────────────────────────────────────────────────


def test_arguments_that_are_torchs_defaults_are_left_out() -> None:
    assert KaimingNormal().torch("w") == "nn.init.kaiming_normal_(w)"
    assert Normal(std=0.02).torch("w") == "nn.init.normal_(w, std=0.02)"
    assert TruncatedNormal(a=-1.0).torch("w") == "nn.init.trunc_normal_(w, a=-1.0)"
    assert (
        KaimingNormal(mode="fan_out", nonlinearity="relu").torch("w")
        == 'nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu")'
    )
    assert XavierNormal(gain="linear").torch("w") == "nn.init.xavier_normal_(w)"
    assert Dirac().torch("w") == "nn.init.dirac_(w)"
    assert Sparse(sparsity=0.5).torch("w") == "nn.init.sparse_(w, sparsity=0.5)"
    assert VarianceScaling().torch("w") == "variance_scaling_(w)"


def test_a_gain_is_written_as_torch_names_it_where_torch_does() -> None:
    tanh, silu = (XavierUniform(gain=name).torch("w") for name in ("tanh", "silu"))
    assert tanh == 'nn.init.xavier_uniform_(w, gain=nn.init.calculate_gain("tanh"))'
    assert silu == "nn.init.xavier_uniform_(w, gain=1.6765)"
    kaiming = KaimingNormal(mode="fan_out", nonlinearity="gelu").torch("w")
    assert (
        kaiming == 'nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="linear").mul_(1.5335)'
    )


@pytest.mark.parametrize("initializer", FROM_DATA, ids=repr)
def test_what_data_decides_has_a_start_without_data(initializer: Initializer) -> None:
    assert initializer.reads in ("targets", "signals")
    assert initializer.remark.startswith("`dlc train`")
    assert initializer.variance((10, 10)) is None
    start = "orthogonal" if initializer.reads == "signals" else "zeros"
    assert initializer.torch("w") == f"nn.init.{start}_(w)"


# ── what is refused ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "initializer",
    [XavierUniform(), XavierNormal(), KaimingNormal(), Orthogonal(), Eye(), Sparse(sparsity=0.5)],
    ids=repr,
)
def test_a_bias_has_no_fan(initializer: Initializer) -> None:
    with pytest.raises(ComponentError, match="2 dims") as caught:
        initializer.check((10,))
    assert caught.value.code == "E0401"
    assert initializer.variance((10,)) is None
    initializer.check((10, 20))
    options = {"sparsity": 0.5} if initializer.name == "sparse" else {}
    with pytest.raises(ValueError):
        getattr(torch.nn.init, f"{initializer.name}_")(torch.empty(10), **options)


@pytest.mark.parametrize(
    "initializer", [LecunNormal(), LecunUniform(), VarianceScaling(), Lsuv()], ids=repr
)
def test_a_bias_has_no_fan_in_our_own_either(initializer: Initializer) -> None:
    with pytest.raises(ComponentError, match="at least 2 dims"):
        initializer.check((10,))
    assert initializer.variance((10,)) is None


@pytest.mark.parametrize(
    ("initializer", "shape", "words"),
    [
        (Dirac(), (10, 20), "3 to 5 dims"),
        (Dirac(), (2,) * 6, "3 to 5 dims"),
        (Eye(), (10, 20, 3), "2 dims"),
        (Sparse(sparsity=0.5), (10, 20, 3), "2 dims"),
        (ClassPrior(), (10, 20), "1 dim,"),
        (TargetMean(), (10, 20), "1 dim,"),
    ],
    ids=repr,
)
def test_a_weight_of_another_kind_is_refused(
    initializer: Initializer, shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(ComponentError, match=words) as caught:
        initializer.check(shape)
    assert caught.value.code == "E0401"
    assert caught.value.help


def test_groups_that_do_not_divide_the_filters_are_refused() -> None:
    Dirac(groups=5).check((10, 2, 3))
    with pytest.raises(ComponentError, match="must divide the 10 filters, got 3") as caught:
        Dirac(groups=3).check((10, 2, 3))
    assert caught.value.code == "E0404"
    with pytest.raises(ValueError):
        torch.nn.init.dirac_(torch.empty(10, 2, 3), groups=3)


@pytest.mark.parametrize(
    "initializer", [Uniform(a=1.0, b=1.0), TruncatedNormal(a=2.0, b=-2.0)], ids=repr
)
def test_ends_in_the_wrong_order_are_refused(initializer: Initializer) -> None:
    with pytest.raises(ComponentError) as caught:
        initializer.validate()
    assert (caught.value.code, caught.value.blame) == ("E0310", "b")
