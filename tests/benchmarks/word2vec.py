"""Skip-gram with negative sampling, against gensim's Word2Vec on the same corpus.

`DLC_CORPUS` names a text file, a sentence a line; without it the corpus is the news that
gensim's own tests read, 60,000 words, which is short for a measurement. `DLC_GENSIM` names
the Python that has gensim, where that is another one than this. All
settings are equal: window, negative samples, their power, subsampling, the size of a vector,
the number of threads, which on a busy machine is better one (OMP_NUM_THREADS=1). gensim takes
a step for every pair, ours one for a batch of 4096.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.data.dataset import prepare
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training import optimizer_state
from dlc.runtime.training.plan import plan_of
from dlc.runtime.training.samples import Samples

WINDOW, NEGATIVES, SUBSAMPLE, DIM, MIN_COUNT, BATCH = 5, 5, 1e-3, 100, 5, 4096
ROUNDS = 3

SPEC = """\
dlc: 1
name: Words
inputs: {{center: 'int[N]', context: 'int[N, {candidates}]'}}
layers:
  - from: center
    embedding: {{num_embeddings: {size}, embedding_dim: {dim}}}
    name: v
  - from: context
    embedding: {{num_embeddings: {size}, embedding_dim: {dim}}}
    name: u
  - from: [u, v]
    einsum: nkd,nd->nk
    output: score
init:
  embedding: uniform(-0.5 / {dim}, 0.5 / {dim})
targets: {{label: 'float[N, {candidates}]'}}
data:
  source: corpus.txt
  columns: {{center: line}}
  objective:
    skip_gram:
      context: context
      label: label
      window: {window}
      negatives: {negatives}
      subsample: {subsample}
  split: {{train: 1, validation: 0, test: 0}}
  batch_size: {batch}
preprocess: {{center: word(vocabulary={size})}}
loss: binary_cross_entropy_with_logits(score, label)
optimizer: adam(lr=2.5e-3)
train: {{epochs: 1}}
"""

GENSIM = """\
import json, sys, time
from gensim.models import Word2Vec
texts = [line.split() for line in open(sys.argv[1])]
window, negative, sample, dim, least, workers = map(float, sys.argv[2:])
model = Word2Vec(sg=1, window=int(window), negative=int(negative), sample=sample,
                 vector_size=int(dim), min_count=int(least), workers=int(workers), epochs=1)
model.build_vocab(texts)
start = time.perf_counter()
model.train(texts, total_examples=len(texts), epochs=1)
print(json.dumps(time.perf_counter() - start))
"""
NEWS = """\
import gensim.test.utils as utils
print(utils.datapath('lee_background.cor'))
"""


def run() -> list[tuple[str, str]]:
    python = os.environ.get("DLC_GENSIM", sys.executable)
    if _answer(python, "import gensim") is None:
        return [("skip-gram over gensim", "not measured: no gensim (name its Python: DLC_GENSIM)")]
    corpus = Path(os.environ.get("DLC_CORPUS") or str(_answer(python, NEWS)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words, size = _write(corpus, folder / "corpus.txt")
        ours = _Ours(folder, size)
        drawing, training, theirs = [], [], []
        ours.draw()
        for _ in range(ROUNDS):
            drawing.append(ours.draw())
            theirs.append(_gensim(python, folder / "corpus.txt"))
            training.append(ours.train())
    what = f"skip-gram, {words:,} words, {size - 2:,} different, {ours.pairs:,} pairs"
    return [
        (f"{what}: an epoch over gensim's", _ratio(training, theirs)),
        (
            "drawing its pairs and negatives, of gensim's epoch",
            f"{_ratio(drawing, theirs)}, {ours.pairs / statistics.median(drawing) / 1e6:.1f} "
            "million pairs/s",
        ),
    ]


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return (
        f"{statistics.median(ratios):.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}] "
        f"({statistics.median(ours):.2f} s over {statistics.median(theirs):.2f} s)"
    )


def _write(corpus: Path, to: Path) -> tuple[int, int]:
    """The corpus in plain words; how many there are, and the size of the vocabulary."""
    lines = [re.findall(r"[a-z]+", line.lower()) for line in corpus.read_text().splitlines()]
    to.write_text("".join(" ".join(line) + "\n" for line in lines if line))
    counts = Counter(word for line in lines for word in line)
    kept = sum(count >= MIN_COUNT for count in counts.values())
    return sum(counts.values()), kept + 2


def _answer(python: str, script: str, *words: str) -> str | None:
    done = subprocess.run([python, "-c", script, *words], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def _gensim(python: str, corpus: Path) -> float:
    settings = (WINDOW, NEGATIVES, SUBSAMPLE, DIM, MIN_COUNT, torch.get_num_threads())
    answer = _answer(python, GENSIM, str(corpus), *map(str, settings))
    assert answer is not None
    return float(json.loads(answer))


class _Ours:
    """The same by dlc: its samples, and the step of the generated module."""

    def __init__(self, folder: Path, size: int) -> None:
        text = SPEC.format(
            candidates=1 + NEGATIVES,
            size=size,
            dim=DIM,
            window=WINDOW,
            negatives=NEGATIVES,
            subsample=SUBSAMPLE,
            batch=BATCH,
        )
        result = check(Source("words.yaml", text), path=folder / "words.yaml")
        assert result.compilation is not None, [d.message for d in result.diagnostics]
        self.module: Any = load_module(generate(result.compilation))
        plan = plan_of(result.compilation, generate(result.compilation))
        data = prepare(
            plan.data,
            inputs=plan.inputs,
            targets=plan.targets,
            root=folder,
            preprocess=plan.settings.preprocess,
        )
        assert data.draws is not None
        self.rows = np.arange(len(data), dtype=np.int64)
        self.samples = Samples(
            data.arrays,
            inputs=[*plan.inputs],
            targets=[*plan.targets],
            device=torch.device("cpu"),
            drawn=Drawn(draws=data.draws, seed=0, shuffle=True),
        )
        self.pairs = self.samples.count(self.rows)

    def draw(self) -> float:
        """Seconds for all batches of an epoch, without the network."""
        start = time.perf_counter()
        take = self.samples.in_order(self.rows, 0)
        for first in range(0, self.pairs, BATCH):
            take(first, min(first + BATCH, self.pairs))
        return time.perf_counter() - start

    def train(self) -> float:
        """Seconds for an epoch."""
        model = model_class(self.module)()
        optimizer = self.module.optimizer(model)
        optimizer_state.use_fused(optimizer)
        start = time.perf_counter()
        take = self.samples.in_order(self.rows, 0)
        for first in range(0, self.pairs, BATCH):
            inputs, targets = take(first, min(first + BATCH, self.pairs))
            self.module.loss(model(**inputs), targets).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - start
