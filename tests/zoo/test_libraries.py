"""Weights of torchvision and transformers, loaded by the shipped maps: equal answers."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("torchvision")
pytest.importorskip("transformers")

from torch.utils.flop_counter import FlopCounterMode

from dlc.compiler.analysis.cost import cost
from tests.zoo.libraries import LIBRARIES, disagreement
from tests.zoo.networks import ZOO
from tests.zoo.running import compiled

every_library = pytest.mark.parametrize("name", LIBRARIES)


@every_library
def test_it_answers_as_the_library_does_with_its_weights(name: str) -> None:
    assert disagreement(name) <= 1e-5


@pytest.mark.parametrize("name", [name for name in LIBRARIES if not LIBRARIES[name].sets])
def test_its_work_is_what_is_counted_in_the_library(name: str) -> None:
    with torch.device("meta"):
        theirs = LIBRARIES[name].make().eval()
        image = torch.zeros(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(image)
    program = compiled(name).program
    assert counter.get_total_flops() == 2 * cost(program, ZOO[name].dims).macs
    assert sum(p.numel() for p in theirs.parameters()) == program.parameter_count
