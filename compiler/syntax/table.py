"""The LALR table: built from `grammar/dlc.lark` by Lark, shipped as plain JSON.

    python -m dlc.compiler.syntax.table        # rewrites grammar/dlc.lark.json

Lark is needed only to build the table. Reading the file takes about a millisecond;
importing Lark and letting it compile a regular expression for every parser state takes
fifty, half of what a cold `dlc check` may cost. What runs the table is `parser.py`.

The table is canonical: states are numbered in the order in which they are reached from
the start rules and rules are sorted, so that two versions of Lark give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

STARTS = ("start", "expr", "flow", "tensor_type", "range")
PASS = ""  # the rule's value is its only child
SPLICE = "+"  # the rule's value is the list of its children, spliced into its parent
END = "$END"

_FOLDER = Path(__file__).resolve().parents[2] / "grammar"


@dataclass(frozen=True, slots=True)
class Rule:
    """`origin` becomes of `length` symbols; `action` names the builder's method."""

    origin: str
    length: int
    action: str
    splices: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """States map a terminal or a rule's name to what to do on it.

    A number from 0 is the state to go to; a negative one, `-1 - n`, reduces by rule n.
    """

    rules: tuple[Rule, ...]
    states: tuple[Mapping[str, int], ...]
    starts: Mapping[str, tuple[int, int]]
    literals: Mapping[str, str]
    patterns: Mapping[str, str]

    @cached_property
    def keywords(self) -> Mapping[str, str]:
        """The words that the grammar spells out, to their terminals."""
        return {text: name for name, text in self.literals.items() if text.isalpha()}

    @cached_property
    def passes(self) -> tuple[str | None, ...]:
        """For each rule that only renames its single child, what it becomes."""
        return tuple(rule.origin if rule.action == PASS else None for rule in self.rules)

    @cached_property
    def scanner(self) -> re.Pattern[str]:
        """One expression for all terminals but the keywords; `lastgroup` is the terminal."""
        signs = {n: re.escape(t) for n, t in self.literals.items() if not t.isalpha()}
        longest_first = sorted(signs, key=lambda n: (-len(signs[n]), n))
        # NUMBER before the dots (`.5`), comparison before `=`.
        groups = [*self.patterns.items(), *((n, signs[n]) for n in longest_first)]
        return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in groups))


def grammar_text() -> str:
    return (_FOLDER / "dlc.lark").read_text(encoding="utf-8")


def table_path() -> Path:
    return _FOLDER / "dlc.lark.json"


@cache
def load() -> Table:
    """The shipped table."""
    data = json.loads(table_path().read_text(encoding="utf-8"))
    return Table(
        rules=tuple(Rule(o, n, a, tuple(s)) for o, n, a, s in data["rules"]),
        states=tuple(data["states"]),
        starts={name: (first, last) for name, (first, last) in data["starts"].items()},
        literals=data["literals"],
        patterns=data["patterns"],
    )


def build(grammar: str) -> dict[str, Any]:
    """The table of a grammar as JSON-ready data. Raises Lark's errors on a bad grammar."""
    import lark

    parser = lark.Lark(
        grammar,
        parser="lalr",
        start=list(STARTS),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
    # Lark has no public door to its table; `Lark.save` pickles, so we read it here.
    lalr: Any = parser.parser.parser
    raw = lalr._parse_table
    numbers = _canonical_numbers(raw)
    rules = sorted(parser.rules, key=lambda r: (r.origin.name, [s.name for s in r.expansion]))
    rule_numbers = {rule: n for n, rule in enumerate(rules)}
    states = [
        {
            symbol: numbers[target] if _is_shift(action) else -1 - rule_numbers[target]
            for symbol, (action, target) in sorted(raw.states[old].items())
        }
        for old in sorted(numbers, key=numbers.__getitem__)
    ]
    literals = {t.name: t.pattern.value for t in parser.terminals if t.pattern.type == "str"}
    patterns = {t.name: t.pattern.value for t in parser.terminals if t.pattern.type == "re"}
    return {
        "note": "built from dlc.lark by `python -m dlc.compiler.syntax.table`; not for editing",
        "grammar": hashlib.sha256(grammar.encode()).hexdigest(),
        "literals": dict(sorted(literals.items())),
        "patterns": dict(sorted(patterns.items())),
        "starts": {
            name: [numbers[raw.start_states[name]], numbers[raw.end_states[name]]]
            for name in STARTS
        },
        "rules": [_rule(rule) for rule in rules],
        "states": states,
    }


def dump(data: dict[str, Any]) -> str:
    """The file's text: one rule or state a line, so that a diff can be read."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list):
            rows = ",\n".join("  " + json.dumps(row) for row in value)
            lines.append(f"{json.dumps(key)}: [\n{rows}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _is_shift(action: Any) -> bool:
    return str(action) == "Shift"


def _canonical_numbers(raw: Any) -> dict[int, int]:
    order = [raw.start_states[name] for name in STARTS]
    numbers = {old: new for new, old in enumerate(order)}
    for old in order:
        for _, (action, target) in sorted(raw.states[old].items(), key=lambda item: item[0]):
            if _is_shift(action) and target not in numbers:
                numbers[target] = len(order)
                order.append(target)
    return numbers


def _rule(rule: Any) -> list[Any]:
    splices = [i for i, s in enumerate(rule.expansion) if s.name.startswith("_") and not s.is_term]
    origin = rule.origin.name
    if origin.startswith("_"):
        action = SPLICE
    elif rule.alias is None and rule.options.expand1 and len(rule.expansion) == 1:
        action = PASS
    else:
        action = rule.alias or origin
    return [origin, len(rule.expansion), action, splices]


def main() -> None:
    table_path().write_text(dump(build(grammar_text())), encoding="utf-8")


if __name__ == "__main__":
    main()
