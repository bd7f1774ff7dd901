"""Each lint finds what it is for, nothing else, and can be silenced in three places."""

from __future__ import annotations

import pytest
from checking import SPECS, check_dlc, check_file, check_net, check_yaml, codes, only, underlined

from dlc.compiler.diagnostics.catalog import CODES
from dlc.compiler.diagnostics.model import Applicability, Severity
from dlc.compiler.lints import is_allowed, lints

IMAGE = "x: float[N, 3, 8, 8]"
TARGET = "target t: int[N]; loss = {}"


def test_every_lint_has_a_warning_of_the_catalog_of_its_own() -> None:
    numbers = [lint.CODE.number for lint in lints()]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    # Other warnings need more than a compilation: a file of weights, the data.
    assert set(numbers) <= set(CODES)
    assert {n for n in CODES if n.startswith("W01")} <= set(numbers)
    assert all(CODES[n].severity is Severity.WARNING for n in numbers)
    assert all(lint.__doc__ for lint in lints())


class TestUnusedValue:
    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ("h = linear(3); output y = x -> relu", "linear(3)"),
            ("linear(3) -> tanh; output y = x -> relu", "tanh"),
            ("h = x + x; output y = x -> relu", "x + x"),
            ("h = Act; output y = x -> relu", "Act"),
        ],
    )
    def test_a_result_that_nothing_takes(self, body: str, place: str) -> None:
        found = only(check_net(body, head="block Act { tanh }"))
        assert (found.code.number, underlined(found)) == ("W0101", place)

    def test_an_input_that_nothing_takes(self) -> None:
        found = only(check_net("output y = x -> relu", inputs="x: float[N, 8]; z: float[N, 8]"))
        assert (found.code.number, underlined(found)) == ("W0101", "z")

    def test_inside_a_block_too(self) -> None:
        head = "block B { input a: float[N, C]\n h = linear(3)\n a -> relu }"
        assert codes(check_net("output y = B", head=head)) == ["W0101"]

    @pytest.mark.parametrize(
        "body",
        [
            "h = linear(8); output y = h + x",
            "output a = relu; output y = tanh",
            "tok = linear(8); output y = x -> linear(8, weight=tok.weight)",
            "a, b, c = T; output y = c",
        ],
    )
    def test_what_is_used_is_fine(self, body: str) -> None:
        head = "block T { input v: float[N, C]\n output p = relu\n output q = v -> tanh\n"
        head += "output r = v -> silu }"
        assert codes(check_net(body, head=head)) == []

    def test_a_second_result_of_an_lstm_may_be_left(self) -> None:
        result = check_net("out, h, c = lstm(4); output y = h", inputs="x: float[N, T, 8]")
        assert codes(result) == []


class TestSoftmaxBeforeLoss:
    @pytest.mark.parametrize(
        ("last", "loss"),
        [
            ("softmax", "cross_entropy(y, t)"),
            ("log_softmax", "cross_entropy(y, t)"),
            ("softmin", "cross_entropy(y, t)"),
            ("log_sigmoid", "cross_entropy(y, t)"),
            ("hardsigmoid", "cross_entropy(y, t)"),
            ("softmax", "nll_loss(y, t)"),
            ("sigmoid", "nll_loss(y, t)"),
        ],
    )
    def test_a_second_squashing(self, last: str, loss: str) -> None:
        found = only(check_net(f"linear(3); output y = {last}", tail=TARGET.format(loss)))
        assert (found.code.number, underlined(found)) == ("W0102", last)

    @pytest.mark.parametrize(
        ("last", "help"),
        [
            (
                "sigmoid",
                "remove `sigmoid` here; for probabilities write `postprocess: {y: sigmoid}`",
            ),
            ("log_sigmoid", "`postprocess: {y: sigmoid}`"),
            ("hardsigmoid", "remove `hardsigmoid` here"),
            ("softmin", "take the negative, `-x`, in place of `softmin(x)`"),
        ],
    )
    def test_sigmoid_before_its_loss(self, last: str, help: str) -> None:
        tail = "target t: float[N, 3]; loss = binary_cross_entropy_with_logits(y, t)"
        found = only(check_net(f"linear(3); output y = {last}", tail=tail))
        assert found.code.number == "W0102"
        assert help in (found.help or "")

    @pytest.mark.parametrize(
        ("last", "loss"),
        [
            ("linear(3)", "cross_entropy(y, t)"),
            ("log_softmax", "nll_loss(y, t)"),
            ("relu", "cross_entropy(y, t)"),
        ],
    )
    def test_logits_are_fine(self, last: str, loss: str) -> None:
        assert (
            codes(check_net(f"linear(3); tanh; output y = {last}", tail=TARGET.format(loss))) == []
        )


class TestBiasBeforeBatchNorm:
    BODY = "conv2d(4, 3){}; batch_norm2d; output y = relu"

    def test_the_bias_is_subtracted_again(self) -> None:
        found = only(check_net(self.BODY.format(""), inputs=IMAGE))
        assert (found.code.number, underlined(found)) == ("W0103", "conv2d(4, 3)")
        assert [label.span.text for label in found.secondary] == ["batch_norm2d"]

    @pytest.mark.parametrize(
        "body",
        [
            "conv_transpose2d(4, 3); batch_norm2d; output y = relu",
            "conv2d(4, 3); instance_norm2d; output y = relu",
            "conv2d(4, 3); instance_norm2d(track_running_stats=true); output y = relu",
            "flatten; linear(4); batch_norm1d; output y = relu",
        ],
    )
    def test_after_every_layer_that_adds_a_number_to_each_channel(self, body: str) -> None:
        assert codes(check_net(body, inputs=IMAGE)) == ["W0103"]

    def test_a_linear_layer_along_the_places_keeps_its_bias(self) -> None:
        body = "linear(4); batch_norm1d; output y = relu"
        assert codes(check_net(body, inputs="x: float[N, 3, 8]")) == []

    def test_the_fix_makes_it_clean(self) -> None:
        result = check_net(self.BODY.format(""), inputs=IMAGE)
        [found] = result.diagnostics
        assert found.fix is not None
        assert found.fix.applicability is Applicability.UNSAFE
        assert found.source is not None
        [edit] = found.fix.edits
        text = found.source.text
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
        assert codes(check_dlc(text)) == []

    @pytest.mark.parametrize(
        "body",
        [
            "conv2d(4, 3, bias=false); batch_norm2d; output y = relu",
            "conv2d(4, 3); relu; batch_norm2d; output y = relu",
            "conv2d(4, 3); group_norm(2); output y = relu",
            "conv2d(4, 3); layer_norm; output y = relu",
            "h = conv2d(4, 3); n = batch_norm2d; output y = h + n",
            "output h = conv2d(4, 3); batch_norm2d; output y = relu",
        ],
    )
    def test_a_bias_that_something_else_sees_is_fine(self, body: str) -> None:
        assert "W0103" not in codes(check_net(body, inputs=IMAGE))


class TestUnusedParam:
    def test_a_parameter_that_nothing_reads(self) -> None:
        found = only(check_net("output y = relu", head="param p = 3"))
        assert (found.code.number, underlined(found)) == ("W0104", "p")

    def test_a_comment_does_not_read(self) -> None:
        assert codes(check_net("output y = relu  # p", head="param p = 3")) == ["W0104"]

    @pytest.mark.parametrize(
        ("head", "body"),
        [
            ("param p = 3", "output y = linear(p)"),
            ("param p = 3; param q = p", "output y = linear(q)"),
            ("param p = 3", "if 1 == 2 { linear(p) }; output y = relu"),
            ("param D = 8", "shape(N, D); output y = relu"),
        ],
    )
    def test_what_is_read_anywhere_is_fine(self, head: str, body: str) -> None:
        assert codes(check_net(body, head=head)) == []


class TestAllowing:
    SPEC = (
        "{top}dlc 1\nmodel Net {{\n  input x: float[N, 3, 8, 8]\n{above}"
        "  conv2d(4, 3)  {beside}\n  batch_norm2d\n  output y = relu\n}}\n"
    )

    def found(self, top: str = "", above: str = "", beside: str = "") -> list[str]:
        return codes(check_dlc(self.SPEC.format(top=top, above=above, beside=beside)))

    @pytest.mark.parametrize("name", ["bias-before-batch-norm", "W0103"])
    def test_by_name_and_by_number_in_three_places(self, name: str) -> None:
        comment = f"# dlc: allow[{name}]"
        assert self.found() == ["W0103"]
        assert self.found(beside=comment) == []
        assert self.found(above=f"  {comment}\n") == []
        assert self.found(above=f"  {comment}\n  # and why it is so\n") == []
        assert self.found(top=f"{comment}\n") == []
        assert self.found(top=f"# a net\n\n{comment}\n") == []

    @pytest.mark.parametrize(
        "comment",
        ["# dlc: allow[unused-value]", "# allow[bias-before-batch-norm]", "# dlc: allow[]",
         "# dlc: allow[W0101, W0102]", "# dlc: allow bias-before-batch-norm"],
    )  # fmt: skip
    def test_other_comments_silence_nothing(self, comment: str) -> None:
        assert self.found(beside=comment) == ["W0103"]
        assert self.found(top=f"{comment}\n") == ["W0103"]

    def test_several_names_in_one_comment(self) -> None:
        assert self.found(beside="# dlc: allow[unused-value, bias-before-batch-norm]") == []

    def test_a_comment_below_the_head_of_the_file_is_not_for_the_whole_file(self) -> None:
        text = self.SPEC.format(top="", above="", beside="")
        assert codes(check_dlc(f"{text}# dlc: allow[bias-before-batch-norm]\n")) == ["W0103"]

    def test_in_yaml_as_well(self) -> None:
        text = (
            'dlc: 1\ninputs: {x: "float[N, 3, 8, 8]"}\nlayers:\n'
            "  - conv2d: [4, 3]   # dlc: allow[bias-before-batch-norm]\n"
            "  - batch_norm2d\n  - relu:\n    output: y\n"
        )
        assert codes(check_yaml(text)) == []
        assert codes(check_yaml(text.replace("dlc: allow", "dlc allow"))) == ["W0103"]

    def test_errors_cannot_be_silenced(self) -> None:
        found = check_net("linear(0)  # dlc: allow[out-of-bounds, E0302]\noutput y = relu")
        assert codes(found) == ["E0302"]
        # The comment would fit: only lints are asked for it.
        assert is_allowed(found.diagnostics[0])

    def test_the_example_specs_are_clean(self) -> None:
        for path in sorted([*SPECS.glob("*.yaml"), *SPECS.glob("*.dlc")]):
            assert codes(check_file(path)) == [], path.name


def test_an_empty_source_line_is_no_allowance() -> None:
    result = check_net("conv2d(4, 3)\n\nbatch_norm2d\noutput y = relu", inputs=IMAGE)
    assert codes(result) == ["W0103"]
