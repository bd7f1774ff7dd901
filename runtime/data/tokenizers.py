"""Tokenizers: from texts to the indices of their pieces.

The work is done by the library `tokenizers`; a fitted one is a `tokenizer.json` of its
format, with the text steps that stood before it, so that the file alone says what
becomes of a text, here and elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.bpe import Bpe
from dlc.compiler.components.preprocessing.byte import Byte
from dlc.compiler.components.preprocessing.character import Character
from dlc.compiler.components.preprocessing.lowercase import Lowercase
from dlc.compiler.components.preprocessing.normalize_unicode import NormalizeUnicode
from dlc.runtime.data.ragged import Ragged
from dlc.runtime.failures import Failure, failure

Array: TypeAlias = npt.NDArray[Any]

_BATCH = 4096


class Tokenizer:
    """A fitted tokenizer. `content` is its file; `texts` in messages are called by `what`."""

    def __init__(self, content: bytes, what: str) -> None:
        self.content = content
        self.what = what
        self.inner = _loaded(content, what)
        self.inner.no_padding()
        # What looks like [SEP] in a text is a text.
        self.inner.encode_special_tokens = True

    @property
    def size(self) -> int:
        """One more than the greatest index that it gives."""
        return max(self.inner.get_vocab(with_added_tokens=True).values(), default=0) + 1

    def index(self, piece: str) -> int | None:
        """The index of a piece such as `[MASK]`."""
        found: int | None = self.inner.token_to_id(piece)
        return found

    def encode(self, texts: Array) -> tuple[Ragged, Ragged | None]:
        """The pieces of texts `[rows]`, or of pairs of texts `[rows, 2]`; for pairs also the
        segment of each piece. Raises `Failure` E0606 for a text that it does not take."""
        ids: list[Ragged] = []
        segments: list[Ragged] = []
        paired = texts.ndim == 2
        for start in range(0, len(texts), _BATCH):
            part = texts[start : start + _BATCH].tolist()
            encodings = self._encoded([tuple(pair) for pair in part] if paired else part, start)
            ids.append(Ragged.from_rows([encoding.ids for encoding in encodings]))
            if paired:
                segments.append(Ragged.from_rows([encoding.type_ids for encoding in encodings]))
        return Ragged.joined(ids), Ragged.joined(segments) if paired else None

    def _encoded(self, texts: list[Any], start: int) -> list[Any]:
        try:
            encodings: list[Any] = self.inner.encode_batch_fast(texts)
        except Exception as error:
            raise failure(
                "E0606",
                f"{self.what} does not take a text of the rows {start + 1:,} to "
                f"{start + len(texts):,}: {_reason(error)}",
                help="give the tokenizer a piece for what it does not know",
            ) from None
        return encodings


def tokenizer_of(statistic: Array, what: str) -> Tokenizer:
    return Tokenizer(statistic.tobytes(), what)


def as_statistic(content: bytes) -> Array:
    return np.frombuffer(content, np.uint8)


def normalizer(steps: Sequence[TextStep]) -> Any:
    """What text steps do, as the library has it."""
    from tokenizers import normalizers

    found: list[Any] = []
    for step in steps:
        if isinstance(step, NormalizeUnicode):
            found.append(getattr(normalizers, step.form)())
        else:
            assert isinstance(step, Lowercase), step.name
            found.append(normalizers.Lowercase())
    return normalizers.Sequence(found)


def build(step: TokenStep, vocabulary: dict[str, int], merges: Sequence[Any] = ()) -> Any:
    """A tokenizer of the library for the pieces of a step."""
    from tokenizers import Tokenizer as Inner
    from tokenizers import models, processors

    unknown = step.specials[1]
    if step.model == "WordPiece":
        inner = Inner(models.WordPiece(vocabulary, unk_token=unknown))
        begin, end = "[CLS]", "[SEP]"
        inner.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A {end}",
            pair=f"{begin} $A {end} $B:1 {end}:1",
            special_tokens=[(begin, vocabulary[begin]), (end, vocabulary[end])],
        )
    elif step.model == "BPE":
        inner = Inner(models.BPE(vocabulary, [tuple(merge) for merge in merges]))
    else:
        inner = Inner(models.WordLevel(vocabulary, unk_token=unknown))
    inner.pre_tokenizer = pre_tokenizer(step)
    inner.decoder = _decoder(step)
    return inner


def pre_tokenizer(step: TokenStep) -> Any:
    """How a step cuts a text before its vocabulary is asked."""
    from tokenizers import Regex, pre_tokenizers

    if isinstance(step, Character):
        return pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    if isinstance(step, Bpe | Byte):
        return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=isinstance(step, Bpe))
    return pre_tokenizers.BertPreTokenizer()


def _decoder(step: TokenStep) -> Any:
    from tokenizers import decoders

    if step.model == "BPE":
        return decoders.ByteLevel()
    if step.model == "WordPiece":
        return decoders.WordPiece()
    return decoders.Fuse() if isinstance(step, Character) else None


def finished(inner: Any, before: Sequence[TextStep], step: TokenStep) -> bytes:
    """The file of a tokenizer: with the text steps before it, and what it cuts off."""
    from tokenizers import normalizers

    own = inner.normalizer
    if before:
        steps = [normalizer(before)] if own is None else [normalizer(before), own]
        inner.normalizer = normalizers.Sequence(steps)
    inner.no_padding()
    inner.no_truncation()
    if step.limit is not None:
        inner.enable_truncation(step.limit, direction=step.truncation)
    content: str = inner.to_str()
    return content.encode()


def _loaded(content: bytes, what: str) -> Any:
    from tokenizers import Tokenizer as Inner

    # A panic of the library derives from BaseException alone.
    try:
        return Inner.from_str(content.decode())
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        raise unusable(what, _reason(error)) from None


def unusable(what: str, reason: str) -> Failure:
    return failure(
        "E0604",
        f"{what} cannot be used: {reason}",
        help="give a `tokenizer.json` that the library `tokenizers` wrote",
    )


def model_of(content: bytes, what: str) -> str:
    """The kind of model in a `tokenizer.json`. Raises `Failure` E0604 where it is none."""
    try:
        found = json.loads(content)["model"]
        return str(found.get("type") or _guess(found))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise unusable(what, "it is no `tokenizer.json`") from None


def _guess(model: dict[str, Any]) -> str:
    # Files of old versions do not name the kind.
    if "merges" in model:
        return "BPE"
    if "unk_id" in model:
        return "Unigram"
    return "WordPiece" if "continuing_subword_prefix" in model else "WordLevel"


def _reason(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return text[:200] or type(error).__name__


def batches(texts: Array) -> Iterator[list[str]]:
    """Texts or pairs of texts, some thousand at a time."""
    flat = texts.reshape(-1)
    for start in range(0, len(flat), _BATCH):
        yield flat[start : start + _BATCH].tolist()
