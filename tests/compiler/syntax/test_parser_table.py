"""The shipped LALR table is the grammar's."""

from __future__ import annotations

import json
import re

from dlc.compiler.syntax import table


def test_the_shipped_table_is_built_from_the_grammar() -> None:
    built = table.dump(table.build(table.grammar_text()))
    assert table.table_path().read_text(encoding="utf-8") == built, (
        "run `python -m dlc.compiler.syntax.table`"
    )


def test_the_table_is_plain_data() -> None:
    data = json.loads(table.table_path().read_text(encoding="utf-8"))
    assert set(data["starts"]) == set(table.STARTS)
    assert len(data["states"]) == len(table.load().states)


def test_every_rule_has_a_builder() -> None:
    from dlc.compiler.syntax.dsl import actions

    assert len(actions(table.load())) == len(table.load().rules)


def test_keywords_are_plain_words() -> None:
    words = table.load().keywords
    assert {"repeat", "residual", "if", "output"} <= set(words)
    assert all(re.fullmatch(r"[a-z]+", word) for word in words)


def test_no_terminal_nests_quantifiers() -> None:
    # `(a+)+` takes time exponential in the text; one level of repetition cannot.
    for pattern in table.load().patterns.values():
        assert not re.search(r"[*+]\)[*+]", pattern)
