"""The text of a first spec for lines of text: a model of the language."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from dlc.runtime.data.formats.text_lines import LINE
from dlc.runtime.data.tables import Table
from dlc.runtime.failures import failure, shown

_STEPS = 3_000
_FEWEST_LINES = 20
_BLOCK = 64
# Below this there is too little of each word to learn anything of it.
_OF_CHARACTERS = 300_000
_SEEN = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Text:
    """What is known of a text: its lines, its characters, and the different ones of its first
    part."""

    lines: int
    characters: int
    alphabet: int


def survey_text(table: Table) -> Text:
    """Reads all lines. Raises `Failure` E0606 for a text that is too short."""
    lines = characters = 0
    alphabet: set[str] = set()
    for chunk in table.chunks([LINE]):
        for line in chunk.column(0).to_pylist():
            lines += 1
            if characters < _SEEN:
                alphabet.update(line)
            characters += len(line)
    found = Text(lines=lines, characters=characters, alphabet=len(alphabet))
    # Each part needs a block, the smallest are a tenth.
    if lines < _FEWEST_LINES or characters < 40 * _BLOCK:
        raise failure(
            "E0606",
            f"`{shown(table.path)}` has {lines:,} lines with {characters:,} characters, too "
            "few to train on",
            help=f"give at least {_FEWEST_LINES} lines with some thousands of characters; each "
            "line is one sample",
        )
    return found


def draft_language(text: Text, *, source: str, command: str) -> str:
    """A recurrent network that says which character or piece follows those before it."""
    by_character = text.characters < _OF_CHARACTERS
    pieces = _vocabulary(text)
    size = pieces if not by_character else text.alphabet + 2
    # A piece of a learned vocabulary has about four characters.
    tokens = text.characters if by_character else text.characters // 4
    width = 128 if tokens < 250_000 else 256 if tokens < 5_000_000 else 512
    batch = 16 if tokens < 50_000 else 32
    steps = max(1, math.ceil(0.8 * tokens / (_BLOCK * batch)))
    epochs = min(50, max(3, math.ceil(_STEPS / steps)))
    what = "character" if by_character else "piece"
    step = f"character(vocabulary={size})" if by_character else f"bpe(vocabulary={size})"
    lines = [
        f"# A first spec, from `{command}`:",
        f"# {text.lines:,} lines, predicting each {what} from those before it. Every choice below "
        "may be changed.",
        "dlc: 1",
        f"dims: {{T: 1..{16 * _BLOCK}}}",
        "",
        "inputs:",
        "  tokens: int[N, T]",
        "",
        "layers:",
        "  - from: tokens",
        f"    embedding: {{num_embeddings: {size}, embedding_dim: {width // 2}}}",
        "  - dropout: 0.1",
        "  # Reads forwards only; `specs/gpt2.yaml` is the same with attention.",
        f"  - lstm: {width}",
        "  - dropout: 0.2",
        f"  - linear: {size}  # a score for each {what} that may follow",
        "    output: logits",
        "",
        "init: {embedding: normal(std=0.1), linear: xavier_uniform, bias: zeros}",
        "",
        "targets:",
        "  following: int[N, T]",
        "",
        "data:",
        f"  source: {json.dumps(source, ensure_ascii=False)}",
        f"  columns: {{tokens: {LINE}}}",
        f"  # The lines of each part follow each other, cut every {_BLOCK} {what}s.",
        f"  objective: next_token(block_length={_BLOCK})",
        "  split: {train: 0.8, validation: 0.1, test: 0.1, seed: 0}",
        f"  batch_size: {batch}",
        *(
            [f"# All {text.alphabet:,} characters; the first two places pad and are others."]
            if by_character
            else ["# Frequent runs of bytes, learned from the training part."]
        ),
        "preprocess:",
        f"  tokens: {step}",
        "loss: cross_entropy(logits, following)",
        f"metrics: perplexity(logits, following)  # among how many {what}s it seems to choose",
        "optimizer: {adamw: {lr: 3e-3, weight_decay: 0.01, no_decay: [bias, norm]}}",
        "schedule: cosine",
        "train:",
        f"  epochs: {epochs}",
        "  # A recurrent network may meet a steep place; the step stays short there.",
        "  clip_grad_norm: 1",
        "  # Ends where the validation part stops improving, and keeps the best weights.",
        f"  early_stopping: {{patience: {max(3, epochs // 10)}, monitor: val_loss}}",
    ]
    return "\n".join(lines) + "\n"


def _vocabulary(text: Text) -> int:
    """Pieces for a text of this length: different words grow about as the root of all (Heaps)."""
    wanted = 4 * math.sqrt(text.characters / 5)
    return int(min(16_000, max(1_000, 1_000 * round(wanted / 1_000))))
