"""Two specs side by side: what differs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from checking import SPECS, check_dlc, check_file, check_yaml, compiled

from dlc.compiler.semantics.differences import spec_differences

HEAD = """\
dlc 1
param width = 8
model Net {
  input x: float[N, 4]
"""
TAIL = """\
  output y = linear(2)
}
target t: float[N, 2]
loss = mse_loss(y, t)
"""


def differences(
    before: str, after: str, *, sets: Sequence[str] = (), tail: tuple[str, str] = ("", "")
) -> list[tuple[str, str | None, str | None]]:
    specs = [
        compiled(check_dlc(HEAD + text + TAIL + end, sets=given)).spec
        for text, end, given in zip((before, after), tail, ((), sets), strict=True)
    ]
    return [(d.path, d.before, d.after) for d in spec_differences(*specs)]


def test_the_same_spec_in_both_surfaces_does_not_differ() -> None:
    both = [compiled(check_file(SPECS / f"resnet18.{surface}")).spec for surface in ("yaml", "dlc")]
    assert spec_differences(*both) == ()


def test_a_setting_that_differs_is_named_by_its_path() -> None:
    spec = (SPECS / "lenet5.yaml").read_text(encoding="utf-8")
    changed = ("optimizer.lr=1e-2", "train.early_stopping=null", "p=0.1")
    specs = [compiled(check_yaml(spec, sets=sets)).spec for sets in ((), changed)]
    found = {d.path: (d.before, d.after) for d in spec_differences(*specs)}
    assert found["optimizer.lr"] == ("3e-3", "1e-2")
    assert found["params.p"] == ("0.3", "0.1")
    assert set(found) == {"optimizer.lr", "params.p", "train.early_stopping"}


def test_another_optimizer_is_one_difference() -> None:
    tail = ("optimizer = sgd(lr=0.1)", "optimizer = adam(lr=0.1)")
    ((path, before, after),) = differences("linear(3)\n", "linear(3)\n", tail=tail)
    assert path == "optimizer"
    assert before is not None
    assert after is not None
    assert before.startswith("sgd(lr=0.1")
    assert after.startswith("adam(lr=0.1")


def test_a_layer_is_compared_by_its_arguments() -> None:
    before = "linear(3)\nrelu\nlinear(5)\n"
    assert differences(before, before.replace("5", "6")) == [
        ("layers.linear_2.out_features", "5", "6")
    ]


def test_a_new_layer_moves_none_of_the_others() -> None:
    found = differences("linear(3)\ntanh\n", "linear(3)\ndropout(0.5)\ntanh\n")
    assert found == [("layers.dropout", None, "dropout(p=0.5)")]


def test_inside_repeats_and_residuals_the_place_is_kept() -> None:
    before = "repeat 2 {\n residual {\n linear(4)\n tanh\n }\n}\n"
    after = before.replace("tanh", "relu").replace("repeat 2", "repeat 3")
    assert differences(before, after) == [
        ("layers.repeat", "2", "3"),
        ("layers.repeat.residual.tanh", "tanh", None),
        ("layers.repeat.residual.relu", None, "relu"),
    ]


def test_what_goes_into_a_layer_counts() -> None:
    before = "a = linear(4)\nb = x -> linear(4)\na + b -> tanh\n"
    assert differences(before, before.replace("a + b", "a - b")) == [
        ("layers.tanh.from", "a + b", "a - b")
    ]
