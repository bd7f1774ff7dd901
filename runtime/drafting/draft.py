"""The text of a first spec: YAML with a comment for each choice, in canonical form."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dlc.compiler.components import registry
from dlc.runtime.drafting.roles import Roles, Target
from dlc.runtime.drafting.sizes import Sizes, embedding_size, sizes_for
from dlc.runtime.drafting.survey import Survey

_MOST_ONE_HOT = 16
_RARE_RATIO = 5.0
_WIDE = 64
_TAKEN = frozenset({"features", "logits", "score", "answer", "joined", "words", "lengths"})


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input of the spec: its name, its declaration, what fills it, its preprocessing with
    a comment, the layers that make a vector of it, and the length of that vector."""

    name: str
    type: str
    columns: tuple[str, ...]
    steps: tuple[str, ...] = ()
    comment: str = ""
    layers: tuple[str, ...] = ()
    vector: str = ""
    length: int = 0


def draft(roles: Roles, *, source: str, names: Sequence[str], command: str) -> str:
    """The spec. `source` is the value of `data.source`, `names` all columns of the table in
    order, `command` what the reader can say to get the same."""
    target = roles.target
    inputs = tuple(_inputs(roles))
    label = _slug(target.column, {i.name for i in inputs} | _TAKEN)
    sizes = sizes_for(roles.rows, sum(i.length for i in inputs), target.outputs)
    lines = [
        f"# A first spec, from `{command}`:",
        f"# {roles.rows:,} rows, {_what(target)}. Every choice below may be changed.",
        "dlc: 1",
        "",
        "inputs:",
        *(f"  {i.name}: {i.type}" + (f"  # {i.comment}" if i.comment else "") for i in inputs),
        *(["  lengths: int[N]  # filled by `word`"] if roles.texts else []),
        "",
        "layers:",
        *_layers(inputs, sizes, target),
        "",
        *_init(inputs),
        "",
        "targets:",
        f"  {label}: {_target_type(target)}",
        "",
        "data:",
        *_data(roles, inputs, label, source, names, sizes),
        *_preprocess(inputs, roles),
        *_ending(roles, label, sizes),
    ]
    return "\n".join(lines) + "\n"


def _what(target: Target) -> str:
    if target.kind == "number":
        survey = target.survey
        return f"predicting the number `{target.column}` ({survey.low:g} to {survey.high:g})"
    return f"predicting which of {len(target.classes)} classes `{target.column}` is"


# ── inputs ───────────────────────────────────────────────────────────────────


def _inputs(roles: Roles) -> Iterator[Input]:
    used = set(_TAKEN) - {"features"}
    if roles.features:
        columns = tuple(column.name for column in roles.features)
        count = len(columns)
        yield Input(
            name="features",
            type=f"float[N, {count}]",
            columns=columns,
            steps=tuple(_number_steps(roles.features)),
            comment="columns of numbers" if count > 1 else "",
            vector="features",
            length=count,
        )
        used.add("features")
    for column in roles.lists:
        name = _slug(column.name, used)
        used.add(name)
        steps = tuple(_number_steps([column])) if column.width else ()
        yield Input(
            name=name,
            type=f"float[N, {column.width}]",
            columns=(column.name,),
            steps=steps,
            comment=_image_hint(column),
            vector=name,
            length=column.width or 0,
        )
    for column in roles.categories:
        name = _slug(column.name, used)
        used.add(name)
        yield _category(column, name)
    for column in roles.texts:
        yield _words(column)


def _number_steps(columns: Sequence[Survey]) -> Iterator[str]:
    if any(column.missing for column in columns):
        yield "impute(median)"
    low, high = min(c.low for c in columns), max(c.high for c in columns)
    if low >= 0 and high == 255 and all(column.whole for column in columns):
        yield "scale(1/255)"
    else:
        yield "standardize"


def _image_hint(column: Survey) -> str:
    side = math.isqrt(column.width or 0)
    if side > 3 and side * side == column.width:
        return f"as pictures: float[N, 1, {side}, {side}], with conv2d layers"
    return ""


def _category(column: Survey, name: str) -> Input:
    count = len(column.texts or ()) + 1
    examples = ", ".join(sorted(column.texts or ())[:4])
    comment = re.sub(r"[^\x20-\x7e]", "?", examples)[:40]
    if count <= _MOST_ONE_HOT:
        return Input(
            name=name,
            type=f"float[N, {count}]",
            columns=(column.name,),
            steps=(f"vocabulary(max_size={count})", f"one_hot({count})"),
            comment=f"{comment}; the first place is for others",
            vector=name,
            length=count,
        )
    length = embedding_size(count)
    return Input(
        name=name,
        type="int[N]",
        columns=(column.name,),
        steps=(f"vocabulary(max_size={count})",),
        comment=f"{count - 1} categories such as {comment}",
        layers=(
            f"  - from: {name}",
            f"    embedding: {{num_embeddings: {count}, embedding_dim: {length}}}",
            f"    name: {name}_vector",
        ),
        vector=f"{name}_vector",
        length=length,
    )


def _words(column: Survey) -> Input:
    longest = min(256, max(8, 1 << math.ceil(math.log2(max(column.longest, 1)))))
    size = vocabulary_size(column)
    return Input(
        name="words",
        type="int[N, T]",
        columns=(column.name,),
        steps=("lowercase", f"word(vocabulary={size}, max_length={longest}, lengths=lengths)"),
        comment=f"about {column.words:.0f} words a text",
        layers=(
            "  - from: words",
            f"    embedding: {{num_embeddings: {size}, embedding_dim: 64, padding_idx: 0}}",
            "  - dropout: 0.3",
            "  - lstm: {hidden_size: 64, bidirectional: true, lengths: lengths, "
            "return_sequences: false}",
            "  - dropout: 0.3",
        ),
        vector="",
        length=128,
    )


def vocabulary_size(column: Survey) -> int:
    """Room for the words that were seen, and for those of the texts beyond (Heaps: different
    words grow about as the root of all); at most twenty thousand."""
    growth = math.sqrt(max(1.0, column.present / 2_000))
    return min(20_000, 1_000 * math.ceil((column.vocabulary + 2) * growth / 1_000))


# ── the network ──────────────────────────────────────────────────────────────


def _layers(inputs: Sequence[Input], sizes: Sizes, target: Target) -> Iterator[str]:
    words = [i for i in inputs if i.name == "words"]
    if words:
        yield "  # Reads each text forwards and backwards; attention is the alternative."
    for i in inputs:
        yield from i.layers
    if not words:
        yield from _perceptron(inputs, sizes)
    yield from _head(target)


def _perceptron(inputs: Sequence[Input], sizes: Sizes) -> Iterator[str]:
    if len(inputs) > 1:
        yield f"  - from: [{', '.join(i.vector for i in inputs)}]"
        yield "    concat: {dim: 1}"
    yield "  # A small perceptron; wider or deeper layers fit more, and overfit sooner."
    for width in sizes.hidden:
        yield f"  - linear: {width}"
        yield "  - relu"
        if sizes.dropout:
            yield f"  - dropout: {sizes.dropout:g}"


def _head(target: Target) -> Iterator[str]:
    if target.kind == "classes":
        yield f"  - linear: {target.outputs}  # a score for each class"
        yield "    output: logits"
    elif target.kind == "binary":
        yield f"  - linear: 1  # one score: above 0 is {_comment(target.classes[1][0])[:40]}"
        yield "  - squeeze: 1"
        yield "    output: logits"
    else:
        survey = target.survey
        yield "  - linear: 1"
        yield "    name: score"
        yield "  # To the middle and the spread of the target: the layers work near 0 and 1."
        yield f"  - from: score * {_rough(survey.std)}{_plus(survey.mean)}"
        yield "    output: answer"


def _rough(value: float) -> str:
    """Two digits: enough for a scale, and too few to tell about single rows."""
    return f"{float(f'{value:.2g}'):g}"


def _plus(value: float) -> str:
    rough = _rough(abs(value))
    if float(rough) == 0.0:
        return ""
    return f" {'+' if value > 0 else '-'} {rough}"


def _init(inputs: Sequence[Input]) -> Iterator[str]:
    entries = ["linear: kaiming_normal", "bias: zeros"]
    if any("embedding:" in line for i in inputs for line in i.layers):
        entries.insert(0, "embedding: normal(std=0.1)")
    if any("lstm:" in line for i in inputs for line in i.layers):
        entries.insert(1, "lstm: orthogonal")
    yield f"init: {{{', '.join(entries)}}}"


def _target_type(target: Target) -> str:
    return "float[N, 1]" if target.kind == "number" else "int[N]"


# ── the data ─────────────────────────────────────────────────────────────────


def _data(
    roles: Roles,
    inputs: Sequence[Input],
    label: str,
    source: str,
    names: Sequence[str],
    sizes: Sizes,
) -> Iterator[str]:
    yield f"  source: {source}"
    yield "  columns:"
    for i in inputs:
        yield f"    {i.name}: {_columns(i.columns, names)}"
    yield f"    {label}: {_quoted(roles.target.column)}"
    for name, reason in list(roles.left_out.items())[:20]:
        yield f"  # not used: {_comment(name)}: {_comment(reason)}"
    if len(roles.left_out) > 20:
        yield f"  # and {len(roles.left_out) - 20} columns more"
    for _, reason in roles.conditions:
        yield f"  # left out: {_comment(reason)}"
    if roles.conditions:
        yield f"  where: {json.dumps(' and '.join(c for c, _ in roles.conditions))}"
    if roles.target.kind == "number":
        yield "  # Rows of one person, machine or day belong together: `group: column`."
        yield "  split: {train: 0.8, validation: 0.1, test: 0.1, seed: 0}"
    else:
        yield "  # Each class keeps its share. Rows that belong together: `group: column`."
        yield f"  split: {{train: 0.8, validation: 0.1, test: 0.1, stratify: {label}, seed: 0}}"
    yield f"  batch_size: {sizes.batch_size}"


def _columns(columns: Sequence[str], names: Sequence[str]) -> str:
    if len(columns) == 1:
        return _quoted(columns[0])
    pattern = glob_of(columns, names)
    if pattern is not None:
        return json.dumps(pattern)
    return "[" + ", ".join(_quoted(column) for column in columns) + "]"


def glob_of(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """A glob that matches these columns and no others, if a plain one does."""
    first, last = min(columns), max(columns)
    prefix = first[: next((i for i, c in enumerate(first) if last[i : i + 1] != c), len(first))]
    turned = [column[::-1] for column in columns]
    low, high = min(turned), max(turned)
    suffix = low[: next((i for i, c in enumerate(low) if high[i : i + 1] != c), len(low))][::-1]
    for pattern in (prefix + "*" if prefix else "", "*" + suffix if suffix else ""):
        plain = pattern.strip("*")
        if len(plain) < 2 or set(plain) & set("*?["):
            continue
        if [name for name in names if fnmatchcase(name, pattern)] == list(columns):
            return pattern
    return None


def _preprocess(inputs: Sequence[Input], roles: Roles) -> Iterator[str]:
    yield "# Fitted on the training part, and part of the exported model."
    yield "preprocess:"
    for i in inputs:
        steps = ", ".join(json.dumps(s) if "," in s else s for s in i.steps)
        comment = "  # or robust, min_max" if i.steps == ("standardize",) else ""
        yield f"  {i.name}: " + (f"[{steps}]" if len(i.steps) > 1 else steps) + comment


def _quoted(column: str) -> str:
    return (
        column
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", column)
        else json.dumps(column, ensure_ascii=False)
    )


def _comment(text: str) -> str:
    return " ".join(text.split())[:100]


# ── training ─────────────────────────────────────────────────────────────────


def _ending(roles: Roles, label: str, sizes: Sizes) -> Iterator[str]:
    target = roles.target
    if target.kind == "classes":
        yield "postprocess:"
        yield "  logits: [softmax, labels]"
    elif target.kind == "binary":
        yield "postprocess:"
        yield "  logits: sigmoid"
    yield from _loss(target, label)
    yield f"optimizer: {{adamw: {{lr: {sizes.lr:g}, weight_decay: 0.01}}}}"
    yield "schedule: cosine"
    yield "train:"
    yield f"  epochs: {sizes.epochs}"
    yield "  # Ends where the validation part stops improving, and keeps the best weights."
    yield f"  early_stopping: {{patience: {sizes.patience}, monitor: val_loss}}"


def _loss(target: Target, label: str) -> Iterator[str]:
    counts = [count for _, count in target.classes if count]
    if counts and max(counts) >= _RARE_RATIO * min(counts):
        yield from _imbalance(target, label)
    if target.kind == "classes":
        yield f"loss: cross_entropy(logits, {label})"
        if registry.load("metric", "f1").available:
            yield "metrics:"
            yield f"  - accuracy(logits, {label})"
            yield f"  - f1(logits, {label}, average=macro)"
        else:
            yield f"metrics: accuracy(logits, {label})"
    elif target.kind == "binary":
        yield f"loss: binary_cross_entropy_with_logits(logits, {label})"
        yield f"metrics: accuracy(logits, {label})"
    else:
        spread = _rough(target.survey.std)
        yield "# Squared for errors below `beta`, absolute beyond; `mse_loss` squares all."
        yield f"loss: smooth_l1_loss(answer, {label}, beta={spread})"
        yield f"metrics: mae(answer, {label})"


def _imbalance(target: Target, label: str) -> Iterator[str]:
    classes = [(name, count) for name, count in target.classes if count]
    (rare, few), (common, many) = (
        min(classes, key=lambda c: c[1]),
        max(classes, key=lambda c: c[1]),
    )
    yield f"# Class {_comment(common)} is {many / few:.0f} times as frequent as {_comment(rare)}."
    argument = "pos_weight" if target.kind == "binary" else "weight"
    yield f"# `{argument}=balanced` in the loss, or `balance: {label}` in `data`, undoes it."


def _slug(name: str, used: set[str] | frozenset[str]) -> str:
    """A name of the language: lower case, letters first, not in use."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not plain or not plain[0].isalpha():
        plain = f"column_{plain}".rstrip("_")
    found, number = plain[:40], 2
    while found in used:
        found, number = f"{plain[:40]}_{number}", number + 1
    return found
