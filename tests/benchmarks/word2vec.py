"""Skip-gram with negative sampling, against gensim's Word2Vec on the same corpus: the time of
an epoch, and whether the vectors say the same.

The corpus is the rated sentences of `specs/data/movie_reviews.parquet`, 200,000 words;
`DLC_CORPUS` names another, a text file with a sentence a line. gensim is no dependency of ours:
`pip install gensim`, or `DLC_GENSIM=/path/to/python` where another Python has it. All settings
are equal: window, negative samples, their power, subsampling, the size of a vector, one thread,
plain gradient descent from 0.025 in a straight line down to 0.0001, the sum over the pairs of
a step. gensim takes a step for every pair, ours one for a batch of 2048.

What remains of the time: of each pair 6 rows of 100 numbers are copied out of the table, their
gradients are written, and added to the table, where gensim works in the table itself; and torch
multiplies 2048 matrices of 6 x 100 by a vector one by one, at 1 us each, three times a step.
With dense gradients and Adam a step would also walk through the whole table.

Similarities are cosines of all pairs of the 500 most frequent words. Their correlation with
those of gensim is to be read beside that of two runs of gensim, which differ in the seed.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pyarrow import parquet

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.data import texts
from dlc.runtime.data.dataset import prepare
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.objectives.base import Drawn
from dlc.runtime.training.plan import plan_of
from dlc.runtime.training.samples import Samples

Floats: TypeAlias = npt.NDArray[np.float32]

WINDOW, NEGATIVES, SUBSAMPLE, DIM, MIN_COUNT, BATCH = 5, 5, 1e-3, 100, 5, 2048
ROUNDS, EPOCHS, COMPARED = 3, 5, 500

SPEC = """\
dlc: 1
name: Words
inputs: {{center: 'int[N]', context: 'int[N, {candidates}]'}}
layers:
  - from: center
    embedding: {{num_embeddings: {size}, embedding_dim: {dim}, sparse: true}}
    name: v
  - from: context
    embedding: {{num_embeddings: {size}, embedding_dim: {dim}, sparse: true, init: zeros}}
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
loss: {batch} * {candidates} * binary_cross_entropy_with_logits(score, label)
optimizer: sgd(lr=0.025)
schedule: linear(final_lr=1e-4)
train: {{epochs: {epochs}}}
"""

GENSIM = """\
import json, sys, time
import numpy
from gensim.models import Word2Vec
texts = [line.split() for line in open(sys.argv[1])]
window, negative, sample, dim, least, epochs, seed, most = map(float, sys.argv[3:])
model = Word2Vec(sg=1, window=int(window), negative=int(negative), sample=sample,
                 vector_size=int(dim), min_count=int(least), workers=1, seed=int(seed),
                 epochs=int(epochs))
model.build_vocab(texts)
start = time.perf_counter()
model.train(texts, total_examples=len(texts), epochs=int(epochs))
seconds = time.perf_counter() - start
words = model.wv.index_to_key[:int(most)]
numpy.save(sys.argv[2], model.wv[words])
print(json.dumps({"seconds": seconds, "words": words}))
"""
REVIEWS = Path(__file__).parents[2] / "specs/data/movie_reviews.parquet"


def run() -> Iterator[tuple[str, str]]:
    torch.set_num_threads(1)
    python = os.environ.get("DLC_GENSIM", sys.executable)
    if _answer(python, "import gensim") is None:
        yield "skip-gram over gensim", "not measured: no gensim (name its Python: DLC_GENSIM)"
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "corpus.txt"
        words, size = _write(_sentences(), corpus)
        ours = _Ours(folder, size)
        drawing, training, theirs = [], [], []
        ours.draw()
        ours.train()
        for _ in range(ROUNDS):
            drawing.append(ours.draw())
            theirs.append(_Gensim(python, corpus).seconds)
            training.append(ours.train())
        what = f"skip-gram, {words:,} words, {size - 2:,} different, {ours.pairs:,} pairs"
        yield f"{what}: an epoch over gensim's", _ratio(training, theirs)
        rate = ours.pairs / statistics.median(drawing) / 1e6
        drawn = f"{_ratio(drawing, theirs)}, {rate:.1f} million pairs/s"
        yield "drawing its pairs and negatives, over gensim's epoch", drawn
        one, other = (_Gensim(python, corpus, epochs=EPOCHS, seed=seed) for seed in (1, 2))
        ours.train(EPOCHS)
        found = _similarities(ours.vectors(one.words))
        yield (
            f"correlation with gensim's similarities, {len(one.words)} words, {EPOCHS} epochs",
            f"{_correlation(found, one.similarities):.3f} "
            f"(gensim with itself, another seed: "
            f"{_correlation(other.similarities, one.similarities):.3f})",
        )


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return (
        f"{statistics.median(ratios):.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}] "
        f"({statistics.median(ours):.2f} s over {statistics.median(theirs):.2f} s)"
    )


def _sentences() -> list[str]:
    given = os.environ.get("DLC_CORPUS")
    if given is not None:
        return Path(given).read_text().splitlines()
    texts: list[str] = parquet.read_table(REVIEWS, columns=["text"])["text"].to_pylist()
    return texts


def _write(sentences: list[str], to: Path) -> tuple[int, int]:
    """The corpus in plain words; how many there are, and the size of the vocabulary."""
    lines = [re.findall(r"[a-z]+", line.lower()) for line in sentences]
    to.write_text("".join(" ".join(line) + "\n" for line in lines if line))
    counts = Counter(word for line in lines for word in line)
    kept = sum(count >= MIN_COUNT for count in counts.values())
    return sum(counts.values()), kept + 2


def _answer(python: str, script: str, *words: str) -> str | None:
    done = subprocess.run([python, "-c", script, *words], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def _similarities(vectors: Floats) -> Floats:
    """The cosines of all pairs."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return found


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


class _Gensim:
    """A run of gensim: the `seconds` that it trained, and what the most frequent words are
    to each other."""

    def __init__(self, python: str, corpus: Path, *, epochs: int = 1, seed: int = 1) -> None:
        to = corpus.with_suffix(".npy")
        settings = (WINDOW, NEGATIVES, SUBSAMPLE, DIM, MIN_COUNT, epochs, seed, COMPARED)
        answer = _answer(python, GENSIM, str(corpus), str(to), *map(str, settings))
        assert answer is not None
        found = json.loads(answer)
        self.seconds: float = found["seconds"]
        self.words: list[str] = found["words"]
        self.similarities = _similarities(np.load(to))


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
            epochs=EPOCHS,
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
        statistics = data.preprocessing.inputs["center"].statistics
        self.tokenizer = texts.tokenizer_in("center", statistics)
        self.rows = np.arange(len(data), dtype=np.int64)
        self.samples = Samples(
            data.arrays,
            inputs=[*plan.inputs],
            targets=[*plan.targets],
            device=torch.device("cpu"),
            drawn=Drawn(draws=data.draws, seed=0, shuffle=True),
        )
        self.pairs = self.samples.count(self.rows, 0)

    def draw(self) -> float:
        """Seconds for all batches of an epoch, without the network."""
        start = time.perf_counter()
        take = self.samples.in_order(self.rows, 0)
        for first in range(0, self.pairs, BATCH):
            take(first, min(first + BATCH, self.pairs))
        return time.perf_counter() - start

    def train(self, epochs: int = 1) -> float:
        """Seconds for so many epochs, from the start."""
        torch.manual_seed(0)
        self.model = model_class(self.module)()
        optimizer = self.module.optimizer(self.model)
        steps = -(-self.pairs // BATCH)
        schedule = self.module.schedule(optimizer, steps * epochs, steps)
        start = time.perf_counter()
        for epoch in range(epochs):
            take = self.samples.in_order(self.rows, epoch)
            for first in range(0, self.pairs, BATCH):
                inputs, targets = take(first, min(first + BATCH, self.pairs))
                self.module.loss(self.model(**inputs), targets).backward()
                optimizer.step()
                schedule.step()
                optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - start

    def vectors(self, words: list[str]) -> Floats:
        """The vectors of some words, as they were trained last."""
        table: Floats = self.model.get_parameter("v.weight").detach().numpy()
        places = [self.tokenizer.index(word) for word in words]
        return table[np.array(places, np.int64)]
