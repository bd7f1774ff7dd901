"""Metrics of predicted numbers and of texts against torchmetrics and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torchmetrics.functional as tm
from sklearn import metrics as sk

from dlc.compiler.components.preprocessing.word import Word
from dlc.runtime.data.tokenizer_fitting import fit
from dlc.runtime.data.tokenizers import Tokenizer
from tests.runtime.metrics.measuring import ROWS, component, figure, rng, same, tensors

REGRESSION = {
    "mse": (tm.mean_squared_error, sk.mean_squared_error),
    "mae": (tm.mean_absolute_error, sk.mean_absolute_error),
    "rmse": (lambda x, t: tm.mean_squared_error(x, t, squared=False), sk.root_mean_squared_error),
    "r2": (tm.r2_score, sk.r2_score),
    "explained_variance": (tm.explained_variance, sk.explained_variance_score),
    "pearson": (lambda x, t: tm.pearson_corrcoef(x, t).mean(), None),
    "spearman": (lambda x, t: tm.spearman_corrcoef(x, t).mean(), None),
}


def numbers(random, shape=(), scale=1.0, offset=0.0, ties=False):
    t = random.standard_normal((ROWS, *shape))
    x = 0.7 * t + 0.5 * random.standard_normal(t.shape) + 0.3
    if ties:
        x, t = np.round(x), np.round(t)
    return offset + scale * x, offset + scale * t


@pytest.mark.parametrize("shape", [(), (1,), (3,)], ids=str)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", REGRESSION)
def test_figures_of_numbers_are_torchmetrics(name, ties, shape):
    x, t = numbers(rng(name, shape, ties), shape, ties=ties)
    flat = [a.reshape(ROWS) if shape == (1,) else a for a in (x, t)]
    of_torchmetrics, of_sklearn = REGRESSION[name]
    if name != "rmse" or shape != (3,):
        same(figure(component(name), x, t), of_torchmetrics(*tensors(*flat)))
    if of_sklearn is not None and (name != "rmse" or shape != (3,)):
        same(figure(component(name), x, t), of_sklearn(flat[1], flat[0]))


@pytest.mark.parametrize("name", REGRESSION)
def test_missing_numbers_do_not_count(name):
    x, t = numbers(rng(name, "missing"))
    holes = t.copy()
    holes[::3] = np.nan
    counts = ~np.isnan(holes)
    expected = REGRESSION[name][0](*tensors(x[counts], t[counts]))
    same(figure(component(name), x, holes), expected)


@pytest.mark.parametrize("name", ["r2", "explained_variance", "pearson"])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 1e7), (1e-4, 0.0)])
def test_variation_is_exact_far_from_zero_and_near_it(name, scale, offset):
    x, t = numbers(rng(name, "far"))
    expected = figure(component(name), x, t)
    # What is rounded here are the numbers themselves, to 2e-9.
    moved = figure(component(name), offset + scale * x, offset + scale * t, exact=1e-8)
    assert moved == pytest.approx(expected, rel=1e-7)


def test_numbers_that_do_not_vary():
    x, t = numbers(rng("constant"))
    level = np.full_like(t, 3.0)
    for name in ("r2", "explained_variance"):
        assert figure(component(name), level, level) == 1
        assert figure(component(name), x, level) == 0
        assert math.isnan(figure(component(name), x[:1], t[:1]))
    for name in ("pearson", "spearman"):
        assert math.isnan(figure(component(name), x, level))
        assert math.isnan(figure(component(name), level, t))


def test_perplexity_is_torchmetrics():
    random = rng("perplexity")
    x = (3 * random.standard_normal((ROWS, 7, 11))).astype(np.float32)
    t = random.integers(0, 11, (ROWS, 7))
    t[random.random(t.shape) < 0.4] = -100
    scores, target = tensors(x.astype(np.float64), t)
    expected = tm.text.perplexity(scores, target, ignore_index=-100)
    same(figure(component("perplexity"), x, t), expected)
    given = scores.softmax(-1).numpy()
    same(figure(component("perplexity", from_logits=False), given, t), expected)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("n_gram", [1, 2, 4])
def test_bleu_is_torchmetrics(n_gram, smooth):
    random = rng("bleu", n_gram, smooth)
    words, end = 6, 2
    t = random.integers(0, words, (ROWS, 12))
    t[random.random((ROWS, 12)).cumsum(1) > 6] = -100
    said = np.where(random.random(t.shape) < 0.8, t.clip(0), random.integers(0, words, t.shape))
    x = np.eye(words, dtype=np.float32)[said]

    def text(tokens):
        tokens = tokens.tolist()
        return " ".join(map(str, tokens[: tokens.index(end)] if end in tokens else tokens))

    answers = [text(a[r != -100]) for a, r in zip(said, t, strict=True)]
    references = [[text(r[r != -100])] for r in t]
    expected = tm.text.bleu_score(answers, references, n_gram=n_gram, smooth=smooth)
    found = figure(component("bleu", n_gram=n_gram, smooth=smooth, end=end), x, t)
    assert found == pytest.approx(float(expected), rel=1e-5)
    assert 0.1 < found < 0.9


def test_bleu_of_words_is_that_of_the_texts():
    random = rng("bleu of texts")
    known = np.array(["a", "bee", "cow", "dog", "eel", "fox", "gnu"])
    said = [random.choice(known, random.integers(5, 12)) for _ in range(40)]
    true = [np.where(random.random(len(a)) < 0.8, a, random.choice(known, len(a))) for a in said]
    answers, references = ([" ".join(words) for words in texts] for texts in (said, true))
    content = fit(Word(), (), lambda: [np.array(references, object)])
    tokens = Tokenizer(content, "the texts")

    def padded(texts):
        return tokens.encode(np.array(texts, object))[0].padded(12, -100)

    t = padded(references)
    x = np.eye(tokens.size, dtype=np.float32)[padded(answers).clip(0)]
    expected = tm.text.bleu_score(answers, [[text] for text in references])
    found = figure(component("bleu"), x, t)
    assert found == pytest.approx(float(expected), rel=1e-5)
    assert 0.1 < found < 0.9


def test_bleu_of_nothing_in_common_is_zero():
    t = np.tile(np.arange(4), (3, 1))
    x = np.eye(9, dtype=np.float32)[t + 4]
    assert figure(component("bleu"), x, t) == 0
    assert figure(component("bleu"), np.eye(9, dtype=np.float32)[t], t) == 1
