"""Vocabularies learned from texts. Equal texts give equal vocabularies, in any process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.byte import Byte
from dlc.runtime.data.tokenizers import batches, build, finished, normalizer, pre_tokenizer

Array: TypeAlias = npt.NDArray[Any]
#: Texts `[rows]` or `[rows, 2]`, in chunks, as often as they are asked for.
Chunks: TypeAlias = Callable[[], Iterable[Array]]

_ALL = 1 << 24
# Where the pieces that go on with a word stand while they are learned: private code points.
_PRIVATE = 0xF0000
# The trainer counts a line of text at a time.
_LINE_WORDS = 1000


def fit(step: TokenStep, before: Sequence[TextStep], chunks: Chunks) -> bytes:
    """The `tokenizer.json` of a step whose pieces come from the texts of the training part.
    `before` are the text steps that stand before it; the chunks are raw."""
    if isinstance(step, Byte):
        inner = build(step, _with_specials(step, _byte_alphabet()))
    elif step.model == "BPE":
        inner = _byte_pairs(step, before, chunks)
    elif step.model == "WordPiece":
        inner = build(step, _with_specials(step, _pieces(step, before, chunks)))
    else:
        inner = build(step, _frequent(step, before, chunks))
    return finished(inner, before, step)


def _with_specials(step: TokenStep, pieces: Iterable[str]) -> dict[str, int]:
    return {piece: index for index, piece in enumerate((*step.specials, *pieces))}


def _byte_alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    found: list[str] = pre_tokenizers.ByteLevel.alphabet()
    return sorted(found, key=_byte_of)


def _byte_of(character: str) -> int:
    """The byte that a character of the byte alphabet stands for: printable ones for
    themselves, the others in their order from U+0100 on."""
    code = ord(character)
    if code < 0x100:
        return code
    hidden: tuple[int, ...] = (*range(0x21), *range(0x7F, 0xA1), 0xAD)
    return hidden[code - 0x100]


def _learner(model: Any, step: TokenStep, before: Sequence[TextStep]) -> Any:
    from tokenizers import Tokenizer

    inner = Tokenizer(model)
    if before:
        inner.normalizer = normalizer(before)
    inner.pre_tokenizer = pre_tokenizer(step)
    return inner


def _lines(chunks: Chunks) -> Iterator[list[str]]:
    for chunk in chunks():
        yield from batches(chunk)


def _frequent(step: TokenStep, before: Sequence[TextStep], chunks: Chunks) -> dict[str, int]:
    """The most frequent words, equally frequent ones by name."""
    from tokenizers import models, trainers

    inner = _learner(models.WordLevel(unk_token=step.specials[1]), step, before)
    trainer = trainers.WordLevelTrainer(
        vocab_size=step.size or _ALL, special_tokens=list(step.specials), show_progress=False
    )
    inner.train_from_iterator(_lines(chunks), trainer)
    found: dict[str, int] = inner.get_vocab()
    return found


def _byte_pairs(step: TokenStep, before: Sequence[TextStep], chunks: Chunks) -> Any:
    from tokenizers import models, trainers

    inner = _learner(models.BPE(), step, before)
    trainer = trainers.BpeTrainer(
        vocab_size=step.size or _ALL,
        special_tokens=list(step.specials),
        initial_alphabet=_byte_alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(_lines(chunks), trainer)
    model = json.loads(inner.to_str())["model"]
    return build(step, model["vocab"], model["merges"])


# ── pieces of words ──────────────────────────────────────────────────────────


def _pieces(step: TokenStep, before: Sequence[TextStep], chunks: Chunks) -> list[str]:
    """Frequent pieces of words, those that go on with a word as `##ing`.

    The library's own trainer of them numbers equally frequent pieces by the order of a hash
    table, which differs from process to process. So characters inside words are written as
    private ones, and its trainer of byte pairs, which orders by code point, does the work.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    assert step.size is not None
    room = step.size - len(step.specials)
    counts = _word_counts(step, before, chunks)
    inside, begins = _alphabet(counts, max(1, room // 2))
    hidden = {ord(c): _PRIVATE + index for index, c in enumerate(sorted(inside))}
    shown = {private: chr(code) for code, private in hidden.items()}

    def text() -> Iterator[str]:
        for word in sorted(counts):
            if word[0] in begins and inside.issuperset(word[1:]):
                written = word[0] + word[1:].translate(hidden)
                count = counts[word]
                for start in range(0, count, _LINE_WORDS):
                    yield " ".join([written] * min(count - start, _LINE_WORDS))

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.train_from_iterator(text(), trainers.BpeTrainer(vocab_size=room, show_progress=False))
    vocabulary: dict[str, int] = inner.get_vocab()
    return [
        ("##" if ord(piece[0]) in shown else "") + piece.translate(shown)
        for piece in sorted(vocabulary, key=vocabulary.__getitem__)
    ]


def _word_counts(step: TokenStep, before: Sequence[TextStep], chunks: Chunks) -> Mapping[str, int]:
    cut = pre_tokenizer(step)
    change = normalizer(before)
    counts: Counter[str] = Counter()
    for lines in _lines(chunks):
        for line in lines:
            counts.update(word for word, _ in cut.pre_tokenize_str(change.normalize_str(line)))
    # A text that uses the private code points itself would be mistaken for a hidden one.
    return {word: n for word, n in counts.items() if all(ord(c) < _PRIVATE for c in word)}


def _alphabet(counts: Mapping[str, int], room: int) -> tuple[frozenset[str], frozenset[str]]:
    """The most frequent characters inside words and at their beginning."""
    found: Counter[tuple[bool, str]] = Counter()
    for word, count in counts.items():
        found[False, word[0]] += count
        for character in word[1:]:
            found[True, character] += count
    kept = sorted(found, key=lambda key: (-found[key], key))[:room]
    inside = frozenset(c for is_inside, c in kept if is_inside)
    return inside, frozenset(c for is_inside, c in kept if not is_inside)
