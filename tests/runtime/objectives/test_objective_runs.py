"""Small trainings by each objective: from the file to the figures, stopped and gone on with."""

from __future__ import annotations

import math
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dlc.compiler.codegen.torch_module import generate  # noqa: E402
from dlc.runtime.failures import Failure  # noqa: E402
from dlc.runtime.inference.evaluator import evaluate, run_subject  # noqa: E402
from dlc.runtime.loading import load_module  # noqa: E402
from dlc.runtime.objectives._neighbours import blocks, epoch_key  # noqa: E402
from dlc.runtime.objectives.base import Drawn  # noqa: E402
from dlc.runtime.training.plan import compile_resolved, plan_of  # noqa: E402
from dlc.runtime.training.progress import Silent  # noqa: E402
from dlc.runtime.training.samples import Samples  # noqa: E402
from dlc.runtime.training.session import resume  # noqa: E402
from dlc.runtime.training.streamed import samples_of  # noqa: E402
from dlc.runtime.training.validation import measured  # noqa: E402
from tests.runtime.objectives.made import (  # noqa: E402
    AUTOENCODER,
    BLOCKS,
    NEXT,
    SKIP_GRAM,
    SPECS,
    TRANSLATION,
    WINDOWS,
    begun,
    planned,
    prepared,
    ragged,
)


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


@pytest.mark.parametrize("name", ["skip_gram", "cbow"])
def test_validation_takes_each_of_its_own_samples_once(name: str, folder: Path) -> None:
    # What subsampling leaves, and so how many pairs there are, differs from epoch to epoch.
    text = SPECS[name].replace("window=2, negatives=3)", "window=2, negatives=3, subsample=0.02)")
    data, plan = prepared(text, folder), planned(text, folder)
    rows = data.division.validation
    draws: Any = data.draws
    samples = samples_of(
        data,
        inputs=[*plan.inputs],
        targets=[*plan.targets],
        device=torch.device("cpu"),
        drawn=Drawn(draws=draws, seed=1, shuffle=True),
    )
    held = blocks(draws.corpus, rows, epoch_key(1, None))
    expected = sum(len(draws.find(block, draws.corpus.window)) for block in held)
    assert samples.count(rows) == expected
    assert len({samples.count(rows, epoch) for epoch in (None, *range(6))}) > 1

    class Counted(torch.nn.Module):
        seen = 0

        def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
            size = len(next(iter(inputs.values())))
            self.seen += size
            return {name: torch.zeros(size, 4) for name in plan.outputs}

    model = Counted()
    loss = measured(model, plan, samples, rows, 32).results()["loss"]
    assert model.seen == expected
    assert loss == pytest.approx(math.log(2))


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
