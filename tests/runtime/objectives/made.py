"""A spec for each objective, small data for all of them, and short runs of them."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from dlc.compiler import Source, check  # noqa: E402
from dlc.compiler.codegen.torch_module import generate  # noqa: E402
from dlc.runtime.data.dataset import DataSet, prepare  # noqa: E402
from dlc.runtime.data.ragged import Ragged  # noqa: E402
from dlc.runtime.loading import load_module  # noqa: E402
from dlc.runtime.training.plan import Plan, plan_of  # noqa: E402
from dlc.runtime.training.progress import Silent  # noqa: E402
from dlc.runtime.training.session import Outcome, start  # noqa: E402

WORDS = ["the", "cat", "dog", "bird", "sees", "likes", "eats", "a", "red", "big", "small", "house"]

PAIRS = """\
dlc: 1
name: Words
inputs: {{{inputs}}}
layers:
{layers}
  - from: [u, v]
    einsum: nkd,nd->nk
    output: score
targets: {{label: 'float[N, 4]'}}
data:
  source: corpus.txt
  columns: {{{texts}: line}}
  objective: {objective}
  split: {{train: 0.8, validation: 0.1, test: 0.1}}
  batch_size: 64
preprocess: {{{texts}: word(vocabulary=30)}}
loss: binary_cross_entropy_with_logits(score, label)
optimizer: adam(lr=1e-2)
train: {{epochs: 2, validate_every: steps(7)}}
"""
SKIP_GRAM = PAIRS.format(
    inputs="center: 'int[N]', context: 'int[N, 4]'",
    layers="""\
  - from: center
    embedding: {num_embeddings: 30, embedding_dim: 8}
    name: v
  - from: context
    embedding: {num_embeddings: 30, embedding_dim: 8}
    name: u""",
    texts="center",
    objective="skip_gram(context=context, label=label, window=2, negatives=3, subsample=0.02)",
)
CBOW = PAIRS.format(
    inputs="context: 'int[N, 4]', center: 'int[N, 4]'",
    layers="""\
  - from: context
    eq: 0
    name: absent
  - from: context
    embedding: {num_embeddings: 30, embedding_dim: 8}
  - masked_mean: {padding_mask: absent}
    name: v
  - from: center
    embedding: {num_embeddings: 30, embedding_dim: 8}
    name: u""",
    texts="context",
    objective="cbow(center=center, label=label, window=2, negatives=3)",
)
TOKENS = """\
dlc: 1
name: Tokens
dims: {{T: 1..32}}
inputs: {{tokens: 'int[N, T]', padding: 'bool[N, T]'}}
layers:
  - from: tokens
    embedding: {{num_embeddings: 60, embedding_dim: 8}}
  - multihead_attention: {{num_heads: 2, key_padding_mask: padding, is_causal: {causal}}}
  - linear: 60
    output: logits
targets: {{label: 'int[N, T]'}}
data:
  source: corpus.txt
  columns: {{tokens: line}}
  objective: {objective}
  batch_size: 32
preprocess: {{tokens: 'wordpiece(vocabulary=60, max_length=32, mask=padding)'}}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=1e-2)
train: {{epochs: 2, validate_every: steps(2)}}
"""
MASKED = TOKENS.format(objective="masked_language_model", causal="false")
NEXT = TOKENS.format(objective="next_token", causal="true")
BLOCKS = TOKENS.format(objective="next_token(block_length=12)", causal="true")
TRANSLATION = """\
dlc: 1
name: Reversal
dims: {S: 1..20, T: 1..20}
inputs: {source: 'int[N, S]', lengths: 'int[N]', previous: 'int[N, T]'}
layers:
  - from: source
    embedding: {num_embeddings: 60, embedding_dim: 8}
  - gru: {hidden_size: 16, lengths: lengths}
    name: [read, last]
  - from: previous
    embedding: {num_embeddings: 60, embedding_dim: 8}
  - gru: {hidden_size: 16, h0: last}
  - linear: 60
    output: logits
targets: {word: 'int[N, T]'}
data:
  source: pairs.tsv
  columns: {source: source, previous: target}
  objective: sequence_to_sequence(previous=previous, label=word)
  batch_size: 32
preprocess:
  source: wordpiece(vocabulary=60, lengths=lengths)
  previous: wordpiece(vocabulary=60, max_length=21)
loss: cross_entropy(logits, word, ignore_index=0)
optimizer: adam(lr=1e-2)
train: {epochs: 2, validate_every: steps(2)}
"""
WINDOWS = """\
dlc: 1
name: Waves
inputs: {past: 'float[N, 12, 2]'}
layers:
  - flatten
  - linear: 6
  - unflatten: {dim: 1, sizes: [3, 2]}
    output: guess
targets: {future: 'float[N, 3, 2]'}
data:
  source: series.csv
  columns: {past: [x, y]}
  split: {train: 0.8, validation: 0.1, test: 0.1, time: t}
  objective: windows(past, future, horizon=3)
  batch_size: 32
preprocess: {past: standardize}
loss: mse_loss(guess, future)
optimizer: adam(lr=1e-2)
train: {epochs: 2, validate_every: steps(2)}
"""
AUTOENCODER = """\
dlc: 1
name: Auto
inputs: {x: 'float[N, 2]'}
layers:
  - linear: 2
    output: y
targets: {same: 'float[N, 2]'}
data:
  source: series.csv
  columns: {x: [x, y]}
  objective: autoencoding
  batch_size: 32
preprocess: {x: standardize}
loss: mse_loss(y, same)
optimizer: adam(lr=5e-2)
train: {epochs: 2, validate_every: steps(2)}
"""
# A forecast of a column as the file has it, from windows, and from words and numbers of the
# last row.
FORECAST = """\
dlc: 1
name: Forecast
inputs: {past: 'float[N, 12, 2]', kind: 'int[N]', level: 'float[N, 1]'}
layers:
  - from: past
    flatten: {}
  - linear: 4
    name: seen
  - from: kind
    embedding: {num_embeddings: 4, embedding_dim: 4}
    name: known
  - from: level
    linear: 4
    name: high
  - from: [seen, known, high]
    concat: 1
  - linear: 3
    output: guess
targets: {future: 'float[N, 3]'}
data:
  source: series.csv
  columns: {past: [x, y], kind: kind, level: level, future: y}
  split: {train: 0.8, validation: 0.1, test: 0.1, time: t}
  objective: windows(past, future, horizon=3)
  on_bad_sample: skip
  batch_size: 32
preprocess: {past: standardize, kind: vocabulary(max_size=4), level: [impute, standardize]}
loss: mse_loss(guess, future)
metrics: r2(guess, future)
optimizer: adam(lr=1e-2)
train: {epochs: 2, validate_every: steps(2)}
"""
PICTURES = """\
dlc: 1
name: Pictures
inputs: {image: 'float[N, 1, 6, 6]'}
layers:
  - conv2d: {out_channels: 1, kernel_size: 3, padding: 1}
    output: again
targets: {same: 'float[N, 1, 6, 6]'}
data:
  source: pictures
  objective: autoencoding
  batch_size: 16
preprocess: {image: ['resize(6, 6)', standardize]}
loss: mse_loss(again, same)
optimizer: adam(lr=1e-2)
train: {epochs: 2, validate_every: steps(2)}
"""
SPECS = {
    "forecast": FORECAST,
    "pictures": PICTURES,
    "skip_gram": SKIP_GRAM,
    "cbow": CBOW,
    "masked": MASKED,
    "next": NEXT,
    "blocks": BLOCKS,
    "translation": TRANSLATION,
    "windows": WINDOWS,
    "autoencoder": AUTOENCODER,
}


def write(found: Path) -> None:
    """Sentences whose even words go together, reversed texts, and two waves."""
    draw = random.Random(4)
    lines = [draw.choices(WORDS, k=draw.randint(3, 10)) for _ in range(200)]
    (found / "corpus.txt").write_text("".join(" ".join(line) + "\n" for line in lines))
    rows = [f"{' '.join(line)}\t{' '.join(line[::-1])}\n" for line in lines]
    (found / "pairs.tsv").write_text("source\ttarget\n" + "".join(rows))
    waves = [
        f"{i},{math.sin(i / 5):.6f},{math.cos(i / 5):.6f},{'abc'[i % 3]},{i % 7 or ''}\n"
        for i in range(300)
    ]
    (found / "series.csv").write_text("t,x,y,kind,level\n" + "".join(waves))
    (found / "pictures").mkdir()
    for i in range(60):
        # Of several sizes, which a step brings to one.
        pixels = np.random.default_rng(i).integers(0, 256, (8 + i % 3, 7 + i % 2), np.uint8)
        Image.fromarray(pixels).save(found / "pictures" / f"{i:02}.png")


def planned(text: str, folder: Path) -> Plan:
    result = check(Source("net.yaml", text), path=folder / "net.yaml")
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    return plan_of(result.compilation, generate(result.compilation))


def begun(text: str, folder: Path, run: Path, progress: Any = None) -> Outcome:
    return start(
        planned(text, folder),
        run,
        spec=("net.yaml", text),
        load=load_module,
        progress=progress or Silent(),
        device="cpu",
    )


def prepared(text: str, folder: Path) -> DataSet:
    plan = planned(text, folder)
    return prepare(
        plan.data,
        inputs=plan.inputs,
        targets=plan.targets,
        root=folder,
        preprocess=plan.settings.preprocess,
        bounds=plan.bounds,
        losses=[term.loss for term in plan.settings.loss],
    )


def ragged(data: DataSet, name: str) -> Ragged:
    found = data.arrays[name]
    assert isinstance(found, Ragged)
    return found
