"""The text form: what a person sees, sign by sign."""

from __future__ import annotations

import re
import time
from textwrap import dedent

import pytest

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Applicability, Diagnostic, Edit, Fix, Label
from dlc.compiler.diagnostics.render import render
from dlc.compiler.diagnostics.render.display import lay_out, visible, width
from dlc.compiler.source import Source, Span


def source(text: str, name: str = "net.dlc") -> Source:
    return Source(name, dedent(text).lstrip("\n"), "dlc")


def span(src: Source, text: str, nth: int = 0) -> Span:
    at = -1
    for _ in range(nth + 1):
        at = src.text.index(text, at + 1)
    return src.span(at, at + len(text))


def shown(*diagnostics: Diagnostic, color: bool = False, columns: int = 100) -> str:
    return render(diagnostics, "text", color=color, width=columns)


def page(text: str) -> str:
    return dedent(text).strip("\n")


def test_a_misspelt_key_takes_six_lines_and_the_closing_one() -> None:
    src = Source("lenet.yaml", "dlc: 1\n\nlayers:\n  - conv2d: {out_channels: 6, kernal_size: 5}\n")
    wrong = span(src, "kernal_size")
    text = shown(
        Diagnostic(
            code("E0205"),
            "`conv2d` has no argument `kernal_size`",
            Label(wrong),
            help="there is an argument with a similar name: `kernel_size`",
            fix=Fix("rename it", (Edit(wrong, "kernel_size"),)),
        )
    )
    assert text == page(
        """
        error[E0205]: `conv2d` has no argument `kernal_size`
         --> lenet.yaml:4:31
        4 |   - conv2d: {out_channels: 6, kernal_size: 5}
          |                               ^^^^^^^^^^^
          = help: there is an argument with a similar name: `kernel_size`
          = explain: dlc explain E0205

        1 error in lenet.yaml
        """
    )


def test_lines_between_places_are_left_out_but_for_a_single_one() -> None:
    src = source(
        """
        a = conv2d(64, 3)
        relu
        b = conv2d(128, 3)
        relu
        relu
        relu
        a + b
        """
    )
    text = shown(
        Diagnostic(
            code("E0402"),
            "the sizes differ",
            Label(span(src, "a + b"), "64 and 128 channels"),
            (Label(span(src, "a"), "64"), Label(span(src, "b"), "128")),
            notes=("one\ntwo",),
        )
    )
    assert text == page(
        """
        error[E0402]: the sizes differ
         --> net.dlc:7:1
        1 | a = conv2d(64, 3)
          | - 64
        2 | relu
        3 | b = conv2d(128, 3)
          | - 128
        ...
        7 | a + b
          | ^^^^^ 64 and 128 channels
          = note: one
                  two
          = explain: dlc explain E0402

        1 error in net.dlc
        """
    )


def test_several_texts_on_one_line_hang_below_each_other() -> None:
    src = source("y = conv2d(x, out=8, kernel=5)\n")
    text = shown(
        Diagnostic(
            code("E0405"),
            "a 5x5 kernel does not fit a side of 4",
            Label(span(src, "5"), "needs a side of at least 5"),
            (Label(span(src, "x"), "float[N, 3, 4, 4]"), Label(span(src, "8"), "fine")),
        )
    )
    assert (
        text.splitlines()[2:7]
        == page(
            """
        1 | y = conv2d(x, out=8, kernel=5)
          |            -      -         ^ needs a side of at least 5
          |            |      |
          |            |      fine
          |            float[N, 3, 4, 4]
        """
        ).splitlines()
    )


def test_the_primary_is_drawn_over_a_secondary_and_both_speak() -> None:
    src = source("linear(10, units=3)\n")
    text = shown(
        Diagnostic(
            code("E0205"),
            "m",
            Label(span(src, "units"), "unknown"),
            (Label(src.span(0, 19), "this call"),),
        )
    )
    assert (
        text.splitlines()[2:6]
        == page(
            """
        1 | linear(10, units=3)
          | -----------^^^^^---
          | |          |
          | |          unknown
        """
        ).splitlines()
    )


def test_regions_over_several_lines_have_lanes() -> None:
    src = source("x = residual {\n  conv2d(3, 3)\n  relu\n}\nresidual {\n" + "  relu\n" * 9 + "}\n")
    short = src.span(4, src.text.index("}") + 1)
    long = src.span(src.text.index("residual", 10), len(src.text))
    text = shown(Diagnostic(code("E0402"), "m", Label(long, "here"), (Label(short, "there"),)))
    assert (
        text.splitlines()[2:-3]
        == page(
            """
         1 |     x = residual {
           |    _____-
         2 |   |   conv2d(3, 3)
         3 |   |   relu
         4 |   | }
           |   |_- there
         5 | /   residual {
         6 | |     relu
        ...  |
        15 | |   }
           | |___^ here
        """
        ).splitlines()
    )


def test_a_label_in_another_file_shows_that_file() -> None:
    main = source("ConvBlock(8)\n")
    other = Source("blocks/conv.dlc", "dlc 1\n\nblock ConvBlock { relu }\n", "dlc")
    text = shown(
        Diagnostic(
            code("E0305"),
            "`ConvBlock` takes no arguments",
            Label(span(main, "8")),
            (Label(span(other, "ConvBlock"), "declared here"),),
        )
    )
    assert text == page(
        """
        error[E0305]: `ConvBlock` takes no arguments
         --> net.dlc:1:11
        1 | ConvBlock(8)
          |           ^
         ::: blocks/conv.dlc:3:7
        3 | block ConvBlock { relu }
          |       --------- declared here
          = explain: dlc explain E0305

        1 error in net.dlc
        """
    )


def test_the_end_of_the_file_is_after_the_last_word() -> None:
    src = source("linear(3\n\n\n")
    text = shown(Diagnostic(code("E0103"), "m", Label(src.span(len(src.text)), "missing `)`")))
    assert text.splitlines()[1:4] == [
        " --> net.dlc:1:9",
        "1 | linear(3",
        "  |         ^ missing `)`",
    ]


def test_an_empty_file_has_a_place_too() -> None:
    src = source("")
    text = shown(Diagnostic(code("E0113"), "m", Label(src.span(0))))
    assert text.splitlines()[1:4] == [" --> net.dlc:1:1", "1 |", "  | ^"]


def test_a_span_that_ends_in_a_line_break_marks_one_line() -> None:
    src = source("relu\ntanh\n")
    text = shown(Diagnostic(code("E0201"), "m", Label(src.span(0, 5))))
    assert text.splitlines()[2:4] == ["1 | relu", "  | ^^^^"]


def test_wide_combining_and_tab_characters_keep_the_marks_in_line() -> None:
    # 名前 takes four columns, the accent none, the tab up to the next multiple of four.
    line = "名前 e\u0301\t= linaer(3)"
    src = source(line + "\n")
    text = shown(Diagnostic(code("E0201"), "m", Label(span(src, "linaer"))))
    drawn, marks = text.splitlines()[2:4]
    before = drawn[: drawn.index("linaer")]
    assert width(before) == marks.index("^")
    assert marks.count("^") == 6


def test_a_mark_under_wide_characters_is_as_wide() -> None:
    src = source("名前(3)\n")
    text = shown(Diagnostic(code("E0116"), "m", Label(span(src, "名前"))))
    assert text.splitlines()[3] == "  | ^^^^"


@pytest.mark.parametrize("before", [0, 5, 500, 5000])
def test_a_long_line_is_cut_around_the_mark(before: int) -> None:
    src = source("x" * before + " kernal " + "y" * 3000)
    text = shown(Diagnostic(code("E0205"), "m", Label(span(src, "kernal"))), columns=80)
    drawn, marks = text.splitlines()[2:4]
    assert len(drawn) <= 80
    assert drawn[marks.index("^") : marks.rindex("^") + 1] == "kernal"
    assert drawn.endswith("…")
    assert drawn.startswith("1 | …") == (before > 80)


def test_a_line_of_a_megabyte_is_not_measured_whole() -> None:
    text = "x" * 8_000_000
    started = time.perf_counter()
    line = lay_out(text, 100, 4_000_000, 4_000_003)
    assert time.perf_counter() - started < 1
    assert len(line.text) <= 100
    assert line.column(4_000_003) - line.column(4_000_000) == 3


def test_control_and_bidirectional_characters_do_not_reach_the_terminal() -> None:
    src = Source("a\x1b[2J.yaml", "x: \x1b[31m \u202e evil\n")
    text = shown(
        Diagnostic(code("E0102"), "bad \x07", Label(src.span(3, 4), "\x9b"), notes=("\r",))
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_visible_leaves_plain_text_alone() -> None:
    assert visible("käse 名前 `x`") == "käse 名前 `x`"


def test_a_fix_that_the_help_does_not_tell_is_a_small_diff() -> None:
    src = source("conv2d(8, 3)\nbatch_norm2d\nrelu\n")
    text = shown(
        Diagnostic(
            code("W0103"),
            "batch norm subtracts this bias again",
            Label(span(src, "conv2d(8, 3)")),
            fix=Fix(
                "leave the bias out",
                (Edit(src.span(11), ", bias=false"),),
                Applicability.UNSAFE,
            ),
        )
    )
    assert text == page(
        """
        warning[W0103]: batch norm subtracts this bias again
         --> net.dlc:1:1
        1 | conv2d(8, 3)
          | ^^^^^^^^^^^^
          = fix: leave the bias out (changes what the spec means)
            1 - conv2d(8, 3)
            1 + conv2d(8, 3, bias=false)
          = explain: dlc explain W0103

        1 warning in net.dlc
        """
    )


def test_a_finding_without_a_place_and_advice_is_one_line() -> None:
    assert shown(Diagnostic(code("E0603"), "`dlc train` needs PyTorch")) == (
        "error[E0603]: `dlc train` needs PyTorch"
    )


def test_nothing_found_is_nothing_said() -> None:
    assert shown() == ""


def test_at_most_twenty_are_shown_errors_first_and_the_rest_counted() -> None:
    src = source("relu\n" * 40)
    warnings = [Diagnostic(code("W0101"), f"w{i}", Label(span(src, "relu", i))) for i in range(15)]
    errors = [
        Diagnostic(code("E0201"), f"e{i}", Label(span(src, "relu", i))) for i in range(15, 30)
    ]
    text = shown(*warnings, *errors)
    assert text.count("error[E0201]") == 15
    assert text.count("warning[W0101]") == 5
    assert text.count("= explain:") == 2
    assert text.splitlines()[-1] == (
        "15 errors, 15 warnings in net.dlc; 10 not shown, `--format concise` lists all"
    )


def test_the_closing_line_counts_what_was_dropped_and_names_the_files() -> None:
    a, b = source("relu\n"), source("relu\n", "b.dlc")
    both = [Diagnostic(code("E0201"), "m", Label(s.whole)) for s in (a, b)]
    text = render(both, "text", dropped=7)
    assert text.splitlines()[-1] == "2 errors, 7 more not kept in 2 files"


def test_colour_changes_nothing_but_colour() -> None:
    src = source("linaer(3)\n")
    diagnostic = Diagnostic(
        code("E0201"),
        "no op is called `linaer`",
        Label(span(src, "linaer"), "here"),
        help="there is an op with a similar name: `linear`",
    )
    plain, colored = shown(diagnostic), shown(diagnostic, color=True)
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain
