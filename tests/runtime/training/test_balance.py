"""`balanced` in a loss is the numbers that scikit-learn gives for the training part, and what
is made of the run knows nothing but these numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.utils.class_weight import compute_class_weight

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits,
)
from dlc.runtime.failures import Failure
from dlc.runtime.loading import load_module
from dlc.runtime.training import session
from dlc.runtime.training.balance import balanced
from dlc.runtime.training.plan import Plan, plan_of, plan_of_run
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import open_run
from tests.runtime.training.test_data_init import Listening

ROWS = 240
SPEC = """\
dlc: 1
name: Skewed
inputs: {x: 'float[N, 4]'}
layers:
  - linear: 8
  - relu:
    name: h
  - from: h
    linear: 3
    output: logits
  - from: h
    linear: 2
    output: score
targets: {label: 'int[N]', flags: 'float[N, 2]'}
data:
  source: rows.parquet
  columns: {x: 'f_*', label: label, flags: ['flag_a', 'flag_b']}
  split: {train: 0.7, validation: 0.3, seed: 3}
loss: LOSS
optimizer: sgd(lr=0.1)
train: {epochs: 2}
"""
CLASSES = "cross_entropy(logits, label, weight=balanced)"
FLAGS = "binary_cross_entropy_with_logits(score, flags, pos_weight=balanced)"
BOTH = f"{FLAGS} - 0.5 * {CLASSES}"


def write(root: Path, **changed: Any) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {f"f_{i}": draw.normal(size=ROWS) for i in range(4)}
    columns["label"] = draw.choice(3, ROWS, p=[0.7, 0.2, 0.1])
    columns["flag_a"] = (draw.random(ROWS) < 0.1).astype(np.int64)
    columns["flag_b"] = (draw.random(ROWS) < 0.8).astype(np.int64)
    columns |= changed
    pq.write_table(pa.table(columns), root / "rows.parquet", row_group_size=50)
    return columns


def plan(root: Path, loss: str = CLASSES, *changes: tuple[str, str]) -> Plan:
    text = SPEC.replace("LOSS", loss)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    result = check(Source("skewed.yaml", text, "yaml"), path=root / "skewed.yaml")
    assert result.compilation is not None, result.diagnostics
    return plan_of(result.compilation, generate(result.compilation))


def factors(root: Path, loss: str = CLASSES, *changes: tuple[str, str]) -> list[Any]:
    given = plan(root, loss, *changes)
    found = balanced(given, session.prepare_for(given))
    return [
        term.loss.factors
        for term in found.settings.loss
        if isinstance(term.loss, ClassLoss | BinaryCrossEntropyWithLogits)
    ]


def trained(root: Path, folder: str = "run", loss: str = CLASSES, **options: Any) -> Any:
    return session.start(
        plan(root, loss),
        root / folder,
        spec=("skewed.yaml", SPEC),
        load=load_module,
        progress=options.get("progress", Silent()),
    )


@pytest.mark.parametrize("memory", ["resident", "stream"])
def test_they_are_those_of_scikit_learn(tmp_path: Path, memory: str) -> None:
    columns = write(tmp_path)
    given = plan(tmp_path)
    train = session.prepare_for(given).division.train
    labels = columns["label"][train]
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    (found,) = factors(tmp_path, CLASSES, ("split", f"memory: {memory}\n  split"))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    # Not those of all rows.
    everyone = compute_class_weight("balanced", classes=np.arange(3), y=columns["label"])
    assert np.abs(np.array(found) - everyone).max() > 1e-3


def test_each_answer_is_balanced_by_itself(tmp_path: Path) -> None:
    columns = write(tmp_path)
    train = session.prepare_for(plan(tmp_path)).division.train
    wanted = []
    for name in ("flag_a", "flag_b"):
        no, yes = compute_class_weight("balanced", classes=np.arange(2), y=columns[name][train])
        wanted.append(yes / no)
    flags, classes = factors(tmp_path, BOTH)
    np.testing.assert_allclose(flags, wanted, rtol=1e-12)
    assert classes == factors(tmp_path)[0]


def test_labels_that_are_words_and_those_that_do_not_count(tmp_path: Path) -> None:
    columns = write(tmp_path)
    numbers = factors(tmp_path)
    write(tmp_path, label=np.array(["no", "rare", "very rare"])[columns["label"]])
    assert factors(tmp_path) == numbers
    write(tmp_path, label=np.where(columns["label"] == 1, 9, columns["label"]))
    ignoring = CLASSES.replace("balanced", "balanced, ignore_index=9")
    (found,) = factors(tmp_path, ignoring)
    train = session.prepare_for(plan(tmp_path, ignoring)).division.train
    kept = columns["label"][train]
    kept = kept[kept != 1]
    low, high = compute_class_weight("balanced", classes=np.array([0, 2]), y=kept)
    # The class that training does not meet is left alone.
    np.testing.assert_allclose(found, [low, 1.0, high], rtol=1e-12)


def test_no_label_at_all_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    given = plan(tmp_path)
    data = session.prepare_for(given)
    nothing = {**data.arrays, "label": np.full(ROWS, -100)}
    with pytest.raises(Failure) as caught:
        balanced(given, replace(data, arrays=nothing))
    assert caught.value.diagnostic.code.number == "E0606"
    assert "no value of `label`" in caught.value.diagnostic.message


def test_a_run_is_that_of_a_spec_with_these_numbers(tmp_path: Path) -> None:
    write(tmp_path)
    listening = Listening()
    one = trained(tmp_path, "one", progress=listening)
    (found,) = factors(tmp_path)
    listed = CLASSES.replace("balanced", str(list(found)))
    other = trained(tmp_path, "other", listed)
    assert one.summary["weights"] == other.summary["weights"]
    assert one.summary["metrics"] == other.summary["metrics"]
    for name in ("model.py", "resolved.yaml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert "balanced" not in (tmp_path / "one" / "resolved.yaml").read_text()
    assert any("`cross_entropy` of `label` is balanced" in said for said in listening.said)


@pytest.mark.parametrize("of_several", [False, True])
def test_a_run_is_gone_on_with_by_its_own_numbers(tmp_path: Path, of_several: bool) -> None:
    write(tmp_path)
    trained(tmp_path)
    # A member of several goes on from the spec of all, where no numbers are.
    plan_from = (lambda _: plan(tmp_path)) if of_several else plan_of_run
    outcome = session.resume(
        tmp_path / "run", plan_from, load=load_module, progress=Silent(), epochs=4
    )
    assert outcome.summary["steps"] == 4 * math.ceil(ROWS * 0.7 / 32)
    (term,) = plan_of_run(open_run(tmp_path / "run")).settings.loss
    assert isinstance(term.loss, ClassLoss)
    assert [term.loss.factors] == factors(tmp_path)


def test_folds_have_factors_of_their_own(tmp_path: Path) -> None:
    write(tmp_path)
    folds = ("{train: 0.7, validation: 0.3, seed: 3}", "{folds: 3, fold: FOLD, seed: 3}")
    found = [
        factors(tmp_path, CLASSES, (folds[0], folds[1].replace("FOLD", f"{k}"))) for k in range(3)
    ]
    assert len({json.dumps(each) for each in found}) == 3


def test_a_module_without_data_counts_all_classes_alike(tmp_path: Path) -> None:
    source = plan(tmp_path).source
    assert "`balanced` is 1 for each class here" in source
    assert source.count("weight=") == 0
