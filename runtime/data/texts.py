"""Columns of texts on their way to a network: tokenizers fitted, applied, and padded.

A chain of text steps that ends in a token step is one tokenizer: the file holds the
steps before it, and its application takes the raw texts. Training, evaluation and
prediction all go through `tokens_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import INFINITY, symbols
from dlc.compiler.ir.types import TensorType
from dlc.runtime.data.preprocessing import TOKENIZER
from dlc.runtime.data.ragged import Array, Padding, Ragged
from dlc.runtime.data.steps.base import Chunks, Statistics
from dlc.runtime.data.tables import bad_value
from dlc.runtime.failures import failure, shown

if TYPE_CHECKING:
    from dlc.runtime.data.tokenizers import Tokenizer

Chain = Sequence[Preprocess]


def takes_texts(steps: Chain) -> bool:
    """Whether a chain of steps begins with texts."""
    return bool(steps) and isinstance(steps[0], TextStep)


def token_step(steps: Chain) -> TokenStep | None:
    """The step of a chain that gives indices of pieces."""
    return next((step for step in steps if isinstance(step, TokenStep)), None)


def filled_inputs(steps: Mapping[str, Chain]) -> frozenset[str]:
    """The inputs that no column fills, as a step does."""
    return frozenset(name for chain in steps.values() for step in chain for name in step.fills)


def fit_tokens(name: str, steps: Chain, chunks: Chunks, root: Path) -> tuple[Statistics, ...]:
    """The statistics of every step of a chain with a token step: read from its file below
    `root`, or learned from the raw texts of the training part. Raises `Failure` E0604."""
    from dlc.runtime.data import tokenizer_fitting, vocabulary_files
    from dlc.runtime.data.tokenizers import as_statistic

    step = token_step(steps)
    assert step is not None
    before = [found for found in steps if isinstance(found, TextStep) and found is not step]
    if step.file is not None:
        content = vocabulary_files.read(step, before, root, name)
    else:
        content = tokenizer_fitting.fit(step, before, chunks)
    return tuple({TOKENIZER: as_statistic(content)} if found is step else {} for found in steps)


def tokenizer_in(name: str, statistics: Sequence[Statistics]) -> Tokenizer:
    """The fitted tokenizer of an input. Raises `Failure` E0604."""
    from dlc.runtime.data.tokenizers import tokenizer_of

    found = next(s[TOKENIZER] for s in statistics if TOKENIZER in s)
    return tokenizer_of(found, f"the tokenizer of `{name}`")


def tokens_of(name: str, texts: Array, tokenizer: Tokenizer, padding: Padding) -> dict[str, Ragged]:
    """The pieces of texts, or of pairs of them, and the segments that they name."""
    ids, segments = tokenizer.encode(texts)
    found = {name: ids}
    if padding.segments and segments is not None:
        found[padding.segments] = segments
    return found


def words_of(name: str, texts: Array, tokenizer: Tokenizer) -> Array:
    """Texts of one piece each as `int64[rows]`. Raises `Failure` E0606 for another one."""
    ids, _ = tokenizer.encode(texts)
    wrong = np.flatnonzero(ids.lengths != 1)
    if len(wrong):
        text, count = str(texts[wrong[0]]), int(ids.lengths[wrong[0]])
        raise failure(
            "E0606",
            f"`{text if len(text) <= 40 else text[:37] + '...'}` has {count:,} pieces, and "
            f"`{name}` takes one",
            help="give one word a row",
        )
    return ids.values.astype(np.int64)


# ── how they meet the network ────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The padding of a tokenized input, and the longest row that its declaration takes."""

    padding: Padding
    most: int


def fits(inputs: Mapping[str, TensorType], steps: Mapping[str, Chain]) -> dict[str, Fit]:
    """The tokenized inputs; not those of one word a sample. A declared range of the length
    bounds it on both sides, a fixed length is the only one."""
    found = {}
    for name, type in inputs.items():
        step = token_step(steps.get(name, ()))
        if step is None or type.rank < 2:
            continue
        length = type.shape[1]
        low, high, dim = 1, INFINITY, ""
        if isinstance(length, int):
            low = high = length
        else:
            for symbol_name, symbol in symbols(length).items():
                dim, low, high = symbol_name, symbol.low, symbol.high
        padding = Padding(
            dim=dim,
            least=max(low, 1),
            lengths=step.lengths,
            mask=step.mask,
            segments=step.segment_input,
        )
        found[name] = Fit(padding=padding, most=high)
    return found


def paddings(inputs: Mapping[str, TensorType], steps: Mapping[str, Chain]) -> dict[str, Padding]:
    """The padding of each tokenized input and of segments that have rows of their own."""
    found = {name: fit.padding for name, fit in fits(inputs, steps).items()}
    for padding in list(found.values()):
        if padding.segments:
            found[padding.segments] = Padding(dim=padding.dim, least=padding.least)
    return found


# ── what is refused ──────────────────────────────────────────────────────────


def refuse_empty(chunks: Iterable[Array], path: Path, column: str) -> None:
    """Raises `Failure` E0606 for a training part without a single character."""
    if not any(text.strip() for chunk in chunks for text in chunk.reshape(-1).tolist()):
        raise failure(
            "E0606",
            f"column `{column}` of `{shown(path)}` holds no text: every row of the training "
            "part is empty",
            help="map another column to the input, below `data.columns`",
        )


def refuse_long(
    name: str, tokens: Ragged, fit: Fit, path: Path, rows: Array, column: str, step: TokenStep
) -> None:
    """Raises `Failure` E0606 for the first text that is longer than the network takes."""
    long = np.flatnonzero(tokens.lengths > fit.most)
    if len(long):
        place = int(long[0])
        raise bad_value(
            path,
            int(rows[place]),
            column,
            f"the text has {tokens.lengths[place]:,} pieces, and `{name}` takes {fit.most:,}",
            f"cut longer texts off: `{step.name}(max_length={fit.most})`",
        )


def refuse_indices(
    name: str, tokenizer: Tokenizer, high: int, reason: str, step: TokenStep
) -> None:
    """Raises `Failure` E0606 for a tokenizer with pieces past the bound of a layer."""
    if tokenizer.size <= high + 1:
        return
    raise failure(
        "E0606",
        f"`preprocess.{name}`: the tokenizer has {tokenizer.size:,} pieces, {reason}",
        help=f"keep fewer: `{step.name}(vocabulary={high + 1})`; or make the layer as large"
        if step.size is not None
        else "make the layer as large",
    )
