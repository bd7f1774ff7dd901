"""Texts become tokens in a browser exactly as in the library that training used."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.bpe import Bpe
from dlc.compiler.components.preprocessing.byte import Byte
from dlc.compiler.components.preprocessing.character import Character
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.normalize_unicode import NormalizeUnicode
from dlc.compiler.components.preprocessing.word import Word
from dlc.compiler.components.preprocessing.wordpiece import Wordpiece
from dlc.runtime.data.ragged import Padding
from dlc.runtime.data.tokenizer_fitting import fit
from dlc.runtime.data.tokenizers import Tokenizer
from dlc.runtime.export.metadata import InputColumns
from dlc.runtime.targets.tokens import NotExact, cutting_characters, description
from tests import chromium

PAGE = Path(__file__).parents[3] / "runtime" / "serving" / "page"
TEXTS = [
    "",
    " ",
    "a",
    "It's a well-made film!",
    "ΣΑΣ ΌΣΟΣ",
    "İstanbul IĞDIR ıi",
    "Straße ﬁlm ①② ｆｕｌｌ ½",
    "日本語のテキスト",
    "e\u0301 é ñ n\u0303",
    "👩‍👩‍👧 🏳️‍🌈 𝒳 𐐀",
    "tab\tnew\nline\r\nnbsp\u00a0zwsp\u200bbom\ufeff",
    "x\u0000y\u0007z",
    "$1,000.00 <b>&amp;</b> a_b^c`d`~|",
    "«quoted» “curly” …—–‐ 。、！",
    "\u2028line\u2029para\u0085next",
    "Ǆ ǅ ǆ Ⅷ ⓐ",
    " ".join(["long"] * 40),
    "a" * 100 + " " + "a" * 101,
]
STEPS: dict[str, tuple[tuple[TextStep, ...], TokenStep]] = {
    "word": ((), Word(vocabulary=60)),
    "word, lower": ((Lowercase(),), Word(vocabulary=60, max_length=5)),
    "word, forms": ((NormalizeUnicode(form="NFKC"), Lowercase()), Word(vocabulary=80)),
    "word, the end": ((Lowercase(),), Word(vocabulary=60, max_length=5, truncation="left")),
    "character": ((NormalizeUnicode(form="NFD"),), Character(max_length=9)),
    "character, all": ((), Character()),
    "wordpiece": ((Lowercase(),), Wordpiece(vocabulary=90)),
    "wordpiece, short": ((), Wordpiece(vocabulary=60, max_length=6)),
    "wordpiece, the end": ((), Wordpiece(vocabulary=60, max_length=6, truncation="left")),
    "byte": ((), Byte(max_length=11)),
    "byte, lower": ((Lowercase(),), Byte()),
}
RUN = """
(async (given, texts) => {
  const {tokens} = await import(new URL('texts.js', location.href));
  return texts.map((text) => tokens(text, given));
})(%s, %s)
"""


def known(before: tuple[TextStep, ...], step: TokenStep, columns: int = 1) -> InputColumns:
    def chunks() -> list[np.ndarray[Any, Any]]:
        return [np.array([*TEXTS, "It's film", "a a a"], object)]

    content = fit(step, before, chunks)
    names = tuple(f"t{i}" for i in range(columns))
    return InputColumns(
        columns=names, host=(*before, step), tokenizer=content.decode(), padding=Padding()
    )


@pytest.mark.parametrize("name", list(STEPS))
def test_a_browser_cuts_texts_as_the_library_does(name: str, browser: chromium.Page) -> None:
    given = known(*STEPS[name])
    ragged, _ = Tokenizer(given.tokenizer.encode(), "x").encode(np.array(TEXTS, object))
    wanted = [ragged.row(index).tolist() for index in range(len(TEXTS))]
    assert max(map(max, filter(None, wanted))) > 10
    with chromium.served(PAGE) as url:
        browser.open(f"{url}page.css")
        found = browser.run(RUN % (json.dumps(description(given)), json.dumps(TEXTS)))
    assert found == wanted


def test_where_texts_are_cut_is_asked_of_the_library() -> None:
    punctuation, spaces = cutting_characters()
    assert {*"!,-_^$", "。", "«"} <= set(punctuation)
    assert {*" \t\n\u00a0\u2028"} <= set(spaces)
    assert not {*"aé1日"} & {*punctuation, *spaces}


@pytest.mark.full
def test_no_other_character_cuts_a_text() -> None:
    from tokenizers import pre_tokenizers

    cutter = pre_tokenizers.BertPreTokenizer()
    every = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) != "Cs"]
    text = "a" + "".join(f"{character}a" for character in every)
    pieces = cutter.pre_tokenize_str(text)
    alone = {piece for piece, _ in pieces if piece != "a" and len(piece) == 1}
    inside = bytearray(len(text))
    for _, (start, stop) in pieces:
        inside[start:stop] = b"\1" * (stop - start)
    between = {text[place] for place, flag in enumerate(inside) if not flag}
    assert ("".join(sorted(alone)), "".join(sorted(between))) == cutting_characters()


@pytest.mark.full
def test_a_browser_writes_every_character_in_lower_case_as_the_library_does(
    browser: chromium.Page,
) -> None:
    from tokenizers import normalizers

    lower = normalizers.Lowercase()
    every = [
        c
        for c in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(c) not in ("Cs", "Cn", "Co")
    ]
    wanted = [lower.normalize_str(character) for character in every]
    with chromium.served(PAGE) as url:
        browser.open(f"{url}page.css")
        script = ".map((c) => Array.from(c, (d) => d.toLowerCase()).join(''))"
        found = browser.run(f"{json.dumps(every)}{script}")
    assert [c for c, ours, theirs in zip(every, found, wanted, strict=True) if ours != theirs] == []


def test_what_needs_the_library_is_refused_in_words() -> None:
    with pytest.raises(NotExact, match="kind `BPE`"):
        description(known((), Bpe(vocabulary=300)))
    with pytest.raises(NotExact, match="pairs"):
        description(known((), Word(vocabulary=60), columns=2))
    given = known((), Word(vocabulary=60))
    file = json.loads(given.tokenizer)
    file["normalizer"] = {"type": "StripAccents"}
    changed = InputColumns(columns=("t",), tokenizer=json.dumps(file))
    with pytest.raises(NotExact, match="`StripAccents`"):
        description(changed)
    file = json.loads(given.tokenizer)
    file["added_tokens"] = [{"id": 0, "content": "[PAD]"}]
    changed = InputColumns(columns=("t",), tokenizer=json.dumps(file))
    with pytest.raises(NotExact, match="before all others"):
        description(changed)
