"""Losses that jump: found by a course's own scale, with the rows of the batch."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy
from test_left_out import LOSS, CutOff, Enough

from dlc.runtime.training.plan import Plan
from dlc.runtime.training.run_folder import RunFolder
from dlc.runtime.training.spikes import Spikes

SPIKED = """    factor = torch.where(targets["label"].sum() % 16 == 5, 40.0, 1.0)
    return factor * F.cross_entropy(outputs["""


class Heard(toy.Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def _plan(root: Path) -> Plan:
    plan = toy.plan(root, epochs=8)
    return replace(plan, source=plan.source.replace(LOSS, SPIKED))


def _found(run: Path) -> list[dict[str, Any]]:
    spikes: list[dict[str, Any]] = json.loads((run / "spikes.json").read_text())["spikes"]
    return spikes


def _steps(folder: Path, losses: list[float]) -> list[int]:
    spikes = Spikes(RunFolder(path=folder), lambda line: None)
    for step, loss in enumerate(losses, 1):
        spikes.see(step, loss, lambda: [1, 2])
    return [found["step"] for found in spikes.found]


def test_a_spike_is_found_where_it_was_made(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    falling = [2.0 * math.exp(-step / 100) + 0.2 * draw.random() for step in range(300)]
    assert _steps(tmp_path, falling) == []
    falling[150] += 5.0
    falling[290] += 5.0
    assert _steps(tmp_path, falling) == [151, 291]
    # Before there is a course nothing is far from it; a fall is welcome.
    assert _steps(tmp_path, [1.0] * 20 + [9.0] + [1.0] * 40 + [0.01]) == []
    # A course that does not vary at all has a scale, too.
    assert _steps(tmp_path, [1.0] * 40 + [1.2, 3.0]) == [42]


def test_the_mean_of_few_samples_may_be_further_off(tmp_path: Path) -> None:
    for share, expected in ((1.0, 1), (0.5, 1), (0.1, 0)):
        spikes = Spikes(RunFolder(path=tmp_path), lambda line: None)
        for step in range(40):
            spikes.see(step, 1.0, lambda: [1])
        # A course that does not vary deviates by a twentieth: the line is at 1.6, 1.85 and 2.9.
        spikes.see(41, 1.9, lambda: [1], share)
        assert len(spikes.found) == expected, share


def test_losses_of_what_is_learned_are_no_spikes(tmp_path: Path) -> None:
    # From batch to batch they differ by orders of magnitude.
    draw = np.random.default_rng(0)
    learned = np.exp(draw.normal(-5.0, 1.5, 5_000)).tolist()
    assert max(learned) > 50 * float(np.median(learned))
    assert _steps(tmp_path, learned) == []
    learned[4_000] = 500.0
    assert _steps(tmp_path, learned) == [4_001]
    # Below 0 there is no measure of times.
    likelihoods = draw.normal(-1.0, 0.1, 300).tolist()
    likelihoods[200] = 4.0
    assert _steps(tmp_path, likelihoods) == [201]


def test_the_median_is_that_of_the_window(tmp_path: Path) -> None:
    spikes = Spikes(RunFolder(path=tmp_path), lambda line: None)
    losses = np.random.default_rng(0).random(300).tolist()
    for step, loss in enumerate([*losses, *[0.5] * 40, 9.0], 1):
        spikes.see(step, loss, lambda: [1])
    assert spikes.found[-1]["usual"] == 0.5
    assert spikes._sorted == sorted(spikes.recent)
    assert len(spikes.recent) == 64


def test_the_rows_of_a_spike_are_those_of_its_batch(tmp_path: Path) -> None:
    heard = Heard()
    toy.start(tmp_path / "run", _plan(tmp_path), progress=heard)
    table = (tmp_path / "toy.csv").read_text().splitlines()[1:]
    classes = [["ant", "bee", "cow"].index(line.rpartition(",")[2]) for line in table]
    found = _found(tmp_path / "run")
    assert found
    for spike in found:
        assert sum(classes[row - 1] for row in spike["rows"]) % 16 == 5
        assert spike["loss"] > 5 * spike["usual"]
    said = [line for line in heard.lines if "W0306" in line]
    assert len(said) == min(len(found), 3)
    assert f"its batch held the rows {found[0]['rows'][0]}, " in said[0]


def test_a_run_that_was_cut_finds_the_same_spikes(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    toy.start(tmp_path / "whole", plan)
    with pytest.raises(Enough):
        toy.start(tmp_path / "run", plan, progress=CutOff(44))
    toy.resume(tmp_path / "run", plan)
    assert _found(tmp_path / "run") == _found(tmp_path / "whole")
