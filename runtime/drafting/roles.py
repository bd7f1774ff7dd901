"""What each column is used for: features, categories, the target, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlc.compiler.diagnostics.suggest import closest, listed
from dlc.runtime.drafting.survey import Content, Survey
from dlc.runtime.failures import failure, shown

_MOST_CLASSES = 1_000
_MOST_NUMBERED = 20
_LEAST_ROWS = 10
# A column with more missing than this share is left out.
_MOST_MISSING = 0.5
# Rows are dropped for a category that is missing in at most this share of them.
_MOST_DROPPED = 0.05
_CONSTANT = "it is the same in every row"
_LEAST_FAMILY = 8
_DIGITS = re.compile(r"\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_ID = re.compile(r"(?:^|_|\b)(id|uuid|index|key|rownum|row_number)$|^unnamed", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is predicted. `classes` are the classes with their rows, in the order of their
    numbers, empty where a number is predicted; `outputs` how many numbers the network gives
    for it."""

    column: str
    kind: str  # "binary", "classes", "number"
    classes: tuple[tuple[str, int], ...]
    outputs: int
    survey: Survey


@dataclass(frozen=True, kw_only=True)
class Roles:
    """`features` are columns of numbers, `lists` columns of lists of numbers, `categories` and
    `texts` columns of texts. `left_out` says why a column is used for nothing; `conditions`
    leave out the rows that training could not take, with the reason of each."""

    path: Path
    rows: int
    target: Target
    features: tuple[Survey, ...]
    lists: tuple[Survey, ...]
    categories: tuple[Survey, ...]
    texts: tuple[Survey, ...]
    left_out: Mapping[str, str]
    conditions: tuple[tuple[str, str], ...] = ()
    missing: bool = field(default=False)


def assign(columns: Mapping[str, Survey], target: str, path: Path, *, texts: bool) -> Roles:
    """Decides what columns are for. `texts` says whether free text can be used. Raises
    `Failure` E0605 for a target that is no column, E0606 for data that teaches nothing."""
    if target not in columns:
        near = closest(target, columns)
        raise failure(
            "E0605",
            f"`{target}` is no column of `{shown(path)}`",
            help=f"`{near}` is one" if near else "its columns are " + listed(columns),
        )
    found = _target(columns[target], path)
    rows = columns[target].rows
    left_out: dict[str, str] = {}
    kept: dict[str, list[Survey]] = {"features": [], "lists": [], "categories": [], "texts": []}
    for name, column in columns.items():
        if name == target:
            continue
        use, reason = _use(column)
        if use is None:
            left_out[name] = reason
        else:
            kept[use].append(column)
    left_out = {n: r for n, r in left_out.items() if not _rejoin(columns[n], r, kept["features"])}
    kept["features"].sort(key=lambda column: list(columns).index(column.name))
    if kept["texts"] and not (texts and not any(kept[k] for k in ("features", "lists"))):
        for column in kept.pop("texts"):
            left_out[column.name] = "free text; a network over words takes it, such as an LSTM"
        kept["texts"] = []
    conditions = [*_target_conditions(found), *_conditions(kept)]
    if not any(kept.values()):
        raise _nothing_left(left_out, path)
    return Roles(
        path=path,
        rows=rows,
        target=found,
        features=tuple(kept["features"]),
        lists=tuple(kept["lists"]),
        categories=tuple(kept["categories"]),
        texts=tuple(kept["texts"]),
        left_out=left_out,
        conditions=tuple(conditions),
        missing=any(column.missing for column in kept["features"]),
    )


# ── the target ───────────────────────────────────────────────────────────────


def _target(column: Survey, path: Path) -> Target:
    name = column.name
    if column.rows < _LEAST_ROWS:
        raise failure(
            "E0606",
            f"`{shown(path)}` has {column.rows} row{'' if column.rows == 1 else 's'}, too few to "
            "train on and to measure with",
            help=f"give at least {_LEAST_ROWS} rows, better some hundreds",
        )
    if not column.present:
        raise failure("E0606", f"the target `{name}` of `{shown(path)}` is missing in every row")
    if column.content in (Content.LISTS, Content.OTHER):
        raise failure(
            "E0606",
            f"the target `{name}` holds {'lists' if column.content is Content.LISTS else 'bytes'}",
            help="`dlc init` drafts specs for classes and numbers; see `specs/` for others",
        )
    if column.distinct == 1:
        value = next(iter(column.texts or column.values or {"": 0}))
        text = f"{value:g}" if isinstance(value, float) else value
        raise failure(
            "E0606",
            f"the target `{name}` is `{text}` in every row: there is nothing to learn",
            help="give rows of other kinds too, or another column with `--target`",
        )
    if column.content is Content.NUMBERS:
        return _numeric_target(column)
    return _text_target(column, path)


def _numeric_target(column: Survey) -> Target:
    values = column.values
    few = values is not None and len(values) <= _MOST_NUMBERED and column.whole
    if few and values is not None and column.low >= 0 and column.high < 2 * _MOST_NUMBERED:
        numbers = {int(value): count for value, count in values.items()}
        classes = tuple((str(n), numbers.get(n, 0)) for n in range(int(column.high) + 1))
        # So few rows a value are no classes but coarse numbers.
        if len(numbers) * 5 <= column.present:
            binary = set(numbers) == {0, 1}
            return Target(
                column=column.name,
                kind="binary" if binary else "classes",
                classes=classes,
                outputs=1 if binary else len(classes),
                survey=column,
            )
    return Target(column=column.name, kind="number", classes=(), outputs=1, survey=column)


def _text_target(column: Survey, path: Path) -> Target:
    texts = column.texts
    if texts is None or len(texts) > _MOST_CLASSES or 2 * len(texts) > column.present:
        count = "too many" if texts is None else f"{len(texts):,}"
        raise failure(
            "E0606",
            f"the target `{column.name}` of `{shown(path)}` holds {count} different texts in "
            f"{column.present:,} rows: they are no classes",
            help="give the column that names the class, or holds the number, with `--target`",
        )
    classes = tuple(sorted(texts.items()))
    alone = [name for name, count in classes if count == 1]
    left = [pair for pair in classes if pair[1] > 1]
    if len(left) < 2:
        raise failure(
            "E0606",
            f"the target `{column.name}` has fewer than two classes of two rows or more",
            notes=(f"a row alone has each of {listed(alone)}",),
            help="give more rows of each class",
        )
    return Target(
        column=column.name,
        kind="binary" if len(left) == 2 else "classes",
        classes=tuple(left),
        outputs=1 if len(left) == 2 else len(left),
        survey=column,
    )


def _target_conditions(target: Target) -> Iterator[tuple[str, str]]:
    column = target.survey
    name = condition_name(column.name)
    if column.missing:
        yield f"{name} != null", f"{column.missing:,} rows have no target"
    for word, count in column.unreadable.items():
        if column.content is Content.NUMBERS and _quotable(word):
            yield f'{name} != "{word}"', f"{count:,} rows have no target"
    kept = dict(target.classes)
    for word in column.texts or {} if column.content is Content.TEXTS else ():
        if word not in kept and _quotable(word):
            yield f'{name} != "{word}"', "a class of one row cannot be learned and measured"


# ── the inputs ───────────────────────────────────────────────────────────────


def _use(column: Survey) -> tuple[str | None, str]:
    """What a column is for, or None and why it is left out."""
    name, present = column.name, column.present
    if not name.strip():
        return None, "it has no name"
    if not present:
        return None, "it is empty"
    if column.missing > _MOST_MISSING * column.rows:
        return None, f"{100 * column.missing / column.rows:.0f} % of it is missing"
    if column.content is Content.OTHER:
        return None, "it holds neither numbers nor texts"
    if column.content is Content.LISTS:
        if column.width is None:
            return None, "its lists differ in length; padding brings them to one"
        return "lists", ""
    if column.distinct == 1 and not column.missing:
        return None, _CONSTANT
    if column.content is Content.NUMBERS:
        return _use_numbers(column)
    return _use_texts(column)


def _use_numbers(column: Survey) -> tuple[str | None, str]:
    unreadable = sum(column.unreadable.values())
    if unreadable and not column.markers:
        odd = next(iter(column.unreadable))
        return None, f"{unreadable:,} of its values are no numbers, such as `{odd[:30]}`"
    if unreadable > _MOST_MISSING * column.rows:
        return None, f"{100 * unreadable / column.rows:.0f} % of it is missing"
    numbered = column.whole and column.rising and column.high - column.low == column.rows - 1
    if (numbered and column.low in (0, 1)) or (column.rising and _ID.search(column.name)):
        return None, "it numbers the rows, and tells nothing about them"
    return "features", ""


def _rejoin(column: Survey, reason: str, features: list[Survey]) -> bool:
    """A pixel that never changes stays with the other pixels: one glob takes them all."""
    if reason != _CONSTANT or column.content is not Content.NUMBERS or column.unreadable:
        return False
    family = _DIGITS.sub("#", column.name)
    relatives = sum(_DIGITS.sub("#", feature.name) == family for feature in features)
    if family == column.name or relatives < _LEAST_FAMILY:
        return False
    features.append(column)
    return True


def _use_texts(column: Survey) -> tuple[str | None, str]:
    texts = column.texts
    example = next(iter(texts or {"": 0}))
    if _DATE.match(example):
        return None, "dates; `cyclic` makes features of them"
    if column.words >= 3 and (texts is None or 2 * len(texts) > column.present):
        return "texts", ""
    if texts is None or 2 * len(texts) > column.present or len(texts) > _MOST_CLASSES:
        return None, "nearly every row has another text"
    if column.missing > _MOST_DROPPED * column.rows:
        percent = 100 * column.missing / column.rows
        return None, f"{percent:.0f} % of it is missing; name those rows, `none` say, to use it"
    return "categories", ""


def _conditions(kept: Mapping[str, Sequence[Survey]]) -> Iterator[tuple[str, str]]:
    for column in kept["features"]:
        for word, count in column.unreadable.items():
            yield (
                f'{condition_name(column.name)} != "{word}"',
                f"`{word}` stands for a missing number in {count:,} rows; left empty, `impute` "
                "could fill it",
            )
    for column in (*kept["categories"], *kept["texts"], *kept["lists"]):
        if column.missing:
            yield (
                f"{condition_name(column.name)} != null",
                f"{column.missing:,} rows lack `{column.name}`",
            )


def condition_name(column: str) -> str:
    """A column as `data.where` names it."""
    return column if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", column) else f'"{column}"'


def _quotable(word: str) -> bool:
    return '"' not in word


def _nothing_left(left_out: Mapping[str, str], path: Path) -> Exception:
    if not left_out:
        return failure(
            "E0606",
            f"`{shown(path)}` has no column beside the target",
            help="give the columns to predict it from in the same file",
        )
    return failure(
        "E0606",
        f"no column of `{shown(path)}` can be used to predict the target",
        notes=tuple(f"`{name}`: {reason}" for name, reason in list(left_out.items())[:6]),
        help="`dlc init` takes numbers, categories, and free text where there is nothing else",
    )
