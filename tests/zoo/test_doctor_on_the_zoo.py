"""The doctor finds nothing wrong with the networks of the zoo, at reduced sizes."""

from __future__ import annotations

import pytest
import torch

from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.insight.doctor import examine
from dlc.runtime.insight.doctor.base import Patient
from dlc.runtime.loading import load_module
from tests.zoo.networks import ZOO
from tests.zoo.running import compiled

#: Of two channels it is chance how large signals start.
SETS = {"unet": ("width=4", "side=188", "p=0")}


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ZOO)
def test_every_check_that_applies_passes(name: str) -> None:
    torch.set_num_threads(1)
    compilation = compiled(name, sets=SETS.get(name, ZOO[name].small))
    found = list(examine(Patient(compilation, load_module(generate(compilation)))))
    assert [verdict for verdict in found if verdict.state == "fail"] == []
    # What says nothing of a network must not be what makes it pass.
    assert sum(verdict.state == "pass" for verdict in found) >= 8
