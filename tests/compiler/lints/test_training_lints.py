"""Lints about training and data: what each finds, and what is like it and fine."""

from __future__ import annotations

import re

import pytest
from checking import check_net, codes, compiled, only, underlined

from dlc.compiler import Result
from dlc.compiler.analysis.memory import memory

_DATA = 'data {; source = "a.csv"; columns { x = "x_*", t = t }'
_BODY = "linear(16) -> relu; output y = linear(4)"


def _check(
    rest: str = "",
    *,
    data: str = "",
    loss: str = "cross_entropy(y, t)",
    optimizer: str = "adamw(lr=1e-3)",
    body: str = _BODY,
    inputs: str = "x: float[N, 8]",
) -> Result:
    """A spec that trains; `data` and `rest` are more lines, between semicolons."""
    tail = f"target t: int[N]; {_DATA}; {data}; }}; loss = {loss}; optimizer = {optimizer}; {rest}"
    return check_net(body, inputs=inputs, tail=tail)


def _run(epochs: int, more: str = "") -> str:
    return f"train {{; epochs = {epochs}; {more}; }}"


def test_the_spec_of_these_cases_is_clean() -> None:
    assert codes(_check()) == []


class TestUnshuffledTraining:
    def test_the_order_of_the_file(self) -> None:
        assert codes(_check(data="shuffle = false; balance = t")) == ["W0141"]
        found = only(_check(data="shuffle = false"))
        assert (found.code.number, underlined(found)) == ("W0141", "shuffle")

    @pytest.mark.parametrize(
        "data",
        [
            "shuffle = true",
            "shuffle = false; batch_size = all",
            "shuffle = false; split { train = 0.8, time = day }",
        ],
    )
    def test_where_the_order_is_meant_or_nothing(self, data: str) -> None:
        assert codes(_check(data=data)) == []


class TestSchedulePastTheEnd:
    @pytest.mark.parametrize(
        ("schedule", "epochs", "place", "message"),
        [
            ("multi_step(milestones=[30, 60])", 60, "[30, 60]", "before milestone 60 of"),
            ("multi_step(milestones=[7], warmup_epochs=3)", 10, "[7]", "before milestone 7"),
            ("piecewise(milestones=[8, 9], values=[1e-2, 1e-3, 1e-4])", 8, "[8, 9]", "8, 9"),
            (
                "sequential(schedules=[constant(), cosine()], milestones=[10])",
                10,
                "[10]",
                "before milestone 10",
            ),
            ("step(step_size=30)", 30, "30", "comes down after 30 epochs"),
            ("cosine_restarts(cycle=11)", 10, "11", "comes down after 11 epochs"),
            ("cosine(warmup_epochs=5)", 5, "5", "takes 5 epochs, and the run has 5"),
        ],
    )
    def test_a_change_that_never_comes(
        self, schedule: str, epochs: int, place: str, message: str
    ) -> None:
        found = only(_check(f"schedule = {schedule}; {_run(epochs)}"))
        assert (found.code.number, underlined(found)) == ("W0142", place)
        assert message in found.message

    def test_a_warm_up_in_steps_of_a_run_in_steps(self) -> None:
        rest = "schedule = cosine(warmup_steps={}); train {{ steps = 1000 }}"
        assert codes(_check(rest.format(1000))) == ["W0142"]
        assert codes(_check(rest.format(100))) == []

    @pytest.mark.parametrize(
        "rest",
        [
            f"schedule = multi_step(milestones=[30, 59]); {_run(60)}",
            f"schedule = step(step_size=30); {_run(31)}",
            f"schedule = cosine_restarts(cycle=10); {_run(10)}",
            f"schedule = cosine(warmup_epochs=4); {_run(5)}",
            # Only the data tells how many steps an epoch has.
            f"schedule = cosine(warmup_steps=5000); {_run(5)}",
            "schedule = multi_step(milestones=[30]); train { steps = 10 }",
        ],
    )
    def test_what_is_reached_or_not_known(self, rest: str) -> None:
        assert codes(_check(rest)) == []


@pytest.mark.parametrize(
    ("schedule", "epochs", "found"),
    [
        ("step(step_size=2)", 50, True),
        ("exponential(gamma=0.5)", 100, True),
        ("step(step_size=2)", 24, False),
        ("exponential(gamma=0.95)", 100, False),
        ("cosine()", 100, False),
    ],
)
def test_a_rate_that_is_nothing_for_most_of_the_run(
    schedule: str, epochs: int, found: bool
) -> None:
    result = codes(_check(f"schedule = {schedule}; {_run(epochs)}"))
    assert result == (["W0143"] if found else [])


class TestUnmonitored:
    EARLY = _run(20, "early_stopping { patience = 3 }")

    @pytest.mark.parametrize(
        ("rest", "place"),
        [
            (EARLY, "early_stopping"),
            (f"schedule = reduce_on_plateau(patience=2); {_run(20)}", "schedule"),
        ],
    )
    def test_nothing_to_look_at(self, rest: str, place: str) -> None:
        found = only(_check(rest, data="split { train = 0.9, test = 0.1 }"))
        assert (found.code.number, underlined(found)) == ("W0144", place)
        assert [label.span.text for label in found.secondary] == ["split"]

    @pytest.mark.parametrize(
        "data",
        ["", "split { train = 0.9 }", "split { folds = 5 }", "split { train = 0.8, test = 0.1 }"],
    )
    def test_a_part_to_look_at(self, data: str) -> None:
        assert codes(_check(self.EARLY, data=data)) == []

    def test_without_anything_that_looks_no_part_is_needed(self) -> None:
        assert codes(_check(_run(20), data="split { train = 0.9, test = 0.1 }")) == []


class TestEndlessPatience:
    @pytest.mark.parametrize(
        ("rest", "found"),
        [
            (_run(10, "early_stopping { patience = 10 }"), True),
            (_run(10, "early_stopping { patience = 9 }"), False),
            (_run(30, "validate_every = epochs(5); early_stopping { patience = 6 }"), True),
            (_run(30, "validate_every = epochs(5); early_stopping { patience = 5 }"), False),
            # Only the data tells how many validations these are.
            (_run(3, "validate_every = steps(5); early_stopping { patience = 50 }"), False),
            (f"schedule = reduce_on_plateau(patience=10); {_run(10)}", True),
            (f"schedule = reduce_on_plateau(patience=2); {_run(10)}", False),
        ],
    )
    def test_as_many_validations_as_are_waited_for(self, rest: str, found: bool) -> None:
        assert codes(_check(rest)) == (["W0145"] if found else [])


class TestUnclippedRecurrence:
    @pytest.mark.parametrize(
        ("layer", "inputs", "found"),
        [
            ("rnn", "x: float[N, T, 8]", True),
            ("rnn", "x: float[N, 10, 8]", True),
            ("rnn", "x: float[N, 9, 8]", False),
            ("lstm", "x: float[N, 101, 8]", True),
            ("gru", "x: float[N, 100, 8]", False),
            ("lstm", "x: float[N, T, 8]", False),
        ],
    )
    def test_by_kind_and_length(self, layer: str, inputs: str, found: bool) -> None:
        body = f"{layer}(16, return_sequences=false); output y = linear(4)"
        assert codes(_check(body=body, inputs=inputs)) == (["W0146"] if found else [])

    @pytest.mark.parametrize("bound", ["clip_grad_norm = 1.0", "clip_grad_value = 0.5"])
    def test_with_a_bound(self, bound: str) -> None:
        body = "rnn(16, return_sequences=false); output y = linear(4)"
        assert codes(_check(_run(10, bound), body=body, inputs="x: float[N, T, 8]")) == []


@pytest.mark.parametrize(("share", "found"), [(0.1, False), (0.3, False), (0.31, True)])
def test_label_smoothing(share: float, found: bool) -> None:
    result = _check(loss=f"cross_entropy(y, t, label_smoothing={share})")
    assert codes(result) == (["W0147"] if found else [])


class TestDeadUnits:
    @pytest.mark.parametrize(
        "optimizer", ["sgd(lr=2.0)", "sgd(lr=0.2, momentum=0.9)", "sgd(lr=0.2, momentum=0.95)"]
    )
    def test_a_rate_at_which_rectifiers_die(self, optimizer: str) -> None:
        found = only(_check(optimizer=optimizer))
        assert found.code.number == "W0148"
        assert [label.span.text for label in found.secondary] == ["relu"]

    @pytest.mark.parametrize(
        ("optimizer", "body", "rest", "loss"),
        [
            ("sgd(lr=1.0)", _BODY, "", "cross_entropy(y, t)"),
            ("sgd(lr=0.1, momentum=0.9)", _BODY, "", "cross_entropy(y, t)"),
            ("sgd(lr=0.4, momentum=0.9, dampening=0.9)", _BODY, "", "cross_entropy(y, t)"),
            ("sgd(lr=2.0)", "output y = linear(4)", "", "cross_entropy(y, t)"),
            ("sgd(lr=2.0)", _BODY.replace("relu", "leaky_relu"), "", "cross_entropy(y, t)"),
            ("sgd(lr=2.0)", _BODY.replace("relu", "layer_norm -> relu"), "", "cross_entropy(y, t)"),
            ("sgd(lr=2.0)", _BODY, _run(5, "clip_grad_norm = 1.0"), "cross_entropy(y, t)"),
            ("sgd(lr=2.0)", _BODY, "", "0.01 * cross_entropy(y, t)"),
        ],
    )
    def test_what_may_work(self, optimizer: str, body: str, rest: str, loss: str) -> None:
        assert codes(_check(rest, optimizer=optimizer, body=body, loss=loss)) == []


@pytest.mark.parametrize(
    ("average", "lasts", "data", "found"),
    [
        ("ema(0.999, warmup=false)", "steps = 900", "", True),
        ("ema(0.999, warmup=false)", "steps = 1001", "", False),
        ("ema(0.999)", "steps = 900", "", False),
        ("ema(0.999, warmup=false)", "epochs = 900", "batch_size = all", True),
        ("ema(0.999, warmup=false)", "epochs = 9", "", False),
    ],
)
def test_an_average_of_the_initial_weights(
    average: str, lasts: str, data: str, found: bool
) -> None:
    result = _check(f"train {{; {lasts}; average = {average}; }}", data=data)
    assert codes(result) == (["W0149"] if found else [])


class TestTooLittleMemory:
    PICTURES = "x: float[N, 3, 8, 8]"
    NORMED = "conv2d(64, 5, bias=false); batch_norm2d; relu; global_avg_pool; output y = linear(4)"
    PLAIN = "conv2d(64, 5); relu; global_avg_pool; output y = linear(4)"

    def _check(self, body: str, limit: str, more: str = "", inputs: str = PICTURES) -> Result:
        rest = f"train {{; memory = {limit}; {more}; }}"
        return _check(rest, body=body, inputs=inputs, data="batch_size = 64")

    def _takes(self, result: Result, batch: int) -> int:
        compilation = compiled(result)
        return memory(
            compilation.program, compilation.settings, batch=batch, autocast=True
        ).training

    def test_a_batch_that_batch_norms_see_in_parts(self) -> None:
        found = only(self._check(self.NORMED, "200e3"))
        assert (found.code.number, underlined(found)) == ("W0158", "memory")
        match = re.match(r"`batch_size: (\d+)` fits", found.help or "")
        assert match is not None
        fits = int(match[1])
        # It is the greatest by halves, by the same figures.
        result = self._check(self.NORMED, "200e3")
        assert self._takes(result, fits) <= 200_000 < self._takes(result, 2 * fits)

    @pytest.mark.parametrize("body", [NORMED, PLAIN])
    def test_not_even_the_least_part(self, body: str) -> None:
        found = only(self._check(body, "20e3"))
        assert found.code.number == "W0158"
        assert "two samples" in found.message or "one sample" in found.message
        assert "no batch fits" in (found.help or "")

    @pytest.mark.parametrize(
        ("body", "limit", "inputs"),
        [
            # Parts of a batch give the same gradient.
            (PLAIN, "400e3", PICTURES),
            (NORMED, "10e9", PICTURES),
            # Only the data tells how long a sequence is.
            ("embedding(10, 8); rnn(16, return_sequences=false); output y = linear(4)", "1e3",
             "x: int[N, T]"),
        ],
    )  # fmt: skip
    def test_what_fits_or_is_not_known(self, body: str, limit: str, inputs: str) -> None:
        more = "clip_grad_norm = 1.0"
        assert codes(self._check(body, limit, more, inputs)) == []
