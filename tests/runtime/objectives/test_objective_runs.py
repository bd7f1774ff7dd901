"""Small trainings by each objective: from the file to the figures, stopped and gone on with."""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
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
from dlc.runtime.failures import Failure  # noqa: E402
from dlc.runtime.inference.evaluator import (  # noqa: E402
    evaluate,
    model_subject,
    run_subject,
)
from dlc.runtime.loading import load_module  # noqa: E402
from dlc.runtime.objectives.base import Drawn  # noqa: E402
from dlc.runtime.training.plan import Plan, compile_resolved, plan_of  # noqa: E402
from dlc.runtime.training.progress import Silent  # noqa: E402
from dlc.runtime.training.samples import Samples  # noqa: E402
from dlc.runtime.training.session import Outcome, resume, start  # noqa: E402

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences whose even words go together, reversed texts, and two waves."""
    found = tmp_path_factory.mktemp("objectives")
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
    return found


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


class Interrupting(Silent):
    """Asks the run to stop, as Ctrl-C does, when it validates for the second time."""

    seen = 0

    def validated(self, record: Any, *, best: bool) -> None:
        self.seen += 1
        if self.seen == 2:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("name", SPECS)
def test_a_run_that_is_stopped_ends_as_one_that_is_not(
    name: str, folder: Path, tmp_path: Path
) -> None:
    straight = begun(SPECS[name], folder, tmp_path / "straight").summary
    stopped = begun(SPECS[name], folder, tmp_path / "stopped", Interrupting())
    assert stopped.signal == "SIGTERM"
    summary = resume(
        tmp_path / "stopped",
        lambda run: (lambda c: plan_of(c, generate(c)))(compile_resolved(run)),
        load=load_module,
        progress=Silent(),
    ).summary
    assert summary["steps"] == straight["steps"]
    assert summary["metrics"] == straight["metrics"]
    assert summary["test"] == straight["test"]


@pytest.mark.parametrize("name", SPECS)
def test_the_test_part_is_measured_as_at_the_end_of_training(
    name: str, folder: Path, tmp_path: Path
) -> None:
    summary = begun(SPECS[name], folder, tmp_path / "run").summary
    figures = evaluate(run_subject(tmp_path / "run", "cpu"), part="test").metrics
    assert figures["loss"] == pytest.approx(summary["test"]["loss"], rel=1e-5)
    assert math.isfinite(figures["loss"])


@pytest.fixture(scope="module")
def exported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of each spec with its model file, made once."""
    from dlc.runtime.export.exporter import export_network
    from dlc.runtime.export.sources import of_run

    @cache
    def made(name: str) -> Path:
        run = tmp_path_factory.mktemp(name) / "run"
        begun(SPECS[name], folder, run)
        export_network(of_run(run), run / "model.onnx")
        return run

    return made


@pytest.mark.parametrize("name", SPECS)
def test_the_model_file_is_measured_as_its_run(name: str, exported: Callable[[str], Path]) -> None:
    run = exported(name)
    for part in ("test", "validation"):
        of_run = evaluate(run_subject(run, "cpu"), part=part)
        of_file = evaluate(model_subject(run / "model.onnx", "cpu"), part=part)
        assert of_file.rows == of_run.rows
        assert of_file.metrics == pytest.approx(of_run.metrics, rel=1e-5)
    told = json.loads((run / "summary.json").read_text())
    of_file = evaluate(model_subject(run / "model.onnx", "cpu"), part="test")
    assert of_file.metrics["loss"] == pytest.approx(told["test"]["loss"], rel=1e-5)


def test_a_file_is_measured_without_torch(exported: Callable[[str], Path]) -> None:
    wanted = {
        name: evaluate(run_subject(exported(name), "cpu"), part="test").metrics["loss"]
        for name in ("skip_gram", "masked", "windows")
    }
    code = """
import json, sys
sys.modules["torch"] = None
from pathlib import Path
from dlc.runtime.inference.evaluator import evaluate, model_subject
for path in sys.argv[1:]:
    print(evaluate(model_subject(Path(path), "cpu"), part="test").metrics["loss"])
"""
    paths = [str(exported(name) / "model.onnx") for name in wanted]
    result = subprocess.run(
        [sys.executable, "-c", code, *paths],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = [float(line) for line in result.stdout.split()]
    assert found == pytest.approx(list(wanted.values()), rel=1e-5)


@pytest.mark.parametrize("name", ["masked", "skip_gram", "cbow"])
def test_every_epoch_draws_anew_and_validation_always_the_same(name: str, folder: Path) -> None:
    data = prepared(SPECS[name], folder)
    plan = planned(SPECS[name], folder)
    assert data.draws is not None

    def batch(epoch: int | None, seed: int = 1) -> list[Any]:
        samples = Samples(
            data.arrays,
            inputs=[*plan.inputs],
            targets=[*plan.targets],
            device=torch.device("cpu"),
            padding=data.padding,
            drawn=Drawn(draws=data.draws, seed=seed, shuffle=False),  # type: ignore[arg-type]
        )
        inputs, targets = samples.in_order(data.division.train, epoch)(0, 32)
        assert set(inputs) == set(plan.inputs)
        assert set(targets) == set(plan.targets)
        return [t.tolist() for t in (*inputs.values(), *targets.values())]

    assert batch(None) == batch(None)
    assert batch(4) == batch(4)
    assert batch(4) != batch(5)
    assert batch(4) != batch(None)
    assert batch(4) != batch(4, seed=2)


# ── what is prepared ─────────────────────────────────────────────────────────


def test_an_input_is_its_own_target_after_preprocessing(folder: Path) -> None:
    found = prepared(AUTOENCODER, folder)
    assert found.arrays["same"] is found.arrays["x"]
    assert abs(np.asarray(found.arrays["x"])[found.division.train].mean(axis=0)).max() < 1e-5


def test_windows_stay_within_their_part(folder: Path) -> None:
    found = prepared(WINDOWS, folder)
    waves = np.loadtxt(folder / "series.csv", delimiter=",", skiprows=1, usecols=(1, 2))
    mean, deviation = waves[:240].mean(axis=0), waves[:240].std(axis=0)
    values = (waves - mean) / deviation
    bounds = {"train": (0, 240), "validation": (240, 270), "test": (270, 300)}
    for part, (low, high) in bounds.items():
        places = found.division.part(part)
        assert len(places) == high - low - 14
        for at, place in enumerate(places):
            past = values[low + at : low + at + 12]
            future = values[low + at + 12 : low + at + 15]
            assert np.allclose(found.arrays["past"][place], past, atol=1e-4)  # type: ignore[index]
            assert np.allclose(found.arrays["future"][place], future, atol=1e-4)  # type: ignore[index]
            # The number of a window is that of the last row that it tells of.
            assert found.rows[place] == low + at + 15


def test_a_target_of_windows_may_be_a_column_as_it_is(folder: Path) -> None:
    text = WINDOWS.replace("[3, 2]", "[2, 3]").replace("past: [x, y]", "past: [x, y], future: y")
    text = text.replace("linear: 6", "linear: 3").replace(
        "  - unflatten: {dim: 1, sizes: [2, 3]}\n", ""
    )
    text = text.replace("linear: 3\n", "linear: 3\n    output: guess\n", 1)
    text = text.replace("    output: guess\ntargets", "targets").replace(
        "float[N, 3, 2]", "float[N, 3]"
    )
    found = prepared(text, folder)
    assert found.arrays["future"][0].tolist() == pytest.approx(  # type: ignore[index]
        [math.cos(i / 5) for i in (12, 13, 14)], abs=1e-5
    )


def test_blocks_hold_the_texts_of_a_part_one_after_the_other(folder: Path) -> None:
    found, texts = prepared(BLOCKS, folder), prepared(NEXT, folder)
    tokens, label = ragged(found, "tokens"), ragged(found, "label")
    for part in ("train", "validation", "test"):
        whole = ragged(texts, "tokens").take(texts.division.part(part)).values
        blocks = tokens.take(found.division.part(part))
        targets = label.take(found.division.part(part))
        count = (len(whole) - 1) // 12
        assert blocks.values.tolist() == whole[: count * 12].tolist()
        assert targets.values.tolist() == whole[1 : count * 12 + 1].tolist()


def test_a_decoder_gets_the_piece_before_each(folder: Path) -> None:
    found = prepared(TRANSLATION, folder)
    previous, word = ragged(found, "previous"), ragged(found, "word")
    assert found.padding["word"].value == 0
    for row in range(10):
        before, after = previous.row(row), word.row(row)
        assert before[0] == 2  # [CLS]
        assert after[-1] == 3  # [SEP]
        assert before[1:].tolist() == after[:-1].tolist()


def test_rows_that_are_not_in_the_order_of_time_make_no_windows(folder: Path) -> None:
    lines = (folder / "series.csv").read_text().splitlines()
    mixed = [lines[0], *lines[1:100], lines[150], *lines[100:150], *lines[151:]]
    (folder / "mixed.csv").write_text("\n".join(mixed) + "\n")
    with pytest.raises(Failure) as caught:
        prepared(WINDOWS.replace("series.csv", "mixed.csv"), folder)
    assert "row 101 of" in caught.value.diagnostic.message


def test_a_part_too_short_for_a_window_is_told(folder: Path) -> None:
    with pytest.raises(Failure) as caught:
        prepared(WINDOWS.replace("[N, 12, 2]", "[N, 29, 2]"), folder)
    assert "30 rows of the `validation` part" in caught.value.diagnostic.message


def test_a_table_smaller_than_the_vocabulary_is_refused(folder: Path) -> None:
    text = SKIP_GRAM.replace(
        "30, embedding_dim: 8}\n    name: u", "9, embedding_dim: 8}\n    name: u"
    )
    with pytest.raises(Failure) as caught:
        prepared(text, folder)
    assert caught.value.diagnostic.code.number == "E0606"


def test_words_learn_who_their_neighbours_are(folder: Path, tmp_path: Path) -> None:
    """Words of two kinds that never meet: neighbours of a kind come to lie together."""
    draw = random.Random(1)
    kinds = [[f"{kind}{i}" for i in range(6)] for kind in "ab"]
    lines = [" ".join(draw.choices(kinds[i % 2], k=8)) for i in range(600)]
    (folder / "kinds.txt").write_text("\n".join(lines) + "\n")
    text = SKIP_GRAM.replace("corpus.txt", "kinds.txt").replace(", subsample=0.02", "")
    begun(text.replace("epochs: 2", "epochs: 4"), folder, tmp_path / "run")
    from dlc.runtime.export.sources import of_run

    network = of_run(tmp_path / "run")
    statistic = network.preprocessing.inputs["center"].statistics[0]["tokenizer"]  # type: ignore[union-attr]
    from dlc.runtime.data.tokenizers import tokenizer_of

    tokenizer = tokenizer_of(statistic, "it")
    given = network.module.get_parameter("v.weight").detach()
    wanted = network.module.get_parameter("u.weight").detach()
    a, b = ([tokenizer.index(word) for word in words] for words in kinds)
    scores = given @ wanted.T
    alike = scores[a][:, a].mean() + scores[b][:, b].mean()
    unlike = scores[a][:, b].mean() + scores[b][:, a].mean()
    assert alike > unlike + 2


def test_answers_for_a_part_need_samples_that_are_rows(
    exported: Callable[[str], Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlc.compiler.cli.main import main

    def predict(name: str) -> int:
        model = exported(name) / "model.onnx"
        return main(["predict", str(model), str(folder / "series.csv"), "--split", "test"])

    assert predict("autoencoder") == 0
    assert "10 rows" in capsys.readouterr().out
    assert predict("windows") == 2
    assert "`windows` makes samples" in capsys.readouterr().err
