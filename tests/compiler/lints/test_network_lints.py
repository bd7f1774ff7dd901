"""Lints about the network: what each finds, and what is like it and fine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from checking import (
    SPECS,
    check_dlc,
    check_file,
    check_net,
    check_yaml,
    codes,
    compiled,
    only,
    underlined,
)

from dlc.compiler import Compilation, Result, lints
from dlc.compiler.components.registry import names
from dlc.compiler.diagnostics.catalog import CODES
from dlc.compiler.diagnostics.fixes import apply_edits
from dlc.compiler.diagnostics.model import Applicability, Severity
from dlc.compiler.diagnostics.pages import read_page


def warned(result: Result) -> list[str]:
    """The lints of a spec that compiles: of one that does not, no lint says anything."""
    compiled(result)
    return codes(result)


_IMAGE = "x: float[N, 3, 32, 32]"
_LABEL = "target t: int[N]; loss = cross_entropy(y, t)"
_ZOO = sorted(path for path in SPECS.iterdir() if path.suffix in (".yaml", ".dlc"))


@pytest.mark.parametrize("path", _ZOO, ids=lambda path: path.name)
def test_the_zoo_has_no_finding_but_what_its_specs_explain(path: Path) -> None:
    result = check_file(path)
    assert [d for d in result.diagnostics if d.severity is Severity.WARNING] == []


def test_a_lint_that_is_left_unread_has_nothing_to_say() -> None:
    # Of the networks of the cases below none may depend on what is imported.
    names = set(lints._names())
    assert set(lints._ABOUT) <= names
    assert all(kinds for kinds in lints._ABOUT.values())


class TestLinearAfterLinear:
    @pytest.mark.parametrize(
        ("body", "inputs"),
        [
            ("linear(16); output y = linear(4)", "x: float[N, 8]"),
            ("linear(16); dropout(0.1); output y = linear(4)", "x: float[N, 8]"),
            ("conv2d(8, 3); flatten; output y = linear(4)", _IMAGE),
            ("conv2d(8, 3); conv2d(8, 3); relu; output y = global_avg_pool", _IMAGE),
            ("conv2d(8, 3); conv2d(16, 1); relu; output y = global_avg_pool", _IMAGE),
            ("repeat 3 { linear(8) }; relu; output y = linear(4)", "x: float[N, 8]"),
        ],
    )
    def test_nothing_between(self, body: str, inputs: str) -> None:
        assert "W0115" in warned(check_net(body, inputs=inputs))

    @pytest.mark.parametrize(
        ("body", "inputs"),
        [
            ("linear(16); relu; output y = linear(4)", "x: float[N, 8]"),
            # A factorization, and a code that is narrower than both its sides.
            ("linear(2); output y = linear(8)", "x: float[N, 8]"),
            # Depthwise and pointwise; along one axis and then the other.
            ("conv2d(3, 3, groups=3); conv2d(8, 1); relu; output y = global_avg_pool", _IMAGE),
            ("conv2d(8, [1, 3]); conv2d(8, [3, 1]); relu; output y = global_avg_pool", _IMAGE),
            # Places are mixed first, features then.
            (
                "permute(0, 2, 1); linear(16); permute(0, 2, 1); linear(16); output y = mean(1)",
                "x: float[N, 4, 8]",
            ),
            # Low rank beside the full one; queries, keys and values; a table and its projection.
            (
                "h = relu; a = h -> linear(8); b = h -> linear(2) -> linear(8); output y = a + b",
                "x: float[N, 8]",
            ),
            (
                "q = linear(8); k = x -> linear(8); v = x -> linear(8); "
                "q -> scaled_dot_product_attention(key=k, value=v); output y = linear(8)",
                "x: float[N, 5, 8]",
            ),
            ("embedding(100, 8); output y = linear(100)", "x: int[N]"),
            # What two layers read, or is an output, has a meaning of its own.
            (
                "h = linear(16); a = h -> linear(4); b = h -> linear(4); output y = a * b",
                "x: float[N, 8]",
            ),
            ("output h = linear(16); output y = linear(4)", "x: float[N, 8]"),
        ],
    )
    def test_what_is_meant(self, body: str, inputs: str) -> None:
        assert "W0115" not in warned(check_net(body, inputs=inputs))


class TestVanishingStack:
    def _codes(self, kind: str, depth: int, init: str, between: str = "") -> list[str]:
        body = f"repeat {depth} {{ linear(32) -> {between}{kind} }}; output y = linear(4)"
        return warned(check_net(body, inputs="x: float[N, 32]", tail=f"init {{ linear = {init} }}"))

    def test_sigmoids(self) -> None:
        assert "W0116" in self._codes("sigmoid", 20, "xavier_normal")
        assert "W0116" not in self._codes("sigmoid", 3, "xavier_normal")

    def test_tanh_with_small_weights(self) -> None:
        assert "W0116" in self._codes("tanh", 30, "normal(std=0.05)")
        assert "W0116" not in self._codes("tanh", 30, "xavier_normal(gain=tanh)")

    def test_norms_and_relu_do_not_vanish(self) -> None:
        assert "W0116" not in self._codes("tanh", 30, "normal(std=0.05)", "layer_norm -> ")
        assert "W0116" not in self._codes("relu", 50, "kaiming_normal")

    def test_a_head_of_zeros_is_no_stack(self) -> None:
        body = "linear(32) -> tanh; output y = linear(4, init=zeros)"
        assert "W0116" not in warned(check_net(body))

    def test_the_figure_is_that_of_the_graph(self) -> None:
        body = "repeat 20 { linear(32) -> sigmoid }; output y = linear(4)"
        tail = "init { linear = xavier_normal }"
        found = next(
            d
            for d in check_net(body, inputs="x: float[N, 32]", tail=tail).diagnostics
            if d.code.number == "W0116"
        )
        # At most 1/4 a layer, twenty times, against the last layer's.
        assert "e-1" in found.message
        assert "of 21 layers hardly learn" in found.notes[0]


def test_a_softmax_of_one_unit() -> None:
    assert warned(check_net("linear(1); output y = softmax")) == ["W0117"]
    assert warned(check_net("linear(2); output y = softmax")) == []
    assert warned(check_net("linear(1); output y = sigmoid")) == []


class TestUnlikeAnswers:
    @pytest.mark.parametrize(
        ("target", "loss", "step", "found"),
        [
            ("int[N]", "cross_entropy", "sigmoid", True),
            ("int[N]", "cross_entropy", "softmax", False),
            ("float[N, 4]", "binary_cross_entropy_with_logits", "softmax", True),
            ("float[N, 4]", "binary_cross_entropy_with_logits", "labels", True),
            ("float[N, 4]", "binary_cross_entropy_with_logits", "sigmoid", False),
        ],
    )
    def test_steps(self, target: str, loss: str, step: str, found: bool) -> None:
        tail = f"target t: {target}; loss = {loss}(y, t); postprocess {{ y = {step} }}"
        assert ("W0118" in warned(check_net("output y = linear(4)", tail=tail))) is found


class TestUnfitInit:
    def _codes(self, kind: str, init: str, depth: int = 4, between: str = "") -> list[str]:
        body = f"repeat {depth} {{ linear(64) -> {between}{kind} }}; output y = linear(4)"
        return warned(check_net(body, inputs="x: float[N, 64]", tail=f"init {{ linear = {init} }}"))

    def test_xavier_with_relu_and_he_with_tanh(self) -> None:
        assert "W0119" in self._codes("relu", "xavier_normal")
        assert "W0119" in self._codes("gelu", "xavier_uniform")
        assert "W0119" in self._codes("tanh", "kaiming_normal")
        assert "W0119" in self._codes("sigmoid", "kaiming_uniform")

    @pytest.mark.parametrize(
        ("kind", "init", "depth", "between"),
        [
            ("relu", "kaiming_normal", 4, ""),
            ("tanh", "xavier_normal", 4, ""),
            ("relu", "xavier_normal", 2, ""),
            ("relu", "xavier_normal", 4, "layer_norm -> "),
            ("relu", "xavier_normal(gain=relu)", 4, ""),
            ("tanh", "kaiming_normal(nonlinearity=tanh)", 4, ""),
        ],
    )
    def test_what_fits(self, kind: str, init: str, depth: int, between: str) -> None:
        assert "W0119" not in self._codes(kind, init, depth, between)


class TestWeightScale:
    @pytest.mark.parametrize(
        ("init", "found"),
        [("normal(std=3)", True), ("normal(std=1e-3)", True), ("normal(std=0.1)", False)],
    )
    def test_by_the_fan_in(self, init: str, found: bool) -> None:
        body, tail = "linear(64); relu; output y = linear(4)", f"init {{ linear = {init} }}"
        result = warned(check_net(body, inputs="x: float[N, 64]", tail=tail))
        # Not of the output, which may start near zero.
        assert result.count("W0121") == int(found)

    def test_a_norm_takes_it_away(self) -> None:
        body = "linear(64, bias=false); batch_norm1d; relu; output y = linear(4)"
        tail = "init { linear = normal(std=3) }"
        assert "W0121" not in warned(check_net(body, inputs="x: float[N, 64]", tail=tail))


def test_dropout_before_batch_norm() -> None:
    head = "linear(16, bias=false); "
    for body, found in (
        ("dropout(0.3); batch_norm1d; relu", True),
        ("relu; dropout(0.3); batch_norm1d", True),
        ("dropout(0.3); relu; batch_norm1d", True),
        ("batch_norm1d; relu; dropout(0.3)", False),
    ):
        result = warned(check_net(f"{head}{body}; output y = linear(4)"))
        assert ("W0122" in result) is found, body


def test_batch_norm_in_recurrence() -> None:
    inputs = "x: float[N, T, 8]"
    body = "lstm(8); permute(0, 2, 1); batch_norm1d; output y = mean(-1)"
    assert "W0123" in warned(check_net(body, inputs=inputs))
    assert "W0123" not in warned(
        check_net("lstm(8); layer_norm; output y = mean(1)", inputs=inputs)
    )


def test_local_response_norm_beside_batch_norm() -> None:
    body = "conv2d(8, 3, bias=false); {}relu; local_response_norm(5); output y = global_avg_pool"
    assert "W0124" in warned(check_net(body.format("batch_norm2d; "), inputs=_IMAGE))
    assert "W0124" not in warned(check_net(body.format(""), inputs=_IMAGE))


class TestStrongDropout:
    def test_more_than_half(self) -> None:
        found = only(check_net("linear(16); relu; dropout(0.8); output y = linear(4)"))
        assert found.code.number == "W0125"
        assert found.fix is not None
        assert found.fix.applicability is Applicability.UNSAFE
        assert [(underlined(found), e.replacement) for e in found.fix.edits] == [
            ("dropout(0.8)", "0.2")
        ]
        parameter = "linear(16); relu; dropout(rate); output y = linear(4)"
        [found] = check_net(parameter, head="param rate = 0.8").diagnostics
        assert (found.fix, found.help) == (None, "write 0.2")
        assert warned(check_net("linear(16); relu; dropout(0.6); output y = linear(4)")) == [
            "W0125"
        ]
        assert warned(check_net("linear(16); relu; dropout(0.5); output y = linear(4)")) == []

    def test_of_an_answer(self) -> None:
        last = "linear(16); relu; linear(4); output y = dropout(0.2)"
        assert "W0125" in warned(check_net(last, tail=_LABEL))
        before = "linear(16); relu; dropout(0.2); output y = linear(4)"
        assert warned(check_net(before, tail=_LABEL)) == []

    def test_of_features_that_no_loss_reads(self) -> None:
        body = "linear(16); relu; output h = dropout(0.2); output y = linear(4)"
        assert "W0125" not in warned(check_net(body, tail=_LABEL))


class TestHugeLinear:
    def test_most_of_the_network(self) -> None:
        inputs = "x: float[N, 64, 32, 32]"
        body = "flatten; linear(512); relu; output y = linear(4)"
        found = only(check_net(body, inputs=inputs))
        assert found.code.number == "W0127"
        assert "33,554,432" in found.message
        assert "adaptive_avg_pool2d: 3" in (found.help or "")

    @pytest.mark.parametrize(
        "body",
        [
            "flatten; linear(32); relu; output y = linear(4)",
            "adaptive_avg_pool2d(3); flatten; linear(2048); relu; output y = linear(4)",
        ],
    )
    def test_small_ones(self, body: str) -> None:
        assert "W0127" not in warned(check_net(body, inputs="x: float[N, 64, 32, 32]"))


class TestOutputWithoutLoss:
    def test_a_head_that_nothing_trains(self) -> None:
        body = "h = linear(16) -> relu; output y = h -> linear(4); output z = h -> linear(2)"
        assert warned(check_net(body, tail=_LABEL)) == ["W0128"]

    @pytest.mark.parametrize(
        ("body", "tail"),
        [
            ("h = linear(16) -> relu; output z = h; output y = h -> linear(4)", _LABEL),
            ("output y = linear(4); output z = y -> softmax", _LABEL),
            ("output y = linear(4); output z = x -> linear(2)", ""),
            (
                "output y = linear(4); output z = x -> linear(2)",
                f'{_LABEL}; transfer {{ weights = "a.safetensors" }}',
            ),
        ],
    )
    def test_outputs_that_are_fine(self, body: str, tail: str) -> None:
        assert "W0128" not in warned(check_net(body, tail=tail))


class TestSmallReceptiveField:
    def test_a_bag_of_small_windows(self) -> None:
        body = "conv2d(8, 3) -> relu; conv2d(8, 3) -> relu; global_avg_pool; output y = linear(4)"
        found = next(
            d
            for d in check_net(body, inputs=_IMAGE, tail=_LABEL).diagnostics
            if d.code.number == "W0129"
        )
        assert "sees 5 of the 32 places" in found.message

    @pytest.mark.parametrize(
        "pool", ["global_max_pool", "adaptive_avg_pool2d(1) -> flatten", "mean([2, 3])"]
    )
    def test_every_way_to_pool(self, pool: str) -> None:
        body = f"conv2d(8, 3) -> relu; {pool}; output y = linear(4)"
        assert "W0129" in warned(check_net(body, inputs=_IMAGE, tail=_LABEL))

    @pytest.mark.parametrize(
        "body",
        [
            # Squeeze and excitation: its pool decides nothing, and lets every place see all.
            "h = conv2d(8, 3) -> relu; s = h -> global_avg_pool -> linear(2) -> relu -> linear(8) "
            "-> sigmoid -> unflatten(1, [8, 1, 1]); h * s; conv2d(8, 3) -> relu; "
            "global_avg_pool; output y = linear(4)",
            # Attention between the rows of a map.
            "h = conv2d(8, 3) -> relu; h -> scaled_dot_product_attention(key=h, value=h); "
            "global_avg_pool; output y = linear(4)",
            "conv2d(8, 3) -> relu; adaptive_avg_pool2d(2); flatten; output y = linear(4)",
            "conv2d(8, 7, stride=4) -> relu; conv2d(8, 5) -> relu; global_avg_pool; "
            "output y = linear(4)",
            "conv2d(8, 3) -> relu; flatten; output y = linear(4)",
        ],
    )
    def test_what_sees_enough(self, body: str) -> None:
        assert "W0129" not in warned(check_net(body, inputs=_IMAGE, tail=_LABEL))


@pytest.mark.parametrize(("size", "found"), [("4", True), ("8", False), ("all", False)])
def test_batch_norm_over_a_few_samples(size: str, found: bool) -> None:
    data = f'data {{ source = "a.csv"; columns = {{x = "x*", t = t}}; batch_size = {size} }}'
    body = "linear(8, bias=false); batch_norm1d; relu; output y = linear(4)"
    result = warned(check_net(body, tail=f"{_LABEL}; {data}; optimizer = adamw(lr=1e-3)"))
    assert ("W0140" in result) is found


class TestPointlessActivation:
    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("linear(4) -> relu -> relu", True),
            ("linear(4) -> sigmoid -> relu", True),
            ("linear(4) -> relu -> dropout(0.1) -> relu", True),
            ("linear(4) -> tanh -> relu", False),
            ("linear(4) -> relu -> tanh", False),
        ],
    )
    def test_behind_what_is_never_negative(self, body: str, found: bool) -> None:
        assert ("W0130" in warned(check_net(f"{body}; output y = linear(4)"))) is found

    def test_a_block_needs_it_where_one_of_its_calls_does(self) -> None:
        head = "block Pre { relu\n linear(8) }"
        assert "W0130" not in warned(
            check_net("relu; repeat 2 { Pre }; output y = tanh", head=head)
        )
        assert "W0130" in warned(check_net("relu; Pre; output y = tanh", head=head))

    @pytest.mark.parametrize(
        ("text", "fixed"),
        [
            ("  linear(4)\n  relu\n  relu\n", "  linear(4)\n  relu\n"),
            ("  linear(4) -> relu -> relu\n", "  linear(4) -> relu\n"),
            ("  linear(4) -> relu\n  h = relu\n  h -> tanh\n", None),
            ("  linear(4) -> relu\n  repeat 1 {\n    relu\n  }\n", None),
            ("  linear(4) -> relu\n  relu  # once more\n", None),
            ("  linear(4) -> relu  # ->\n  relu\n", "  linear(4) -> relu  # ->\n"),
            ("  h = linear(4) -> relu -> relu\n", "  h = linear(4) -> relu\n"),
        ],
    )
    def test_the_fix_leaves_the_same_network(self, text: str, fixed: str | None) -> None:
        spec = "dlc 1\nmodel Net {{\n  input x: float[N, 8]\n{}  output y = linear(4)\n}}\n"
        self._fixed("dlc", spec.format(text), spec.format(fixed) if fixed else None)

    def test_the_fix_in_yaml(self) -> None:
        spec = 'dlc: 1\ninputs: {{x: "float[N, 8]"}}\nlayers:\n  - linear: 4\n{}'
        spec += "  - linear: 4\n    output: y\n"
        one = "  - relu\n"
        self._fixed("yaml", spec.format(one * 2), spec.format(one))
        self._fixed("yaml", spec.format("  - relu\n  - relu:\n    name: h\n"), None)

    def _fixed(self, surface: str, text: str, fixed: str | None) -> None:
        result = check_yaml(text) if surface == "yaml" else check_dlc(text)
        [found] = [d for d in result.diagnostics if d.code.number == "W0130"]
        if fixed is None:
            assert found.fix is None
            assert found.help is not None
            return
        assert found.fix is not None
        assert found.fix.applicability is Applicability.SAFE
        assert apply_edits(text, found.fix.edits) == fixed
        again = check_yaml(fixed) if surface == "yaml" else check_dlc(fixed)
        assert warned(again) == []


class TestUnreadLints:
    """A lint is imported only where the index says that the spec has what it is about."""

    def _compilations(self) -> Iterator[Compilation]:
        for path in _ZOO:
            yield compiled(check_file(path))
        for number in sorted(n for n in CODES if n.startswith("W01")):
            for example in read_page(number).examples():
                surface = check_yaml if example.language == "yaml" else check_dlc
                result = surface(example.text)
                if result.compilation is not None:
                    yield result.compilation

    def test_the_names_of_the_index_are_those_of_layers_and_losses(self) -> None:
        known = {*names("op"), *names("loss")}
        assert {kind for kinds in lints._ABOUT.values() for kind in kinds} <= known

    def test_what_is_left_unread_finds_nothing(self) -> None:
        asked: set[str] = set()
        for compilation in self._compilations():
            used = lints._used(compilation)
            for name, about in lints._ABOUT.items():
                if about.isdisjoint(used):
                    assert list(lints._lint(name).check(compilation)) == [], name
                else:
                    asked.add(name)
        assert asked == set(lints._ABOUT)


class TestThroughBlocksAndShapes:
    """What squashes may lie in a block, and shapes may change behind it."""

    @pytest.mark.parametrize(
        ("body", "inputs"),
        [
            ("linear(8) -> relu; output y = Head", "x: float[N, 8]"),
            ("linear(4) -> softmax; output y = reshape(N, 4)", "x: float[N, 8]"),
            ("linear(4) -> softmax; output y = select(1, 0)", "x: float[N, 5, 8]"),
        ],
    )
    def test_softmax(self, body: str, inputs: str) -> None:
        head = "block Head { linear(4)\n softmax }" if "Head" in body else ""
        assert warned(check_net(body, inputs=inputs, head=head, tail=_LABEL)) == ["W0102"]

    def test_of_each_head(self) -> None:
        body = "h = linear(4) -> relu; output y = h -> linear(4) -> softmax; "
        body += "output z = h -> linear(3) -> softmax"
        tail = "target t: int[N]; target u: int[N]; "
        tail += "loss = cross_entropy(y, t) + cross_entropy(z, u)"
        assert warned(check_net(body, tail=tail)) == ["W0102", "W0102"]

    def test_scores_for_probabilities(self) -> None:
        tail = "target t: float[N, 4]; loss = binary_cross_entropy(y, t)"
        head = "block Head { linear(4) }"
        assert warned(check_net("output y = Head", head=head, tail=tail)) == ["W0106"]
        head = "block Head { linear(4)\n sigmoid }"
        body = "linear(8) -> relu; output y = Head -> reshape(N, 4)"
        assert warned(check_net(body, head=head, tail=tail)) == []

    def test_a_metric_of_probabilities(self) -> None:
        tail = "target t: float[N, 1]; loss = mse_loss(y, t); metrics = precision(y, t)"
        head = "block Head { linear(1)\n sigmoid }"
        assert warned(check_net("output y = Head", head=head, tail=tail)) == ["W0113"]
