"""Advice on tuning: its order, its scales, and that what it says can be done."""

from __future__ import annotations

import argparse
import re

import pytest
from checking import SPECS, check_dlc, check_yaml, codes, compiled, net

from dlc.compiler.analysis.tune_advice import Advice, advice, part_of, search_section
from dlc.compiler.cli import tune_advice
from dlc.compiler.compilation import Compilation, Result
from dlc.compiler.driver import check
from dlc.compiler.source import Source


def _advice(path: str) -> tuple[tuple[Advice, ...], Compilation]:
    arguments = argparse.Namespace(spec=str(SPECS / path), root=None, sets=[])
    compilation = compiled(_check(path))
    parameters = tuple(tune_advice._parameters(compilation, arguments))
    return advice(compilation.program, compilation.settings, parameters), compilation


def _check(path: str, text: str | None = None, sets: tuple[str, ...] = ()) -> Result:
    place = SPECS / path
    source = Source(path, text or place.read_text(encoding="utf-8"), place.suffix[1:])
    return check(source, path=place, sets=sets)


def _values(distribution: str) -> list[str]:
    """All values of a choice; of a range its ends."""
    return re.findall(r"[\d.e+-]+", distribution.partition("(")[2])


@pytest.mark.parametrize(
    "path", ["lenet5.yaml", "vit_b_16.yaml", "bilstm.dlc", "multitask.dlc", "sunspots.dlc"]
)
def test_every_value_and_the_section_itself_are_right(path: str) -> None:
    found, compilation = _advice(path)
    drawn = [one for one in found if one.distribution is not None]
    assert drawn
    for one in drawn:
        assert one.distribution is not None
        for value in _values(one.distribution):
            result = _check(path, sets=(f"{one.setting}={value}",))
            # A lint may say something of an extreme, such as a long warm-up; it is no mistake.
            assert [code for code in codes(result) if code.startswith("E")] == [], (one, value)
    surface = path.rpartition(".")[2]
    section = search_section(found, compilation.program, compilation.settings, surface=surface)
    text = (SPECS / path).read_text(encoding="utf-8")
    text = re.sub(r"^search( \{|:)\n(?: .*\n)+(\}\n)?", "", text, flags=re.MULTILINE)
    again = compiled(_check(path, f"{text}\n{section}\n"))
    assert again.settings.search is not None
    assert list(again.settings.search.space) == [one.setting for one in drawn]


def test_the_rate_comes_first_and_the_warm_up_last() -> None:
    found, _ = _advice("vit_b_16.yaml")
    names = [one.setting for one in found]
    assert names[0] == "optimizer.lr"
    assert names[-1] == "schedule.warmup_epochs"
    assert names.index("dim") < names.index("depth") < names.index("p")
    scales = {one.setting: one.scale for one in found}
    assert scales["optimizer.lr"] == scales["optimizer.weight_decay"] == "log"
    assert scales["data.batch_size"] == scales["dim"] == "factors of two"
    assert scales["p"] == "linear"
    # Neither patches nor classes are something to tune.
    assert not {"patch", "classes", "image_size", "heads"} & set(names)


def test_a_vocabulary_is_no_width() -> None:
    found, _ = _advice("bilstm.dlc")
    assert [one.setting for one in found][:3] == ["optimizer.lr", "hidden", "data.batch_size"]
    assert "vocab" not in [one.setting for one in found]


_TAIL = 'target t: int[N]; data {{; source = "a.csv"; columns {{ x = "x_*", t = t }}; }}; '
_TAIL += "loss = cross_entropy(y, t); optimizer = {}; {}"


def _settings(optimizer: str, rest: str = "") -> dict[str, Advice]:
    spec = net("linear(8) -> relu; output y = linear(4)", tail=_TAIL.format(optimizer, rest))
    compilation = compiled(check_dlc(spec))
    found = advice(compilation.program, compilation.settings)
    return {one.setting: one for one in found}


class TestAdapted:
    def test_the_peak_of_one_cycle_is_the_rate(self) -> None:
        found = _settings("adamw(lr=1e-3)", "schedule = one_cycle(max_lr=3e-3)")
        assert "optimizer.lr" not in found
        assert found["schedule.max_lr"].distribution == "log_uniform(0.0003, 0.03)"

    def test_a_range_ends_where_rates_are_no_longer_usual(self) -> None:
        found = _settings("adamw(lr=0.05)")
        assert found["optimizer.lr"].distribution == "log_uniform(0.001, 0.1)"

    def test_momentum_is_on_the_scale_of_what_it_forgets(self) -> None:
        found = _settings("sgd(lr=0.1, momentum=0.9)")
        assert found["optimizer.momentum"].scale == "log of 1 - value"
        assert "optimizer.momentum" not in _settings("adamw(lr=1e-3)")

    def test_decay_that_adam_divides_is_not_searched(self) -> None:
        assert _settings("adam(lr=1e-3)")["optimizer.weight_decay"].distribution is None
        assert _settings("adamw(lr=1e-3)")["optimizer.weight_decay"].distribution is not None

    def test_a_penalty_takes_the_place_of_decay(self) -> None:
        found = _settings("sgd(lr=0.1)", "regularization { l2 = 1e-4 }")
        assert found["regularization.l2"].distribution == "log_uniform(1e-05, 0.001)"
        assert "optimizer.weight_decay" not in found


def test_without_an_optimizer_there_is_nothing() -> None:
    compilation = compiled(
        check_yaml("dlc: 1\ninputs: {x: 'float[N, 8]'}\nlayers:\n  - linear: 4\n    output: y\n")
    )
    found = advice(compilation.program, compilation.settings)
    assert found == ()
    assert search_section(found, compilation.program, compilation.settings, surface="dlc") == ""


@pytest.mark.parametrize(
    ("body", "other", "part"),
    [
        ("linear(8); output y = linear(4)", "linear(16); output y = linear(4)", "width"),
        ("linear(8); output y = linear(4)", "output y = linear(4)", "depth"),
        ("dropout(0.1); output y = linear(4)", "dropout(0.2); output y = linear(4)", "dropout"),
        ("linear(8); output y = linear(4)", "linear(8); output y = linear(5)", None),
        ("linear(8); output y = linear(4)", "linear(8); output y = linear(4)", None),
    ],
)
def test_what_a_parameter_is_for(body: str, other: str, part: str | None) -> None:
    here, there = (compiled(check_dlc(net(text))).program for text in (body, other))
    assert part_of(here, there) == part
