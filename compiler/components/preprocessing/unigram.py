"""Likely pieces of texts as indices, from a file."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Path
from dlc.compiler.components.preprocessing._texts import VocabularyStep
from dlc.compiler.record import component


@component
class Unigram(VocabularyStep):
    """Cuts texts into the likeliest pieces and gives the index of each.

        preprocess: {tokens: "unigram(vocabulary=tokenizer.json, max_length=512, mask=mask)"}

    The language model of pieces that SentencePiece and, with it, T5, ALBERT and XLM-RoBERTa
    have: of all ways to cut a text, the one whose pieces are likeliest together. The file says
    how a text is cleaned before, which pieces are put round it, and what is unknown. Such
    models are read and not learned here: the trainer of the library `tokenizers` gives other
    pieces every time. `bpe` and `wordpiece` are learned.

    Arguments:
        vocabulary: a `tokenizer.json` of kind Unigram below the spec's folder
        max_length: pieces beyond this are cut off, those that the file puts round a text
            included
        truncation: the end of a long text that is cut off
        lengths: the input that gets the number of pieces of each text
        mask: the input that is true where a text is padded

    Source: Kudo, "Subword regularization: improving neural network translation models with
    multiple subword candidates" (2018).
    """

    name: ClassVar[str] = "unigram"
    model: ClassVar[str] = "Unigram"

    vocabulary: Path = "tokenizer.json"
