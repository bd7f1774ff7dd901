"""What is suggested for a misspelt or foreign word, and what is not."""

from __future__ import annotations

import pytest

from dlc.compiler.diagnostics.advice import ADVICE
from dlc.compiler.diagnostics.aliases import ALIASES
from dlc.compiler.diagnostics.suggest import closest, did_you_mean, listed, ranked

OPS = ("conv1d", "conv2d", "conv3d", "linear", "batch_norm1d", "batch_norm2d", "leaky_relu", "relu")
ARGUMENTS = ("out_channels", "kernel_size", "stride", "padding", "bias", "p")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("cov2d", "conv2d"),
        ("linaer", "linear"),
        ("Conv2D", "conv2d"),
        ("BatchNorm2d", "batch_norm2d"),
        ("LeakyReLU", "leaky_relu"),
        ("leakyrelu", "leaky_relu"),
        ("batch-norm2d", "batch_norm2d"),
        ("linexx", "linear"),
        ("lixxxr", None),
        ("xyz", None),
        ("transformer", None),
        ("", None),
    ],
)
def test_the_nearest_op_is_found_within_the_limit(word: str, meant: str | None) -> None:
    assert closest(word, OPS) == meant


def test_a_swap_of_neighbours_is_one_edit() -> None:
    assert closest("ab", ["ba"]) is None  # two letters: anything is near
    assert closest("abc", ["acb"]) == "acb"


def test_equality_but_for_case_goes_before_distance() -> None:
    assert ranked("RELU", ["relu6", "relu", "gelu"])[0] == "relu"


def test_ties_are_broken_by_name() -> None:
    assert ranked("conv4d", OPS) == ("conv1d", "conv2d", "conv3d")


def test_one_letter_never_becomes_another_letter() -> None:
    assert ranked("q", ["p", "N", "T"]) == ()


def test_a_word_without_end_costs_nothing() -> None:
    assert ranked("a" * 1_000_000, ["a" * 64]) == ()


@pytest.mark.parametrize(
    ("word", "candidates", "kind", "help_line"),
    [
        ("Dense", OPS, "op", "`Dense` is `linear` here"),
        ("fully_connected", OPS, "op", "`fully_connected` is `linear` here"),
        ("BatchNormalization", OPS, "op", "`BatchNormalization` is `batch_norm2d` here"),
        ("Conv2d", OPS, "op", "`Conv2d` is written `conv2d` here"),
        ("cov2d", OPS, "op", "there is an op with a similar name: `conv2d`"),
        ("filters", ARGUMENTS, "argument", "`filters` is `out_channels` here"),
        (
            "kernal_size",
            ARGUMENTS,
            "argument",
            "there is an argument with a similar name: `kernel_size`",
        ),
        (
            "activation",
            ARGUMENTS,
            "argument",
            "an activation is a layer of its own: put `relu`, `tanh`, ... after this one",
        ),
        (
            "glorot_uniform",
            ["xavier_uniform"],
            "initializer",
            "`glorot_uniform` is `xavier_uniform` here",
        ),
        (
            "lowercas",
            ["lowercase"],
            "preprocess",
            "there is a preprocess step with a similar name: `lowercase`",
        ),
        ("zebra", OPS, "op", ""),
    ],
)
def test_the_help_line_is_a_statement(
    word: str, candidates: tuple[str, ...], kind: str, help_line: str
) -> None:
    assert did_you_mean(word, candidates, kind).reason == help_line


def test_an_alias_is_offered_only_where_its_meaning_exists() -> None:
    assert did_you_mean("Dense", ["conv2d"], "op").word is None
    assert did_you_mean("bn", ["batch_norm1d"], "op").word == "batch_norm1d"
    assert did_you_mean("units", ["hidden_size", "num_layers"], "argument").word == "hidden_size"


def test_long_lists_are_cut_with_a_count() -> None:
    assert listed(["b", "a"]) == "`a`, `b`"
    assert listed([f"n{i:02}" for i in range(15)], limit=2) == "`n00`, `n01`, and 13 more"


def test_no_alias_maps_a_word_to_itself_and_no_word_has_both_an_alias_and_advice() -> None:
    for kind, table in ALIASES.items():
        for theirs, ours in table.items():
            assert ours, f"{kind} {theirs} means nothing"
            assert theirs not in ours, f"{kind} {theirs} means itself"
        assert not set(table) & set(ADVICE.get(kind, {})), kind


def test_every_alias_of_an_op_and_initializer_means_something_we_have() -> None:
    from dlc.compiler.components.registry import PACKAGES, names

    for kind in set(ALIASES) & set(PACKAGES):
        have = set(names(kind))
        if not have:
            continue
        for theirs in ALIASES[kind]:
            assert theirs not in have, f"`{theirs}` is a {kind} of ours and an alias"
    assert set(ADVICE) <= {*ALIASES, *PACKAGES}
