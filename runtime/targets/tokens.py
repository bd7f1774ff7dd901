"""How texts become tokens, as tables that another language can follow exactly.

Some ways to cut a text need no library: at white space and punctuation, into the longest
known pieces of words, into characters, into bytes. Which characters are punctuation is asked
of the library that training used, and written down, so that no other table of Unicode
decides it.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from dlc.runtime.data.ragged import Padding
from dlc.runtime.export.metadata import InputColumns

_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
# What a character may be that a text is cut at: punctuation, symbols, separators, controls,
# and marks, of which some were punctuation in the table that the library has.
_CUTTING = frozenset("PSZCM")


class NotExact(Exception):
    """Why a tokenizer cannot be followed without its library, in words."""


def description(known: InputColumns) -> dict[str, Any]:
    """The tokenizer of an input. Raises `NotExact`."""
    if len(known.columns) != 1:
        raise NotExact("it takes pairs of texts")
    file = json.loads(known.tokenizer)
    if file.get("added_tokens"):
        raise NotExact("its tokenizer has pieces that it looks for before all others")
    truncation = file.get("truncation") or {}
    found: dict[str, Any] = {
        "normalize": list(_normalizers(file.get("normalizer"))),
        "most": truncation.get("max_length"),
        "end": str(truncation.get("direction", "Right")).lower(),
        "around": _around(file.get("post_processor")),
        "padding": padding_record(known.padding),
    }
    return found | _cut(file)


def padding_record(padding: Padding | None) -> dict[str, Any] | None:
    if padding is None:
        return None
    return {
        "dim": padding.dim,
        "least": padding.least,
        "value": padding.value,
        "lengths": padding.lengths,
        "mask": padding.mask,
        "segments": padding.segments,
    }


def _normalizers(given: Any) -> Iterator[str]:
    if given is None:
        return
    kind = given["type"]
    if kind == "Sequence":
        for inner in given["normalizers"]:
            yield from _normalizers(inner)
    elif kind in (*_FORMS, "Lowercase"):
        yield kind
    else:
        raise NotExact(f"its tokenizer normalizes texts by `{kind}`")


def _around(processor: Any) -> list[list[int]]:
    """The pieces that stand before and after every text."""
    if processor is None or processor["type"] == "ByteLevel":
        return [[], []]
    if processor["type"] != "TemplateProcessing":
        raise NotExact(f"its tokenizer finishes texts by `{processor['type']}`")
    before: list[int] = []
    after: list[int] = []
    side = before
    for part in processor["single"]:
        if "Sequence" in part:
            side = after
            continue
        side += processor["special_tokens"][part["SpecialToken"]["id"]]["ids"]
    return [before, after]


def _cut(file: Mapping[str, Any]) -> dict[str, Any]:
    model, cutter = file["model"], file.get("pre_tokenizer") or {}
    match model["type"], cutter.get("type"):
        case "WordLevel" | "WordPiece" as kind, "BertPreTokenizer":
            punctuation, spaces = cutting_characters()
            found = {
                "cut": "words",
                "punctuation": punctuation,
                "spaces": spaces,
                **_vocabulary(model),
            }
            if kind == "WordPiece":
                found["pieces"] = {
                    "prefix": model["continuing_subword_prefix"],
                    "longest": model["max_input_chars_per_word"],
                }
            return found
        case "WordLevel", "Split" if _every_character(cutter):
            return {"cut": "characters", **_vocabulary(model)}
        case "BPE", "ByteLevel" if not (
            model["merges"] or cutter["use_regex"] or cutter["add_prefix_space"]
        ):
            return {"cut": "bytes", "bytes": _bytes(model["vocab"])}
        case kind, _:
            raise NotExact(f"its tokenizer is of the kind `{kind}`")


def _every_character(cutter: Mapping[str, Any]) -> bool:
    pattern = {"Regex": r"[\s\S]"}
    return bool(cutter["pattern"] == pattern and cutter["behavior"] == "Isolated")


def _vocabulary(model: Mapping[str, Any]) -> dict[str, Any]:
    words = sorted(model["vocab"], key=model["vocab"].__getitem__)
    if [model["vocab"][word] for word in words] != list(range(len(words))):
        raise NotExact("its vocabulary leaves numbers out")
    return {"vocabulary": words, "unknown": model["vocab"].get(model["unk_token"])}


def _bytes(vocabulary: Mapping[str, int]) -> list[int]:
    """The number of each byte. The library writes bytes as characters that can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    characters = {byte: chr(byte) for byte in seen}
    hidden = (byte for byte in range(256) if byte not in characters)
    characters |= {byte: chr(256 + place) for place, byte in enumerate(hidden)}
    try:
        return [vocabulary[characters[byte]] for byte in range(256)]
    except KeyError:
        raise NotExact("its vocabulary lacks bytes") from None


@cache
def cutting_characters() -> tuple[str, str]:
    """The characters that are words of their own, and those that stand between words."""
    from tokenizers import pre_tokenizers

    asked = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character)[0] in _CUTTING
        and unicodedata.category(character) not in ("Cs", "Co", "Cn")
    ]
    cutter = pre_tokenizers.BertPreTokenizer()
    text = "a" + "".join(f"{character}a" for character in asked)
    pieces = cutter.pre_tokenize_str(text)
    punctuation = {piece for piece, _ in pieces if piece != "a" and len(piece) == 1}
    covered = [False] * len(text)
    for _, (start, stop) in pieces:
        covered[start:stop] = [True] * (stop - start)
    spaces = {text[place] for place, inside in enumerate(covered) if not inside}
    return "".join(sorted(punctuation)), "".join(sorted(spaces))
