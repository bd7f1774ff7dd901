"""Texts from a table through training, export, evaluation and prediction: one tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from pyarrow import csv

pytest.importorskip("torch")

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.data.ragged import Ragged, fill
from dlc.runtime.export.exporter import export_network
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.export.sources import of_run
from dlc.runtime.failures import Failure
from dlc.runtime.inference.evaluator import evaluate, model_subject, run_subject
from dlc.runtime.inference.predictor import Predictor, open_data
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.plan import plan_of
from dlc.runtime.training.progress import Silent

SPEC = """\
dlc: 1
name: Judge
inputs: {tokens: "int[N, T]", lengths: "int[N]", padding: "bool[N, T]"}
layers:
  - from: tokens
    embedding: {num_embeddings: 300, embedding_dim: 12, padding_idx: 0}
  - lstm: {hidden_size: 8, lengths: lengths, bidirectional: true}
  - masked_mean: {padding_mask: padding}
  - linear: 2
    output: logits
targets: {label: "int[N]"}
data:
  source: reviews.csv
  columns: {tokens: text, label: verdict}
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: label}
  batch_size: 16
preprocess:
  tokens: [normalize_unicode, lowercase, STEP]
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=0.03)
train: {epochs: 5, seed: 1}
"""
STEPS = {
    "word": "word(vocabulary=300, max_length=20, lengths=lengths, mask=padding)",
    "wordpiece": "wordpiece(vocabulary=120, max_length=24, lengths=lengths, mask=padding)",
    "bpe": "bpe(vocabulary=300, max_length=40, lengths=lengths, mask=padding)",
    "character": "character(max_length=60, truncation=left, lengths=lengths, mask=padding)",
    "byte": "byte(max_length=60, lengths=lengths, mask=padding)",
}
GOOD = ["good", "great", "lovely", "superb", "charming", "café"]
BAD = ["bad", "awful", "dull", "boring", "poor", "ﬁne"]
FILLER = [
    "The",
    "film",
    "a",
    "story",
    "was",
    "of",
    "and",
    "plot,",
    "actor",
    "scene;",
    "it",
    "with",
    "some",
    "ending",
    "don't",
]
COUNT = 300


def reviews(count: int = COUNT) -> pa.Table:
    draw = np.random.default_rng(0)
    texts, verdicts = [], []
    for _ in range(count):
        good = bool(draw.integers(2))
        words = list(draw.choice(FILLER, draw.integers(0, 24)))
        for word in draw.choice(GOOD if good else BAD, 2):
            words.insert(int(draw.integers(len(words) + 1)), word)
        texts.append(" ".join(words).capitalize())
        verdicts.append("liked" if good else "disliked")
    # Rows that a batch cannot leave out: nothing at all, white space, symbols only.
    texts[:4] = ["", "   ", "\U0001f642\U0001f642", "unheard-of"]
    return pa.table({"text": texts, "verdict": verdicts})


@dataclass(frozen=True)
class Run:
    folder: Path
    model: Path
    data: Path
    samples: DataSet
    table: pa.Table


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    made: dict[str, Run] = {}

    def train(step: str) -> Run:
        if step not in made:
            made[step] = _train(tmp_path_factory.mktemp(step), STEPS[step])
        return made[step]

    return train


def _train(root: Path, step: str) -> Run:
    table = reviews()
    csv.write_csv(table, root / "reviews.csv")
    text = SPEC.replace("STEP", f'"{step}"')
    spec = root / "judge.yaml"
    spec.write_text(text)
    result = check(Source(spec.name, text), path=spec)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    plan = plan_of(result.compilation, generate(result.compilation))
    folder = root / "run"
    session.start(
        plan, folder, spec=(spec.name, text), load=load_module, progress=Silent(), device="cpu"
    )
    export_network(of_run(folder), folder / "model.onnx")
    return Run(
        folder=folder,
        model=folder / "model.onnx",
        data=root / "reviews.csv",
        samples=session.prepare_for(plan),
        table=table,
    )


def every_answer(run: Run, **options: Any) -> dict[str, Any]:
    predictor = Predictor(path=run.model, provider="cpu")
    parts = list(predictor.answers(open_data(run.data), **options))
    return {
        name: np.concatenate([part.outputs[name] for part in parts]) for name in parts[0].outputs
    }


@pytest.mark.parametrize("step", STEPS)
def test_what_training_saw_is_what_the_file_is_fed(step: str, trained: Any) -> None:
    run = trained(step)
    predictor = Predictor(path=run.model, provider="cpu")
    column = np.array(run.table.column("text").to_pylist(), object)
    feeds = fill(predictor.feeding.columns({"tokens": column}), predictor.feeding.paddings)
    rows = run.samples.arrays["tokens"]
    assert isinstance(rows, Ragged)
    expected = fill({"tokens": rows}, run.samples.padding)
    assert feeds.keys() == expected.keys() == {"tokens", "lengths", "padding"}
    for name, value in expected.items():
        np.testing.assert_array_equal(feeds[name], value, name)
        assert feeds[name].dtype == value.dtype


@pytest.mark.parametrize("step", STEPS)
def test_the_file_answers_as_the_run_does(step: str, trained: Any) -> None:
    run = trained(step)
    of_run_ = evaluate(run_subject(run.folder, "cpu"), part="all")
    of_file = evaluate(model_subject(run.model, "cpu"), data=run.data, part="all")
    assert of_run_.rows == of_file.rows == COUNT
    assert of_file.metrics == pytest.approx(of_run_.metrics, rel=1e-4)


def test_it_learns(trained: Any) -> None:
    run = trained("word")
    assert evaluate(model_subject(run.model, "cpu")).metrics["accuracy"] > 0.9


def test_answers_are_in_the_order_of_the_rows_however_they_are_batched(trained: Any) -> None:
    run = trained("word")
    whole = every_answer(run)
    for size in (1, 7, 64):
        again = every_answer(run, batch_size=size)
        np.testing.assert_allclose(again["logits"], whole["logits"], atol=1e-5)
        assert (again["logits_label"] == whole["logits_label"]).all()


def test_long_texts_are_answered_in_batches_of_their_own(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlc.runtime.inference import feeding

    run = trained("word")
    whole = every_answer(run)
    monkeypatch.setattr(feeding, "_BATCH_PLACES", 40)
    predictor = Predictor(path=run.model, provider="cpu")
    column = np.array(run.table.column("text").to_pylist(), object)
    columns = predictor.feeding.columns({"tokens": column})
    batches = list(predictor.feeding.batches(columns, COUNT, whole=False))
    assert len(batches) > 10
    assert all(feeds["tokens"].size <= 40 for _, feeds in batches)
    assert sorted(np.concatenate([places for places, _ in batches])) == list(range(COUNT))
    np.testing.assert_allclose(every_answer(run)["logits"], whole["logits"], atol=1e-5)


def test_the_file_bears_its_tokenizer_and_says_what_it_fills(trained: Any) -> None:
    run = trained("word")
    properties = {p.key: p.value for p in onnx.load(run.model).metadata_props}
    written = (run.folder / "preprocess" / "tokens.tokenizer.json").read_text()
    assert properties["dlc.tokenizer.tokens"] == written
    info = ModelInfo.read(properties, "model.onnx")
    assert info.inputs["tokens"].columns == ("text",)
    assert [step.name for step in info.inputs["tokens"].host] == [
        "normalize_unicode",
        "lowercase",
        "word",
    ]
    padding = info.inputs["tokens"].padding
    assert padding is not None
    assert (padding.lengths, padding.mask) == ("lengths", "padding")
    assert info.inputs["lengths"].columns == info.inputs["padding"].columns == ()
    types = {i.name: i.type.tensor_type.elem_type for i in onnx.load(run.model).graph.input}
    assert types == {
        "tokens": onnx.TensorProto.INT64,
        "lengths": onnx.TensorProto.INT64,
        "padding": onnx.TensorProto.BOOL,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"host": [{"word": {"vocabulary": "x"}}, {"no_such_step": {}}]},
        {"host": [{"word": {"vocabulary": -1}}]},
        {"host": [{"word": {"nothing": 1}}]},
        {"padding": {"dim": "T"}},
        {"padding": {"dim": "T", "least": 1, "value": 0, "lengths": 3, "mask": 0, "segments": 0}},
    ],
)
def test_damaged_metadata_is_a_diagnostic(change: dict[str, Any], trained: Any) -> None:
    properties = {p.key: p.value for p in onnx.load(trained("word").model).metadata_props}
    inputs = json.loads(properties["dlc.preprocess"])
    inputs["tokens"] |= change
    with pytest.raises(Failure) as caught:
        ModelInfo.read(properties | {"dlc.preprocess": json.dumps(inputs)}, "model.onnx")
    assert caught.value.diagnostic.code.number == "E0610"


def test_a_damaged_tokenizer_is_a_diagnostic(trained: Any, tmp_path: Path) -> None:
    model = onnx.load(trained("word").model)
    for entry in model.metadata_props:
        if entry.key == "dlc.tokenizer.tokens":
            entry.value = entry.value[:-9]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(Failure) as caught:
        Predictor(path=tmp_path / "model.onnx", provider="cpu")
    assert "the tokenizer of `tokens`" in caught.value.diagnostic.message


def test_a_table_without_the_column_names_it(trained: Any, tmp_path: Path) -> None:
    csv.write_csv(pa.table({"words": ["a"]}), tmp_path / "other.csv")
    predictor = Predictor(path=trained("word").model, provider="cpu")
    with pytest.raises(Failure) as caught:
        list(predictor.answers(open_data(tmp_path / "other.csv")))
    assert caught.value.diagnostic.code.number == "E0605"
    assert "`text`" in caught.value.diagnostic.message


def test_a_run_that_is_gone_on_with_ends_as_it_would_have(tmp_path: Path) -> None:
    """The tokenizer of the folder is taken, and the order of the batches is the same."""
    from dlc.runtime.training.plan import compile_resolved

    csv.write_csv(reviews(120), tmp_path / "reviews.csv")
    text = SPEC.replace("STEP", f'"{STEPS["word"]}"')
    result = check(Source("judge.yaml", text), path=tmp_path / "judge.yaml")
    assert result.compilation is not None
    plan = plan_of(result.compilation, generate(result.compilation))
    options: dict[str, Any] = {"load": load_module, "progress": Silent(), "device": "cpu"}
    spec = ("judge.yaml", text)
    whole = session.start(plan, tmp_path / "whole", spec=spec, **options).summary

    class StopsInTheThirdEpoch(Silent):
        def advance(self, **figures: Any) -> None:
            if figures["step"] >= 11:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.start(
            plan,
            tmp_path / "parts",
            spec=spec,
            **{**options, "progress": StopsInTheThirdEpoch()},
        )
    resumed = session.resume(
        tmp_path / "parts",
        lambda run: plan_of(compile_resolved(run), generate(compile_resolved(run))),
        **options,
    ).summary
    assert resumed["weights"] == whole["weights"]
