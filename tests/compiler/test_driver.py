"""The phases in order, `--set`, the settings sections, and how the work grows."""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from checking import (
    SPECS,
    check_dlc,
    check_file,
    check_net,
    check_yaml,
    codes,
    compiled,
    errors,
    layers,
    line,
    net,
    only,
    shown,
    underlined,
)

from dlc.compiler import Result, Source, check

NETWORK = """dlc: 1
params: {p: 0.3, w: 8}
inputs: {x: "float[N, 8]"}
layers:
  - linear: w
    name: stem
  - repeat: 2
    layers:
      - linear: 8
        name: inner
  - dropout: p
  - linear: 3
    output: logits
"""
TRAINED = f"""{NETWORK}targets: {{label: "int[N]"}}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: sgd(lr=0.1)
train: {{epochs: 3, early_stopping: {{patience: 3, monitor: val_loss}}}}
search: {{space: {{optimizer.lr: "log_uniform(1e-4, 1)", p: "uniform(0, 1)"}}}}
"""


def with_section(text: str) -> Result:
    """The network with a target and this section."""
    targets = "" if "targets" in text else 'targets: {label: "int[N]"}\n'
    return check_yaml(f"{NETWORK}{targets}{text}\n")


class TestPhases:
    def test_all_findings_of_a_phase_come_in_one_run_in_the_order_of_the_text(self) -> None:
        result = check_net("lineer(3); relu(q=1); h = z + x; output y = relu", tail="los = 3")
        assert codes(result) == ["E0201", "E0205", "E0202", "E0207"], shown(result)
        assert [line(d) for d in result.diagnostics] == sorted(line(d) for d in result.diagnostics)

    def test_sizes_wait_until_names_are_right(self) -> None:
        assert errors(check_net("linear(0); relu(q=1); output y = relu")) == ["E0205"]

    def test_settings_are_looked_at_even_where_the_network_is_wrong(self) -> None:
        result = check_net("linear(0); output y = relu", tail="train { epochs = 0 }")
        assert errors(result) == ["E0302", "E0302"]

    def test_what_cannot_be_read_is_told_and_the_rest_examined(self) -> None:
        result = check_dlc("dlc 1\nmodel Net {\n input x: float[N, 8]\n linear(3\n lineer(2)\n}\n")
        assert {"E0103", "E0201"} <= set(codes(result))
        assert result.compilation is None

    def test_nothing_is_raised_for_an_empty_text(self) -> None:
        for surface in ("yaml", "dlc"):
            result = check(Source("net", "", surface))
            assert not result.ok
            assert len(result.diagnostics) == 1

    def test_a_file_of_blocks_needs_no_network(self) -> None:
        result = check_dlc("dlc 1\nblock Act { relu }\n")
        assert result.ok
        assert result.compilation is None

    def test_a_spec_without_a_network_says_so(self) -> None:
        assert codes(check_yaml("dlc: 1\ntrain: {epochs: 3}\n")) == ["E0309"]

    def test_the_result_keeps_the_tree_where_there_are_errors(self) -> None:
        result = check_net("lineer(3); output y = relu")
        assert result.file is not None
        assert result.spec is None
        assert not result.ok

    def test_a_parameter_without_a_value_asks_for_one(self) -> None:
        text = net("output y = linear(w)", head="param w: int")
        found = only(check_dlc(text))
        assert (found.code.number, underlined(found)) == ("E0308", "param w: int")
        assert check_dlc(text, sets=["w=4"]).ok

    @pytest.mark.parametrize(
        ("param", "ok"),
        [("int = 3", True), ("int = 3.0", False), ("float = 3", True), ("bool = true", True),
         ("bool = 1", False), ("text = a", True), ('text = "a b"', True), ("text = 3", False),
         ("int = true", False), ('float = "3"', False), ("float = 1 / 3", True)],
    )  # fmt: skip
    def test_the_type_of_a_parameter_is_held(self, param: str, ok: bool) -> None:
        result = check_net("output y = relu", head=f"param q: {param}")
        assert errors(result) == ([] if ok else ["E0301"])

    def test_parameters_see_those_above(self) -> None:
        good = check_net("output y = linear(b)", head="param a = 2; param b = a * 4")
        assert good.ok
        bad = check_net("output y = linear(b)", head="param b = a * 4; param a = 2")
        assert errors(bad)[0] == "E0202"


class TestSections:
    @pytest.mark.parametrize(
        ("loss", "weights"),
        [
            ("cross_entropy(logits, label)", [1]),
            ("'cross_entropy(logits, label)'", [1]),
            ("{cross_entropy: [logits, label]}", [1]),
            ("{cross_entropy: {input: logits, target: label}}", [1]),
            ("p * cross_entropy(logits, label)", [0.3]),
            ("-cross_entropy(logits, label) / 2", [-0.5]),
            ("cross_entropy(logits, label) - 0.5 * nll_loss(logits, label)", [1, -0.5]),
            ("2 * (nll_loss(logits, label) - nll_loss(logits, label) / 4) * 3", [6, -1.5]),
        ],
    )
    def test_a_loss_is_a_weighted_sum(self, loss: str, weights: list[float]) -> None:
        terms = compiled(with_section(f"loss: {loss}")).settings.loss
        assert [term.weight for term in terms] == weights

    @pytest.mark.parametrize(
        ("loss", "code"),
        [
            ("2", "E0115"),
            ("[1]", "E0115"),
            ("cross_entropy(logits, label) * nll_loss(logits, label)", "E0115"),
            ("1 / cross_entropy(logits, label)", "E0115"),
            ("cross_entropy(logits, label) ** 2", "E0115"),
            ("cross_entropy(logits, label) + 1", "E0115"),
            ("cross_entropy(logits, label) / 0", "E0307"),
            ("cross_entropy(logits, label) / (p - p)", "E0307"),
            ("q * cross_entropy(logits, label)", "E0202"),
            ("true * cross_entropy(logits, label)", "E0301"),
            ("cross_entropi(logits, label)", "E0210"),
            ("cross_entropy(logit, label)", "E0202"),
            ("cross_entropy(x, label)", "E0216"),
            ("mse_loss(logits, label)", "E0402"),
        ],
    )
    def test_what_is_no_loss(self, loss: str, code: str) -> None:
        assert errors(with_section(f"loss: {loss}")) == [code]

    @pytest.mark.parametrize(
        "metrics",
        ["accuracy(logits, label)", "[{accuracy: [logits, label]}]", "'accuracy(logits, label)'",
         "{accuracy: [logits, label]}", "\n  - accuracy(logits, label)"],
    )  # fmt: skip
    def test_metrics_are_one_or_a_list(self, metrics: str) -> None:
        assert len(compiled(with_section(f"metrics: {metrics}")).settings.metrics) == 1

    @pytest.mark.parametrize("section", ["train:", "train: {}", ""])
    def test_an_absent_and_an_empty_section_are_all_defaults(self, section: str) -> None:
        train = compiled(with_section(section)).settings.train
        assert train == compiled(with_section("train: {seed: 0}")).settings.train

    @pytest.mark.parametrize(
        ("section", "code", "place"),
        [
            ("train: 3", "E0115", "3"),
            ("train: {epoch: 3}", "E0206", "epoch"),
            ("train: {epochs: 0}", "E0302", "0"),
            ("train: {epochs: 1.5}", "E0301", "1.5"),
            ("trian: {epochs: 3}", "E0207", "trian"),
            ("optimizer: sgd(lr=0.1)", "E0309", "optimizer"),
            ("schedule: cosine", "E0309", "schedule"),
            ("init: 3", "E0115", "3"),
            ("init: {linaer: normal}", "E0201", "linaer"),
            ("init: {linear: nrmal}", "E0210", "nrmal"),
            ("preprocess: {y: standardize}", "E0202", "y"),
            ("preprocess: {x: standardise}", "E0210", "standardise"),
            ("preprocess: 3", "E0115", "3"),
            ("postprocess: {y: softmax}", "E0202", "y"),
            ("metrics: acuracy(logits, label)", "E0210", "acuracy"),
            ("targets: {x: 'int[N]'}", "E0203", "x"),
            ("data: {columns: {x: a}}", "E0303", "{columns: {x: a}}"),
            ("search: {space: {q: 'uniform(0, 1)'}}", "E0214", "q"),
            ("search: {space: {optimizer.lr: 'uniform(0, 1)'}}", "E0214", "optimizer.lr"),
            ("search: {space: {train.foo: 'uniform(0, 1)'}}", "E0214", "train.foo"),
            ("search: {space: {model.stm.bias: 'choice(1, 2)'}}", "E0214", "model.stm.bias"),
            ("search: {space: {model.stem.foo: 'choice(1, 2)'}}", "E0214", "model.stem.foo"),
        ],
    )
    def test_a_mistake_in_a_section(self, section: str, code: str, place: str) -> None:
        found = only(with_section(section))
        assert (found.code.number, underlined(found)) == (code, place)

    @pytest.mark.parametrize(
        "path", ["p", "train.epochs", "train.clip_grad_norm", "train.early_stopping.patience",
                 "optimizer.lr", "optimizer.momentum", "model.stem.out_features",
                 "model.inner.out_features"],
    )  # fmt: skip
    def test_a_search_goes_over_all_that_could_be_set(self, path: str) -> None:
        text = TRAINED.replace("optimizer.lr:", f"{path}:").replace(', p: "uniform(0, 1)"', "")
        assert check_yaml(text).ok

    def test_every_input_and_target_is_filled(self) -> None:
        found = only(with_section("data: {source: a.csv, columns: {x: a}}"))
        assert found.code.number == "E0213"
        assert "`label`" in found.message
        assert with_section("data: {source: a.csv, columns: {x: a, label: b}}").ok
        # Columns that bear the names need no listing.
        assert with_section("data: {source: a.csv}").ok

    def test_a_step_that_names_an_input_fills_it(self) -> None:
        assert check_file(SPECS / "bert_base.yaml").ok
        text = (SPECS / "bert_base.yaml").read_text(encoding="utf-8")
        changed = text.replace(", mask: mask", "").replace(", mask=mask", "", 1)
        result = check(Source("bert_base.yaml", changed, "yaml"), path=SPECS / "bert_base.yaml")
        assert changed != text
        assert "E0213" in errors(result) or "E0303" in errors(result), shown(result)


class TestOverrides:
    @pytest.mark.parametrize(
        "argument",
        ["p=0.2", "w=16", "w=4 * 4", "optimizer.lr=1e-3", "optimizer=adam(lr=1)", "optimizer=adam",
         "model.stem.out_features=32", "model.inner.bias=false", "model.stem.out_features=w * 2",
         "train.early_stopping=null", "train.early_stopping.patience=7", "train.seed=5",
         "train.clip_grad_norm=1", "train.checkpoint.keep=1", "schedule=cosine(warmup_epochs=1)",
         "schedule=cosine", "search.space.optimizer.lr=uniform(0, 1)",
         "search.space.w=choice(1, 2)",
         "search.space.p=null", "search=null", "metrics=[f1(logits, label)]",
         "loss=nll_loss(logits, label)", " p = 0.2", "data.source=data/x.csv",
         "export.opset=20"],
    )  # fmt: skip
    def test_a_value_can_be_set(self, argument: str) -> None:
        before, after = check_yaml(TRAINED), check_yaml(TRAINED, sets=[argument])
        assert compiled(after).digest != compiled(before).digest

    def test_a_set_value_is_the_value(self) -> None:
        settings = compiled(
            check_yaml(TRAINED, sets=["optimizer.lr=1e-3", "train.epochs=7"])
        ).settings
        assert getattr(settings.optimizer, "lr", None) == 1e-3
        assert settings.train.epochs == 7
        assert settings.train.early_stopping is not None

    def test_the_last_of_two_wins(self) -> None:
        result = check_yaml(TRAINED, sets=["train.epochs=7", "train.epochs=8"])
        assert compiled(result).settings.train.epochs == 8

    def test_null_takes_away(self) -> None:
        result = check_yaml(TRAINED, sets=["train.early_stopping=null", "search=null"])
        settings = compiled(result).settings
        assert settings.train.early_stopping is None
        assert settings.search is None

    def test_a_search_key_with_dots_is_one_key(self) -> None:
        result = check_yaml(TRAINED, sets=["search.space.optimizer.lr=uniform(0, 1)"])
        search = compiled(result).settings.search
        assert search is not None
        assert sorted(search.space) == ["optimizer.lr", "p"]
        assert search.space["optimizer.lr"].name == "uniform"

    def test_setting_what_is_already_so_changes_nothing(self) -> None:
        before = compiled(check_yaml(TRAINED))
        after = compiled(check_yaml(TRAINED, sets=["p=0.3", "optimizer.momentum=0.0"]))
        assert after.digest == before.digest
        assert after.spec == before.spec

    def test_layers_of_the_changed_network_are_typed_anew(self) -> None:
        result = check_yaml(TRAINED, sets=["model.inner.out_features=9"])
        assert layers(result) == ["stem", "inner.0", "inner.1", "dropout", "logits"]
        assert compiled(result).program.parameter_count == 72 + 81 + 90 + 30

    @pytest.mark.parametrize(
        ("argument", "code", "place"),
        [
            ("p", "E0214", "p"),
            ("", "E0214", ""),
            ("=3", "E0214", "=3"),
            ("q=3", "E0214", "q"),
            ("p.q=3", "E0214", "p.q"),
            ("optimzer.lr=3", "E0214", "optimzer.lr"),
            ("optimizer.lr.x=3", "E0214", "optimizer.lr.x"),
            ("model.stm.out_features=3", "E0214", "model.stm.out_features"),
            ("model.stem=3", "E0214", "model.stem"),
            ("model=3", "E0214", "model"),
            ("dlc=2", "E0214", "dlc"),
            ("layers=3", "E0214", "layers"),
            ("inputs.x=3", "E0214", "inputs.x"),
            ("optimizer.lrr=3", "E0205", "optimizer.lrr"),
            ("model.stem.foo=3", "E0205", "model.stem.foo"),
            ("train.epoch=3", "E0206", "train.epoch"),
            ("train..epochs=3", "E0206", "train..epochs"),
            ("optimizer.lr=", "E0101", ""),
            ("optimizer.lr=[", "E0103", ""),
            ("optimizer.lr=x", "E0202", "x"),
            ("optimizer.lr=-1", "E0302", "-1"),
            ("optimizer.lr=9**9**9", "E0307", "9**9"),
            ("optimizer=adm", "E0210", "adm"),
            ("train.epochs=true", "E0301", "true"),
            ("train=3", "E0115", "3"),
            ("model.stem.out_features=0", "E0302", "0"),
            ("loss=mse_loss(logits, label)", "E0402", "label"),
        ],
    )
    def test_a_mistake_points_into_the_argument(self, argument: str, code: str, place: str) -> None:
        found = only(check_yaml(TRAINED, sets=[argument]))
        assert (found.code.number, underlined(found)) == (code, place)
        assert found.source is not None
        assert found.source.name == "--set"

    def test_several_mistakes_are_told_together(self) -> None:
        result = check_yaml(TRAINED, sets=["q=3", "optimizer.lr=[", "train.epochs=4"])
        assert codes(result) == ["E0214", "E0103"]

    def test_the_mistakes_of_the_spec_go_first(self) -> None:
        assert codes(check_yaml(TRAINED.replace("linear", "lineer"), sets=["q=3"])) == ["E0201"] * 3


# ── growth ───────────────────────────────────────────────────────────────────


def _dlc(count: int) -> str:
    body = "conv2d(8, 3, padding=1)\nbatch_norm2d\nrelu\n" * (count // 3)
    return net(f"{body}output y = flatten", inputs="x: float[N, 3, 32, 32]")


def _yaml(count: int) -> str:
    layer = (
        "  - conv2d: {out_channels: 8, kernel_size: 3, padding: 1}\n  - batch_norm2d\n  - relu\n"
    )
    head = 'dlc: 1\ninputs: {x: "float[N, 3, 32, 32]"}\nlayers:\n'
    return head + layer * (count // 3) + "  - flatten:\n    output: y\n"


def _turns(count: int) -> str:
    names = "\n".join(f"a{i} = tanh" for i in range(count // 4))
    body = f"{names}\nrepeat {count // 4} {{ h = linear(8)\nh + x -> relu }}"
    return net(f"{body}\noutput y = relu")


def _blocks(count: int) -> str:
    head = "\n".join(
        f"block B{i}(w: int) {{ residual {{ linear(w) -> relu }} }}" for i in range(count // 4)
    )
    body = "\n".join(f"B{i}(8)" for i in range(count // 4))
    return net(f"{body}\noutput y = relu", head=head)


def _bodies(count: int) -> str:
    body = "\n".join(f"a{i} = residual {{ b = relu\nb * 2 }}" for i in range(count // 3))
    return net(f"{body}\noutput y = relu")


def _params(count: int) -> str:
    head = "\n".join(f"param p{i} = {'p' + str(i - 1) if i else '1'} + 0" for i in range(count))
    return net(f"output y = linear(p{count - 1})", head=head)


GROWTH = {"dlc": _dlc, "yaml": _yaml, "turns": _turns, "blocks": _blocks, "bodies": _bodies,
          "params": _params}  # fmt: skip


def work(source: Source) -> int:
    """How many calls of functions, of Python and of C, checking takes."""
    count = 0

    def tick(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        result = check(source)
    finally:
        sys.setprofile(before)
    assert result.ok, shown(result)
    return count


@pytest.mark.parametrize("shape", GROWTH)
def test_the_work_grows_with_the_length_of_the_spec(shape: str) -> None:
    surface = "yaml" if shape == "yaml" else "dlc"
    make = GROWTH[shape]
    check(Source("net", make(30), surface))  # what is imported on use
    small, large = (work(Source("net", make(count), surface)) for count in (300, 3_000))
    assert large < 13 * small


@pytest.mark.full
@pytest.mark.parametrize("surface", ["dlc", "yaml"])
def test_the_work_grows_alike_up_to_ten_thousand_layers(surface: str) -> None:
    make = GROWTH[surface]
    check(Source("net", make(30), surface))
    works = [work(Source("net", make(count), surface)) for count in (10, 100, 1_000, 10_000)]
    per_layer = [found / 10**power for power, found in enumerate(works, 1)]
    assert per_layer[3] < 1.2 * per_layer[2] < 1.5 * per_layer[1]
