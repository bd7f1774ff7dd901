"""The specs of the zoo: two surfaces, one spec."""

from __future__ import annotations

import pytest

from dlc.compiler import Compilation, Source, check
from dlc.compiler.components import registry
from dlc.compiler.components.base import arguments
from dlc.compiler.syntax import tree
from tests.checking import SPECS, check_file, compiled
from tests.zoo.networks import ZOO

both_surfaces = pytest.mark.parametrize("surface", ["yaml", "dlc"])
all_pairs = pytest.mark.parametrize("name", ZOO)


def pair(name: str) -> tuple[Compilation, Compilation]:
    yaml, dlc = (compiled(check_file(SPECS / f"{name}.{s}")) for s in ("yaml", "dlc"))
    return yaml, dlc


@all_pairs
@both_surfaces
def test_what_is_allowed_is_allowed_for_a_reason(name: str, surface: str) -> None:
    text = (SPECS / f"{name}.{surface}").read_text(encoding="utf-8")
    for line in text.splitlines():
        _, comment, after = line.partition("dlc: allow[")
        if comment:
            reason = after.partition("]")[2]
            assert len(reason.removeprefix(":").split()) >= 2, line


@all_pairs
def test_both_surfaces_bind_to_equal_specs_with_equal_digests(name: str) -> None:
    yaml, dlc = pair(name)
    assert yaml.spec == dlc.spec
    assert yaml.canonical == dlc.canonical
    assert yaml.digest == dlc.digest
    assert yaml.graph_digest == dlc.graph_digest


@all_pairs
def test_both_surfaces_give_equal_graphs_and_settings(name: str) -> None:
    yaml, dlc = pair(name)
    assert yaml.program == dlc.program
    assert yaml.settings == dlc.settings


@all_pairs
def test_a_pair_is_free_of_findings(name: str) -> None:
    for surface in ("yaml", "dlc"):
        assert check_file(SPECS / f"{name}.{surface}").diagnostics == ()


@all_pairs
def test_parameters_count_as_in_the_published_networks(name: str) -> None:
    for compilation in pair(name):
        assert compilation.program.parameter_count == ZOO[name].parameters


@all_pairs
@both_surfaces
def test_the_canonical_text_compiles_to_the_same_spec(name: str, surface: str) -> None:
    first = compiled(check_file(SPECS / f"{name}.{surface}"))
    source = Source(f"{name}.yaml", first.canonical, "yaml")
    # Imported blocks stand in it: it needs no folder.
    again = compiled(check(source))
    assert again.spec == first.spec
    assert again.canonical == first.canonical
    assert again.digest == first.digest
    assert again.program == first.program


@all_pairs
def test_every_default_of_every_layer_is_written_out(name: str) -> None:
    spec = pair(name)[0].spec
    assert spec.model is not None
    bodies = [spec.model.body, *(block.body for block in spec.blocks)]
    seen = 0
    for call in (c for body in bodies for c in calls(body)):
        if call.name.text not in registry.names("op"):
            continue
        seen += 1
        written = {a.name.text for a in call.arguments if a.name is not None}
        assert len(written) == len(call.arguments), call.name
        table = arguments(registry.load("op", call.name.text))
        absent = {key for key, spec in table.items() if spec.default in (None, ())}
        assert set(table) - absent <= written, call.name
    assert seen


def calls(steps: tuple[tree.Step, ...]) -> list[tree.Call]:
    found: list[tree.Call] = []
    for step in steps:
        match step.operation:
            case tree.Call() as call:
                found.append(call)
            case tree.Repeat(body=body):
                found += calls(body)
            case tree.If(then=then, otherwise=otherwise):
                found += calls(then) + calls(otherwise or ())
            case tree.Residual(body=body, shortcut=shortcut):
                found += calls(body) + calls(shortcut or ())
    return found


def test_the_digest_says_nothing_of_spelling_but_of_every_value() -> None:
    text = (SPECS / "lenet5.yaml").read_text(encoding="utf-8")
    path = SPECS / "lenet5.yaml"

    def digest(changed: str) -> str:
        assert changed != text
        return compiled(check(Source("lenet5.yaml", changed, "yaml"), path=path)).digest

    same = compiled(check_file(path)).digest
    assert digest(text.replace("lr: 3e-3", "lr: 0.003")) == same
    assert digest(text.replace("\ninit:", "\n\n# how weights start\ninit:")) == same
    assert digest(text.replace("lr: 3e-3", "lr: 2e-3")) != same
    assert digest(text + "\n# the end\n") == same


def test_the_graph_digest_ignores_the_training() -> None:
    path = SPECS / "lenet5.yaml"
    plain = compiled(check_file(path))
    other = compiled(check_file(path, sets=["optimizer.lr=0.5", "train.epochs=1"]))
    wider = compiled(check_file(path, sets=["model.logits.out_features=11"]))
    assert other.digest != plain.digest
    assert other.graph_digest == plain.graph_digest
    assert wider.graph_digest != plain.graph_digest


def test_the_digest_includes_what_set_changed() -> None:
    path = SPECS / "lenet5.yaml"
    assert compiled(check_file(path, sets=["p=0.3"])).digest == compiled(check_file(path)).digest
    assert compiled(check_file(path, sets=["p=0.4"])).digest != compiled(check_file(path)).digest


NAMES = {
    "lenet5": [
        "normalize", "conv2d", "batch_norm2d", "tanh", "avg_pool2d", "conv2d_2", "tanh_2",
        "avg_pool2d_2", "flatten", "linear", "tanh_3", "dropout", "linear_2", "tanh_4", "logits",
    ],
    "resnet18": [
        "normalize", "conv2d", "batch_norm2d", "relu", "max_pool2d", "stage.0", "stage.1",
        "stage.2", "stage.3", "global_avg_pool", "dropout", "logits",
    ],
    "bert_base": [
        "tok", "positions", "pos", "seg", "add", "add_2", "layer_norm", "dropout",
        *(f"encoder_layer.{i}" for i in range(12)), "linear", "gelu", "layer_norm_2", "logits",
    ],
    "multitask": [
        "normalize", *(f"conv_bn_relu.{i}" for i in range(4)), "visual", "batch_norm1d", "linear",
        "tabular", "concat", "dropout", "linear_2", "trunk", "emotion", "linear_3", "relu", "age",
    ],
    "skipgram": ["embedding", "v", "u", "score"],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_called_by_their_result_else_by_kind_and_turn(name: str) -> None:
    program = pair(name)[0].program
    assert [node.name for node in program.graph.nodes] == NAMES[name]


def test_state_dict_keys_go_through_blocks_and_turns() -> None:
    keys = [key for key, _ in pair("resnet18")[0].program.parameters()]
    assert keys[0] == "conv2d.weight"
    assert "stage.1.basic_block.0.conv2d_3.weight" in keys
    assert "stage.3.basic_block.1.batch_norm2d_2.running_mean" in keys
    assert keys[-2:] == ["logits.weight", "logits.bias"]
    assert len(keys) == len(set(keys))


def test_tied_weights_are_one_parameter() -> None:
    program = pair("bert_base")[0].program
    logits = next(node for node in program.graph.nodes if node.name == "logits")
    assert logits.shared == (("weight", "tok.weight"),)
    assert [p.name for p in logits.parameters] == ["bias"]


def test_a_parameter_of_the_spec_is_a_number_wherever_a_number_may_stand() -> None:
    steps = pair("skipgram")[0].settings.preprocess["center"]
    assert [getattr(step, "vocabulary", None) for step in steps] == [50_000]


def test_checking_twice_gives_the_same() -> None:
    first, second = check_file(SPECS / "bert_base.yaml"), check_file(SPECS / "bert_base.yaml")
    assert first.spec == second.spec
    assert compiled(first).program == compiled(second).program
