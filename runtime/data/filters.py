"""The rows that `data.where` keeps: comparisons of columns with constants.

    year < 2025 and not (city == "Oslo" or label == null)

A column is a bare or quoted name on the left of a comparison; on the right stands a
number, `true`, `false`, `null`, a quoted text or a bare word. A missing value compares
as false with everything but `null`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dlc.runtime.failures import Failure, failure

Mask = npt.NDArray[np.bool_]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![A-Za-z_0-9.])
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<word>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<sign>==|!=|<=|>=|<|>|\(|\))
    )""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_DEEPEST = 32


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


class Filter:
    """A parsed condition. `columns` are those that it reads. Raises `Failure` E0307."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        self._tokens = self._split()
        self._at = 0
        self._depth = 0
        self._columns: dict[str, None] = {}
        self._keep = self._either()
        if self._at < len(self._tokens):
            raise self._bad(f"`{self._tokens[self._at].text}` is not expected here")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def mask(self, table: pa.Table) -> Mask:
        """True for each row to keep. Raises `Failure` E0606 where a column holds no such
        values."""
        return self._keep({name: table.column(name) for name in self._columns})

    def _bad(self, message: str) -> Failure:
        return failure(
            "E0307",
            f"`data.where` cannot be read: {message}",
            help='write comparisons such as `year < 2025 and city == "Oslo"`',
        )

    def _split(self) -> list[_Token]:
        tokens, at, text = [], 0, self.condition.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise self._bad(f"`{text[at:].strip()[:20]}` is not expected here")
            tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
            at = match.end()
        if len(tokens) > 500:
            raise self._bad("it has more than 500 words")
        return tokens

    def _next(self, *texts: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].text in texts:
            self._at += 1
            return True
        return False

    def _take(self, expected: str) -> _Token:
        if self._at >= len(self._tokens):
            raise self._bad(f"{expected} is missing at the end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _either(self) -> Callable[[Mapping[str, Any]], Mask]:
        terms = [self._both()]
        while self._next("or"):
            terms.append(self._both())
        return lambda row: np.logical_or.reduce([term(row) for term in terms])

    def _both(self) -> Callable[[Mapping[str, Any]], Mask]:
        terms = [self._one()]
        while self._next("and"):
            terms.append(self._one())
        return lambda row: np.logical_and.reduce([term(row) for term in terms])

    def _one(self) -> Callable[[Mapping[str, Any]], Mask]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._bad(f"it is nested deeper than {_DEEPEST}")
        try:
            if self._next("not"):
                term = self._one()
                return lambda row: ~term(row)
            if self._next("("):
                inner = self._either()
                if not self._next(")"):
                    raise self._bad("`)` is missing")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Callable[[Mapping[str, Any]], Mask]:
        left = self._take("a column")
        if left.kind not in ("word", "text"):
            raise self._bad(f"`{left.text}` is no column")
        column = left.text.strip("\"'") if left.kind == "text" else left.text
        sign = self._take("a comparison")
        if sign.text not in _COMPARISONS:
            raise self._bad(f"`{sign.text}` is no comparison")
        value = self._constant(self._take("a value"))
        if value is None and sign.text not in ("==", "!="):
            raise self._bad("`null` is compared with `==` and `!=` only")
        self._columns[column] = None
        return lambda row: self._compare(row[column], column, sign.text, value)

    def _constant(self, token: _Token) -> Any:
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if token.kind == "text":
            return token.text[1:-1]
        if token.kind == "word":
            return {"true": True, "false": False, "null": None}.get(token.text, token.text)
        raise self._bad(f"`{token.text}` is no value")

    def _compare(self, values: Any, column: str, sign: str, constant: Any) -> Mask:
        if constant is None:
            missing = np.asarray(values.is_null().to_numpy())
            return missing if sign == "==" else ~missing
        try:
            if pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            if isinstance(constant, bool):
                values = values.cast(pa.bool_())
            elif isinstance(constant, int | float) and not _is_number(values.type):
                values = values.cast(pa.float64())
            elif isinstance(constant, str):
                values = values.cast(pa.string())
            found = _COMPARISONS[sign](values, pa.scalar(constant))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError):
            raise failure(
                "E0606",
                f"column `{column}` cannot be compared with `{constant}`, as `data.where` asks",
                help="compare it with a value of its own kind",
            ) from None
        return np.asarray(pc.fill_null(found, False).to_numpy())


def _is_number(type: Any) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_floating(type))
