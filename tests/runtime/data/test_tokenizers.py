"""Tokenizers: what a text becomes, vocabularies that are learned, and those from files."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.bpe import Bpe
from dlc.compiler.components.preprocessing.byte import Byte
from dlc.compiler.components.preprocessing.character import Character
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.normalize_unicode import NormalizeUnicode
from dlc.compiler.components.preprocessing.unigram import Unigram
from dlc.compiler.components.preprocessing.word import Word
from dlc.compiler.components.preprocessing.wordpiece import Wordpiece
from dlc.runtime.data import tokenizer_fitting, vocabulary_files
from dlc.runtime.data.steps import load
from dlc.runtime.data.tokenizers import Tokenizer, model_of
from dlc.runtime.failures import Failure

TEXTS = ["the cat sat on the mat", "The dog sat!", "", "a cat, a dog: don't"]


def texts(*found: str) -> Any:
    return np.array(found, object)


def fitted(step: TokenStep, *found: str, before: tuple[TextStep, ...] = ()) -> Tokenizer:
    given = texts(*(found or TEXTS))
    return Tokenizer(tokenizer_fitting.fit(step, before, lambda: (given,)), "it")


def rows(tokenizer: Tokenizer, *found: str) -> list[list[int]]:
    ids, _ = tokenizer.encode(texts(*found))
    return [ids.row(index).tolist() for index in range(len(ids))]


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.inner.id_to_token(index) for index in rows(tokenizer, text)[0]]


# ── what a text becomes ──────────────────────────────────────────────────────


def test_words_end_at_white_space_and_at_each_punctuation_mark() -> None:
    found = pieces(fitted(Word()), "a cat,\n\ta dog: don't")
    assert found == ["a", "cat", ",", "a", "dog", ":", "don", "'", "t"]


def test_words_are_numbered_by_frequency_then_by_name_after_the_two_special_ones() -> None:
    found = fitted(Word(), "b b b c c a", "d e")
    assert rows(found, "b c a d e") == [[2, 3, 4, 5, 6]]
    assert found.size == 7


def test_a_vocabulary_of_a_size_keeps_the_most_frequent_and_the_rest_is_unknown() -> None:
    found = fitted(Word(vocabulary=4), "b b b c c a")
    assert found.size == 4
    assert rows(found, "a b c zebra") == [[1, 2, 3, 1]]


def test_an_empty_text_has_no_pieces_of_its_own() -> None:
    assert rows(fitted(Word()), "", "  ") == [[], []]


@pytest.mark.parametrize(
    ("truncation", "kept"), [("right", ["the", "cat"]), ("left", ["the", "mat"])]
)
def test_long_texts_are_cut_off_at_the_end_that_is_named(truncation: Any, kept: Any) -> None:
    found = fitted(Word(max_length=2, truncation=truncation))
    assert pieces(found, "the cat sat on the mat") == kept


def test_pieces_of_words_stand_between_cls_and_sep_within_the_length() -> None:
    found = fitted(Wordpiece(vocabulary=60, max_length=4), "low lower lowest", "newer newest wider")
    assert rows(found, "lower newest wider")[0][0] == 2
    assert rows(found, "lower newest wider")[0][-1] == 3
    assert len(rows(found, "lower newest wider")[0]) == 4
    assert [found.index(name) for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")] == [
        *range(5)
    ]


def test_pieces_that_go_on_with_a_word_are_marked_and_unknown_characters_are_unknown() -> None:
    found = fitted(Wordpiece(vocabulary=30), "abab abab abc", "ab ab ab ab")
    assert pieces(found, "abab") in (["[CLS]", "abab", "[SEP]"], ["[CLS]", "ab", "##ab", "[SEP]"])
    assert pieces(found, "bca") == ["[CLS]", "[UNK]", "[SEP]"]


def test_what_looks_like_a_special_piece_in_a_text_is_text() -> None:
    found = fitted(Wordpiece(vocabulary=60), "a [SEP] b [MASK] c")
    assert rows(found, "a [SEP] b")[0].count(3) == 1
    assert 4 not in rows(found, "a [MASK] b")[0]


def test_a_pair_of_texts_has_two_segments() -> None:
    found = fitted(Wordpiece(vocabulary=60))
    ids, segments = found.encode(np.array([["the cat", "a dog"]], object))
    assert segments is not None
    ends = np.flatnonzero(ids.row(0) == 3)
    assert len(ends) == 2
    assert segments.row(0).tolist() == [0] * (ends[0] + 1) + [1] * (ends[1] - ends[0])


@given(text=st.text(max_size=30))
def test_bytes_are_utf_8_two_added_to_each(text: str) -> None:
    assert rows(BYTES, text) == [[byte + 2 for byte in text.encode()]]


BYTES = Tokenizer(tokenizer_fitting.fit(Byte(), (), lambda: ()), "it")


def test_characters_are_code_points_white_space_too() -> None:
    found = fitted(Character(), "aab \n\U0001f642")
    assert pieces(found, "a b\n\U0001f642x") == ["a", " ", "b", "\n", "\U0001f642", "[UNK]"]


@given(text=st.text(max_size=30))
def test_runs_of_bytes_know_every_text_and_give_it_back(text: str) -> None:
    found = rows(PAIRS, text)[0]
    assert 1 not in found
    assert PAIRS.inner.decode(found) == text


PAIRS = fitted(Bpe(vocabulary=280))


# ── steps before the tokenizer ───────────────────────────────────────────────

BEFORE = (NormalizeUnicode(), Lowercase())


@pytest.mark.parametrize("step", [Word(), Wordpiece(vocabulary=99), Bpe(vocabulary=300), Byte()])
def test_the_tokenizer_does_the_text_steps_before_it(step: TokenStep) -> None:
    raw = ["\ufb01ne CAF\u0045\u0301", "\uff21 \u2460 fine"]
    changed = texts(*raw)
    for before in BEFORE:
        changed = load(before.name).apply(before, changed, {})
    assert changed.tolist() == ["fine caf\u00e9", "a 1 fine"]
    whole = fitted(step, *raw, before=BEFORE)
    plain = fitted(step, *changed)
    assert rows(whole, *raw) == rows(plain, *changed)


# ── the same vocabulary everywhere ───────────────────────────────────────────

STEPS: list[TokenStep] = [
    Word(vocabulary=300),
    Wordpiece(vocabulary=300),
    Bpe(vocabulary=400),
    Character(),
    Byte(),
]
_DRAW = """
import hashlib, sys
import numpy as np
from dlc.compiler.components import registry
from dlc.runtime.data import tokenizer_fitting
draw = np.random.default_rng(5)
words = ["".join(draw.choice(list("abcdefghij"), draw.integers(2, 9))) for _ in range(400)]
given = np.array([" ".join(draw.choice(words, 12)) for _ in range(300)], object)
for name, arguments in {steps!r}:
    step = registry.load("preprocess", name)(**arguments)
    content = tokenizer_fitting.fit(step, (), lambda: (given[:100], given[100:]))
    print(name, hashlib.sha256(content).hexdigest())
"""


def test_vocabularies_are_equal_in_every_process() -> None:
    steps = [
        (step.name, {"vocabulary": step.size} if step.size is not None else {}) for step in STEPS
    ]
    program = _DRAW.replace("{steps!r}", repr(steps))
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
        ).stdout
        for _ in range(3)
    ]
    assert runs[0] == runs[1] == runs[2]
    assert len(runs[0].splitlines()) == len(STEPS)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_chunks_do_not_change_what_is_learned(step: TokenStep) -> None:
    given = texts(*TEXTS * 5)
    whole = tokenizer_fitting.fit(step, (), lambda: (given,))
    parts = tokenizer_fitting.fit(step, (), lambda: (given[:3], given[3:4], given[4:]))
    assert hashlib.sha256(whole).digest() == hashlib.sha256(parts).digest()


def test_a_vocabulary_is_never_larger_than_asked() -> None:
    many = ["".join(chr(0x4E00 + (i * 7 + j) % 900) for j in range(6)) for i in range(300)]
    for step in (Word(vocabulary=50), Wordpiece(vocabulary=50), Character(vocabulary=50)):
        assert fitted(step, *many).size <= 50


# ── from files ───────────────────────────────────────────────────────────────


def read(step: TokenStep, root: Path) -> Tokenizer:
    return Tokenizer(vocabulary_files.read(step, (), root, "tokens"), "it")


def refused(step: TokenStep, root: Path) -> str:
    with pytest.raises(Failure) as caught:
        read(step, root)
    found = caught.value.diagnostic
    assert found.code.number == "E0604"
    return found.message.replace(str(root), "ROOT")


def test_a_list_of_words_comes_after_the_special_ones(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes("\ufeffcat\r\ndog\r\n".encode())
    assert rows(read(Word(vocabulary="words.txt"), tmp_path), "dog cat cow") == [[3, 2, 1]]


def test_a_list_that_begins_with_the_pad_numbers_every_line(tmp_path: Path) -> None:
    lines = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "un", "##able", "[MASK]"]
    (tmp_path / "vocab.txt").write_text("\n".join(lines))
    found = read(Wordpiece(vocabulary="vocab.txt"), tmp_path)
    assert rows(found, "unable", "able") == [[3, 5, 6, 4], [3, 2, 4]]


@pytest.mark.parametrize("step", STEPS[:4], ids=lambda step: step.name)
def test_a_tokenizer_file_gives_what_it_was_learned_for(step: TokenStep, tmp_path: Path) -> None:
    own = fitted(step)
    (tmp_path / "tokenizer.json").write_bytes(own.content)
    again = read(type(step)(vocabulary="tokenizer.json"), tmp_path)  # type: ignore[call-arg]
    assert rows(again, *TEXTS) == rows(own, *TEXTS)


def test_the_length_is_that_of_the_step_and_not_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(fitted(Word(max_length=2)).content)
    found = read(Word(vocabulary="tokenizer.json"), tmp_path)
    assert len(rows(found, "the cat sat on the mat")[0]) == 6
    found = read(Word(vocabulary="tokenizer.json", max_length=3), tmp_path)
    assert len(rows(found, "the cat sat on the mat")[0]) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cat\ndog\ncat\n", "line 3: `cat` stands in line 1 already"),
        (b"cat\n\ndog\n", "line 2: the line is empty"),
        (b"cat\nd\xffg\n", "line 2: the text is not UTF-8"),
        (b"", "the vocabulary is empty"),
        (b"cat\n[UNK]\n", "line 2: the special piece `[UNK]` stands below others"),
        (b"[PAD]\ncat\n", "the list begins with `[PAD]` and lacks `[UNK]`"),
    ],
)
def test_a_wrong_list_is_refused_at_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    assert message in refused(Word(vocabulary="words.txt"), tmp_path)


def test_a_line_of_several_characters_is_no_character(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("a\nbc\n")
    message = refused(Character(vocabulary="letters.txt"), tmp_path)
    assert "line 2: `bc` is more than one character" in message


def test_a_missing_file_names_the_input_and_the_step(tmp_path: Path) -> None:
    message = refused(Word(vocabulary="words.txt"), tmp_path)
    assert message.startswith("`preprocess.tokens`: no file `")
    assert message.endswith("words.txt`, the vocabulary of `word`")


def test_a_path_above_the_spec_is_refused(tmp_path: Path) -> None:
    assert "leaves the folder of the spec" in refused(Word(vocabulary="../words.txt"), tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"model": 3}', b'{"model": {"type": "WordLevel"}}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_tokenizer_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    assert "cannot be used" in refused(Word(vocabulary="tokenizer.json"), tmp_path)


def test_a_tokenizer_of_another_kind_names_the_step_that_takes_it(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(fitted(Bpe(vocabulary=300)).content)
    with pytest.raises(Failure) as caught:
        read(Word(vocabulary="tokenizer.json"), tmp_path)
    found = caught.value.diagnostic
    assert "holds a tokenizer of kind BPE, and `word` takes WordLevel" in found.message
    assert found.help == "write `bpe(vocabulary=tokenizer.json)`"


def test_a_list_does_not_say_how_bytes_are_joined(tmp_path: Path) -> None:
    (tmp_path / "pieces.txt").write_text("a\nb\n")
    assert "how `bpe` joins bytes" in refused(Bpe(vocabulary="pieces.txt"), tmp_path)
    assert "how `unigram` weighs them" in refused(Unigram(vocabulary="pieces.txt"), tmp_path)


def likely(tmp_path: Path) -> Any:
    """A tokenizer of kind Unigram as the library itself writes it."""
    from tokenizers import Tokenizer as Inner
    from tokenizers import models, normalizers, pre_tokenizers, processors

    pieces = [("<pad>", 0.0), ("<unk>", 0.0), ("</s>", 0.0), ("▁", -4.0), ("▁cat", -2.0)]
    pieces += [("s", -3.0), ("▁c", -3.5), ("ats", -3.9), ("a", -5.0), ("t", -5.0)]
    inner = Inner(models.Unigram(pieces, unk_id=1))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    inner.save(str(tmp_path / "tokenizer.json"))
    return inner


def test_the_likeliest_pieces_are_taken(tmp_path: Path) -> None:
    inner = likely(tmp_path)
    found = read(Unigram(vocabulary="tokenizer.json"), tmp_path)
    # "▁cat" + "s" is likelier than "▁c" + "ats".
    assert rows(found, "Cats", "cat x", "") == [[4, 5, 2], [4, 3, 1, 2], [2]]
    assert rows(found, *TEXTS) == [inner.encode(text).ids for text in TEXTS]
    assert found.index("</s>") == 2
    short = read(Unigram(vocabulary="tokenizer.json", max_length=2), tmp_path)
    assert rows(short, "Cats cats") == [[4, 2]]
    again = Tokenizer(found.content, "it")
    assert rows(again, *TEXTS) == rows(found, *TEXTS)


def test_a_file_of_likely_pieces_that_does_not_name_its_kind(tmp_path: Path) -> None:
    likely(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    assert content["model"].pop("type") == "Unigram"
    path.write_text(json.dumps(content))
    assert model_of(path.read_bytes(), "it") == "Unigram"
    with pytest.raises(Failure) as caught:
        read(Bpe(vocabulary="tokenizer.json"), tmp_path)
    assert caught.value.diagnostic.help == "write `unigram(vocabulary=tokenizer.json)`"


def test_likely_pieces_are_not_learned(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        read(Unigram(vocabulary="tokenizer.json"), tmp_path)
    assert caught.value.diagnostic.help == "put it there"


def test_a_text_that_the_tokenizer_does_not_take_is_a_diagnostic(tmp_path: Path) -> None:
    content = json.loads(fitted(Word()).content)
    del content["model"]["vocab"]["[UNK]"]
    content["model"]["vocab"]["other"] = 1
    found = Tokenizer(json.dumps(content).encode(), "the tokenizer of `tokens`")
    with pytest.raises(Failure) as caught:
        rows(found, "the zebra")
    assert caught.value.diagnostic.code.number == "E0606"
