"""Runs the LALR table. Iterative, so that no text can exhaust Python's stack.

Values are built by `builder.Builder` as rules are reduced: there is no concrete tree in
between, and nothing to walk afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from dlc.compiler.syntax.lexer import Lexer, Token
from dlc.compiler.syntax.limits import MAX_EXPRESSION_HEIGHT
from dlc.compiler.syntax.table import END, PASS, SPLICE, Table

Reduce = Callable[[Any, list[Any], int, int], Any]

# Nodes that make an expression one higher, and constructs whose height is no expression's.
_GROWS: Final = frozenset({"binary", "unary", "conditional", "call", "list_", "mapping", "grouped"})
_RESETS: Final = frozenset({"step", "body", "start"})


class Recover(Protocol):
    """What to do about a token that the state cannot take."""

    def __call__(self, parser: Parser, token: Token) -> Token:
        """The token to go on with. Raises GiveUp where there is none."""


class GiveUp(Exception):
    """Nothing can be made of the rest of the text. Never leaves the package."""


class Parser:
    """One parse: a stack of states, and of values with their places."""

    def __init__(
        self, table: Table, lexer: Lexer, builder: Any, actions: tuple[Reduce | None, ...]
    ) -> None:
        self.table = table
        self.lexer = lexer
        self.end = lexer.position  # where the last token taken ends
        self.last: Token | None = None  # the last token taken
        self.states: list[int] = []
        self.values: list[Any] = []
        self._starts: list[int] = []
        self._heights: list[int] = []
        self._builder = builder
        self._actions = actions

    def run(self, start: str, recover: Recover) -> Any:
        """The value of the whole text. Raises GiveUp and TooLarge."""
        table, lexer = self.table.states, self.lexer
        first, last = self.table.starts[start]
        states, values, starts, heights = self.states, self.values, self._starts, self._heights
        passes = self.table.passes
        states.append(first)
        token = lexer.next(table[first])
        while True:
            row = table[states[-1]]
            action = row.get(token.type)
            if action is None:
                if token.type == END and states[-1] == last:
                    return values[-1]
                token = recover(self, token)
            elif action >= 0:
                states.append(action)
                values.append(token)
                starts.append(token.start)
                heights.append(0)
                self.end = token.end
                self.last = token
                token = lexer.next(table[action])
            else:
                # Half of all reductions climb the ladder from atom to expression.
                origin = passes[-1 - action]
                if origin is None:
                    self._reduce(-1 - action, self.end)
                else:
                    states[-1] = table[states[-2]][origin]

    def take(self, token: Token) -> None:
        """Take a token that `accepts` allows, as if it had been written."""
        while True:
            action = self.table.states[self.states[-1]][token.type]
            if action >= 0:
                break
            self._reduce(-1 - action, self.end)
        self.states.append(action)
        self.values.append(token)
        self._starts.append(token.start)
        self._heights.append(0)
        self.last = token

    def accepts(self, *kinds: str) -> bool:
        """Whether the parser could take these tokens, one after another, from here."""
        states = list(self.states)
        table, rules = self.table.states, self.table.rules
        for kind in kinds:
            while True:
                action = table[states[-1]].get(kind)
                if action is None:
                    return kind == END and self._ends(states[-1])
                if action >= 0:
                    states.append(action)
                    break
                rule = rules[-1 - action]
                if rule.length:
                    del states[-rule.length :]
                states.append(table[states[-1]][rule.origin])
        return True

    def expected(self) -> frozenset[str]:
        """The terminals that the parser can take here."""
        row = self.table.states[self.states[-1]]
        terminals = (kind for kind in row if kind.isupper() or kind == END)
        return frozenset(kind for kind in terminals if self.accepts(kind))

    def _ends(self, state: int) -> bool:
        return any(state == last for _, last in self.table.starts.values())

    def _reduce(self, number: int, end: int) -> None:
        rule = self.table.rules[number]
        states, values, starts = self.states, self.values, self._starts
        length, action = rule.length, rule.action
        if length == 1 and action == PASS:
            states[-1] = self.table.states[states[-2]][rule.origin]
            return
        if length:
            children = values[-length:]
            start = starts[-length]
            height = max(self._heights[-length:])
            del states[-length:], values[-length:], starts[-length:], self._heights[-length:]
        else:
            children, start, height = [], end, 0
        if action in _GROWS:
            height += 1
            if height > MAX_EXPRESSION_HEIGHT:
                raise self._builder.too_high(start, end)
        elif action in _RESETS:
            height = 0
        value = self._value(number, children, start, end)
        states.append(self.table.states[states[-1]][rule.origin])
        values.append(value)
        starts.append(start)
        self._heights.append(height)

    def _value(self, number: int, children: list[Any], start: int, end: int) -> Any:
        rule = self.table.rules[number]
        if rule.splices:
            if rule.action == SPLICE and rule.splices[0] == 0:
                # Left recursion: the list grows in place, so a long one stays linear.
                grown: list[Any] = children[0]
                for index, child in enumerate(children[1:], 1):
                    if index in rule.splices:
                        grown.extend(child)
                    else:
                        grown.append(child)
                return grown
            flat: list[Any] = []
            for index, child in enumerate(children):
                if index in rule.splices:
                    flat.extend(child)
                else:
                    flat.append(child)
            children = flat
        if rule.action == SPLICE:
            return children
        build = self._actions[number]
        assert build is not None
        return build(self._builder, children, start, end)
