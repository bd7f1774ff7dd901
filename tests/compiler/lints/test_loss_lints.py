"""Lints about losses and what they are given: what each finds, and what is like it and fine."""

from __future__ import annotations

import pytest
from checking import check_net, codes, only, underlined

from dlc.compiler import Result


def _check(body: str, loss: str, target: str = "t: float[N, 1]") -> Result:
    return check_net(body, tail=f"target {target}; loss = {loss}; optimizer = adamw(lr=1e-3)")


class TestVarianceOfEitherSign:
    def _check(self, variance: str) -> Result:
        body = f"output mean = x -> linear(1); {variance}"
        return _check(body, "gaussian_nll_loss(mean, t, v)")

    @pytest.mark.parametrize(
        ("variance", "place"),
        [
            ("output v = x -> linear(1)", "linear(1)"),
            ("output v = x -> relu -> linear(1) -> tanh", "tanh"),
            ("h = x -> linear(1); output v = h + 1.0", "linear(1)"),
            ("output v = x -> linear(1) -> reshape([N, 1])", "linear(1)"),
        ],
    )
    def test_plain_layers(self, variance: str, place: str) -> None:
        found = only(self._check(variance))
        assert (found.code.number, underlined(found)) == ("W0107", place)
        assert found.message.startswith("`v` is a variance")

    @pytest.mark.parametrize(
        "variance",
        [
            *(
                f"output v = x -> linear(1) -> {kind}"
                for kind in ("softplus", "exp", "sigmoid", "square", "softplus -> reshape([N, 1])")
            ),
            "h = x -> linear(1) -> softplus; output v = h + 1e-3",
            # It may be below 0, or not: nothing is said.
            "h = x -> linear(1) -> elu; output v = h + 1.0",
            "a = x -> linear(1); b = x -> linear(1); output v = a * b",
        ],
    )
    def test_what_is_positive_or_may_be(self, variance: str) -> None:
        assert codes(self._check(variance)) == []

    def test_one_layer_gives_both(self) -> None:
        body = "m, s = x -> linear(2) -> chunk(2, dim=1); output mean = m -> identity; "
        plain = _check(body + "output v = s -> identity", "gaussian_nll_loss(mean, t, v)")
        assert codes(plain) == ["W0107"]
        good = _check(body + "output v = s -> softplus", "gaussian_nll_loss(mean, t, v)")
        assert codes(good) == []


class TestRateForLogRate:
    @pytest.mark.parametrize(
        ("end", "arguments", "says"),
        [
            ("exp", "", "went through `exp`"),
            ("softplus", "", "went through `softplus`"),
            ("softplus -> identity", ", log_input=true", "went through `softplus`"),
            ("identity", ", log_input=false", "what `linear` gives may be negative"),
        ],
    )
    def test_the_other_of_the_two(self, end: str, arguments: str, says: str) -> None:
        body = f"output y = x -> linear(1) -> {end}"
        found = only(_check(body, f"poisson_nll_loss(y, t{arguments})"))
        assert found.code.number == "W0108"
        assert says in found.message

    @pytest.mark.parametrize(
        ("end", "arguments"),
        [
            ("identity", ""),
            ("exp", ", log_input=false"),
            ("softplus", ", log_input=false"),
            ("relu", ", log_input=false"),
        ],
    )
    def test_what_is_meant(self, end: str, arguments: str) -> None:
        body = f"output y = x -> linear(1) -> {end}"
        assert codes(_check(body, f"poisson_nll_loss(y, t{arguments})")) == []


class TestZeroForMinusOne:
    @pytest.mark.parametrize("loss", ["soft_margin_loss", "hinge_embedding_loss"])
    def test_a_type_without_signs(self, loss: str) -> None:
        body = "output y = x -> linear(1)"
        found = only(_check(body, f"{loss}(y, t)", "t: uint8[N, 1]"))
        assert (found.code.number, underlined(found)) == ("W0109", "loss")
        assert "which has no -1" in found.message
        assert codes(_check(body, f"{loss}(y, t)", "t: int8[N, 1]")) == []
        assert codes(_check(body, f"{loss}(y, t)")) == []

    def test_pairs(self) -> None:
        body = "output a = x -> linear(4); output b = x -> linear(4)"
        loss = "cosine_embedding_loss(a, b, t)"
        assert codes(_check(body, loss, "t: uint8[N]")) == ["W0109"]
        assert codes(_check(body, loss, "t: float[N]")) == []

    def test_another_loss_wants_0_and_1(self) -> None:
        body = "output y = x -> linear(1)"
        both = "soft_margin_loss(y, t) + binary_cross_entropy_with_logits(y, t)"
        found = only(_check(body, both))
        assert found.code.number == "W0109"
        assert "wants 0 and 1 of the same `t`" in found.message
        assert codes(_check(body, "soft_margin_loss(y, t) + mse_loss(y, t)")) == []

    def test_another_loss_wants_class_numbers(self) -> None:
        body = "output y = x -> linear(2); output s = x -> linear(1) -> squeeze(1)"
        both = "cross_entropy(y, t) + 0.1 * soft_margin_loss(s, t)"
        assert codes(_check(body, both, "t: int[N]")) == ["W0109"]
