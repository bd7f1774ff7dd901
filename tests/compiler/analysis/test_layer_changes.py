"""Two networks side by side: which layer is which, and what differs of it."""

from __future__ import annotations

from checking import SPECS, check_file, check_net, compiled

from dlc.compiler.analysis.layer_changes import LayerChange, NetworkChange, layer_changes

BASE = "linear(16); relu; linear(16); relu; output y = linear(2)"


def changes(before: str, after: str, *, inputs: str = "x: float[N, 8]") -> NetworkChange:
    programs = [compiled(check_net(body, inputs=inputs)).program for body in (before, after)]
    return layer_changes(*programs)


def told(found: NetworkChange) -> list[tuple[str, str | None, str | None]]:
    return [(layer.change, layer.before, layer.after) for layer in found.layers]


def only(found: NetworkChange) -> LayerChange:
    assert len(found.layers) == 1, told(found)
    return found.layers[0]


def test_a_network_does_not_differ_from_itself_nor_its_other_surface() -> None:
    for name in ("resnet18", "bert_base", "unet"):
        programs = [compiled(check_file(SPECS / f"{name}.{s}")).program for s in ("yaml", "dlc")]
        found = layer_changes(*programs)
        assert found.is_none
        assert found.same == sum(1 for _ in programs[0].walk())


def test_another_argument_is_told_with_what_follows_from_it() -> None:
    found = changes(
        "a = linear(16); tanh; output y = linear(2)", "a = linear(24); tanh; output y = linear(2)"
    )
    first, second, third = found.layers
    assert first.differences == (
        ("out_features", "16", "24"),
        ("shape", "float[N, 16]", "float[N, 24]"),
        ("parameters", "144", "216"),
    )
    assert second.differences == (("shape", "float[N, 16]", "float[N, 24]"),)
    assert third.differences == (("parameters", "34", "50"),)
    assert (third.path, third.change) == ("y", "changed")


def test_an_inserted_layer_is_the_only_one_though_it_renumbers_those_behind_it() -> None:
    found = changes(
        BASE, BASE.replace("linear(16); relu; output", "linear(16); dropout(0.5); relu; output")
    )
    assert (only(found).change, only(found).text) == ("added", "dropout()")
    assert found.same == 5


def test_a_layer_put_before_others_of_its_kind_renames_them() -> None:
    found = changes(
        "linear(16); output y = linear(2)", "linear(4); linear(16); output y = linear(2)"
    )
    assert told(found) == [("added", None, "linear"), ("changed", "linear", "linear_2")]
    # It reads 4 numbers now instead of 8.
    assert found.layers[1].differences == (("parameters", "144", "80"),)


def test_a_renamed_layer_is_one_renamed() -> None:
    found = changes(
        "a = linear(16); relu; output y = linear(2)",
        "hidden = linear(16); relu; output y = linear(2)",
    )
    assert told(found) == [("renamed", "a", "hidden")]
    assert not found.layers[0].differences


def test_of_two_equal_layers_the_one_that_is_named_so_stays() -> None:
    found = changes(
        "a = linear(8); b = linear(8); output y = linear(2)", "b = linear(8); output y = linear(2)"
    )
    assert told(found) == [("removed", "a", None)]


def test_another_kind_under_the_same_name_is_one_change() -> None:
    found = changes("h = tanh; output y = linear(2)", "h = relu; output y = linear(2)")
    assert only(found).differences == (("kind", "tanh", "relu"),)


def test_what_a_layer_reads_counts_but_not_for_what_is_put_between() -> None:
    body = "a = linear(8); b = tanh; c = a + b -> relu; output y = linear(2)"
    found = changes(body, body.replace("a + b", "a + x"))
    change = only(found)
    assert change.path == "c" or change.kind == "add"
    assert change.differences == (("reads", "a, b", "a, x"),)
    assert only(changes(body, body.replace("b = tanh", "b = tanh; dropout(0.1)"))).change == "added"


def test_shared_weights_and_starts_count() -> None:
    body = "e = linear(8); output y = linear(8)"
    tied = body.replace("output y = linear(8)", "output y = linear(8, weight=e.weight)")
    change = only(changes(body, tied))
    assert ("shares weight", None, "e.weight") in change.differences
    assert ("parameters", "72", "8") in change.differences


def test_outputs_that_come_and_go_and_are_taken_elsewhere() -> None:
    before = "a = linear(4); output y = a; b = tanh; output z = b"
    found = changes(before, "a = linear(4); b = tanh; output y = b; output w = a")
    assert ("y", "of a", "of b") in found.outputs
    assert ("z", "float[N, 4]", None) in found.outputs
    assert ("w", None, "float[N, 4]") in found.outputs


def test_a_deeper_stack_is_the_layers_that_were_added() -> None:
    spec = SPECS / "bert_base.yaml"
    programs = [compiled(check_file(spec, (f"depth={n}",))).program for n in (4, 6)]
    found = layer_changes(*programs)
    assert {layer.change for layer in found.layers} == {"added"}
    assert {".".join(layer.path.split(".")[:2]) for layer in found.layers} == {
        "encoder_layer.4",
        "encoder_layer.5",
    }
    back = layer_changes(*reversed(programs))
    assert {layer.change for layer in back.layers} == {"removed"}
    assert len(back.layers) == len(found.layers)


def test_a_layer_that_moved_is_told_by_what_it_reads() -> None:
    found = changes(
        "a = linear(8); d = dropout(0.5); r = relu; output y = linear(2)",
        "a = linear(8); r = relu; d = dropout(0.5); output y = linear(2)",
    )
    assert not any(layer.change in ("added", "removed") for layer in found.layers)
    assert any(name == "reads" for layer in found.layers for name, _, _ in layer.differences)


def test_of_thousands_of_layers_that_are_alike_those_that_differ_are_told() -> None:
    many = "; ".join(["linear(8)", "relu"] * 1500)
    found = changes(
        f"dropout(0.1); {many}; output y = linear(2)",
        f"dropout(0.2); {many}; dropout(0.3); output y = linear(2)",
    )
    assert [layer.change for layer in found.layers] == ["changed", "added"]
