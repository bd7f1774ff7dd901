"""Initializers draw what torch draws, and know its variance."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch

from dlc.compiler.components import registry
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.initializers.constant import Constant
from dlc.compiler.components.initializers.kaiming_normal import KaimingNormal
from dlc.compiler.components.initializers.kaiming_uniform import KaimingUniform
from dlc.compiler.components.initializers.normal import Normal
from dlc.compiler.components.initializers.ones import Ones
from dlc.compiler.components.initializers.orthogonal import Orthogonal
from dlc.compiler.components.initializers.truncated_normal import TruncatedNormal
from dlc.compiler.components.initializers.uniform import Uniform
from dlc.compiler.components.initializers.xavier_normal import XavierNormal
from dlc.compiler.components.initializers.xavier_uniform import XavierUniform
from dlc.compiler.components.initializers.zeros import Zeros

CASES: list[Initializer] = [
    XavierUniform(),
    XavierUniform(gain=5 / 3),
    XavierNormal(gain=2.0),
    KaimingUniform(),
    KaimingUniform(a=0.2, mode="fan_out"),
    KaimingNormal(mode="fan_out", nonlinearity="relu"),
    KaimingNormal(nonlinearity="tanh"),
    KaimingNormal(nonlinearity="selu"),
    KaimingNormal(nonlinearity="linear"),
    Normal(std=0.02),
    Normal(mean=3.0, std=0.5),
    TruncatedNormal(std=0.02),
    TruncatedNormal(mean=0.3, std=1.0, a=-0.5, b=2.0),
    Uniform(a=-0.1, b=0.3),
    Constant(val=3.5),
    Zeros(),
    Ones(),
    Orthogonal(),
    Orthogonal(gain=2.0),
]


def _filled(
    run: Callable[[str], ModuleType], initializer: Initializer, shape: tuple[int, ...]
) -> torch.Tensor:
    statement = initializer.torch("weight")
    module = run(
        "import torch\nfrom torch import nn\n\n"
        f"torch.manual_seed(0)\nweight = torch.empty({shape})\n{statement}\n"
    )
    weight: torch.Tensor = module.weight
    return weight


def test_every_initializer_is_tried_here() -> None:
    assert {case.name for case in CASES} == set(registry.names("initializer"))


@pytest.mark.parametrize("shape", [(200, 300), (64, 32, 5, 5)], ids=str)
@pytest.mark.parametrize("initializer", CASES, ids=repr)
def test_the_variance_is_the_one_foretold(
    initializer: Initializer, shape: tuple[int, ...], run_source: Callable[[str], ModuleType]
) -> None:
    weight = _filled(run_source, initializer, shape)
    expected = initializer.variance(shape)
    assert expected is not None
    if isinstance(initializer, Orthogonal):
        found = float(weight.square().mean())
    else:
        found = float(weight.double().var(correction=0))
    assert found == pytest.approx(expected, rel=0.03, abs=1e-12)


def test_arguments_that_are_torchs_defaults_are_left_out() -> None:
    assert KaimingNormal().torch("w") == "nn.init.kaiming_normal_(w)"
    assert Normal(std=0.02).torch("w") == "nn.init.normal_(w, std=0.02)"
    assert TruncatedNormal(a=-1.0).torch("w") == "nn.init.trunc_normal_(w, a=-1.0)"
    assert (
        KaimingNormal(mode="fan_out", nonlinearity="relu").torch("w")
        == 'nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu")'
    )


@pytest.mark.parametrize(
    "initializer", [XavierUniform(), XavierNormal(), KaimingNormal(), Orthogonal()], ids=repr
)
def test_a_bias_has_no_fan(initializer: Initializer) -> None:
    with pytest.raises(ComponentError, match="at least 2 dims") as caught:
        initializer.check((10,))
    assert caught.value.code == "E0401"
    assert initializer.variance((10,)) is None
    initializer.check((10, 20))
    with pytest.raises(ValueError):
        getattr(torch.nn.init, f"{initializer.name}_")(torch.empty(10))


@pytest.mark.parametrize(
    "initializer", [Uniform(a=1.0, b=1.0), TruncatedNormal(a=2.0, b=-2.0)], ids=repr
)
def test_ends_in_the_wrong_order_are_refused(initializer: Initializer) -> None:
    with pytest.raises(ComponentError) as caught:
        initializer.validate()
    assert (caught.value.code, caught.value.blame) == ("E0310", "b")
