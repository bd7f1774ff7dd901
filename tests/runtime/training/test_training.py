from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import toy

from dlc.compiler.components.intervals.epochs import Epochs
from dlc.compiler.components.intervals.steps import Steps
from dlc.compiler.components.sections.checkpoint import Checkpoint
from dlc.compiler.components.sections.early_stopping import EarlyStopping
from dlc.compiler.components.sections.split import Split
from dlc.runtime.failures import BAD_DATA, FINDINGS, IN_USE, USAGE, Failure
from dlc.runtime.training.checkpoint import CheckpointStore, load_weights
from dlc.runtime.training.plan import Plan, refuse_untrainable
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.run_folder import create_run


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def changed(plan: Plan, **sections: Any) -> Plan:
    return replace(plan, settings=replace(plan.settings, **sections))


def last(folder: Path) -> dict[str, Any]:
    return load_weights(folder, "last")


def fails(run: Any, *arguments: Any, **keywords: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        run(*arguments, **keywords)
    return caught.value


def test_a_run_learns_and_its_folder_tells_all(tmp_path: Path) -> None:
    outcome = toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=12))
    assert outcome.exit_code == 0
    found = records(tmp_path / "run")
    assert [record["step"] for record in found] == [11 * n for n in range(1, 13)]
    assert found[-1]["loss"] < found[0]["loss"] - 0.15
    assert found[-1]["val_accuracy"] > 0.6
    assert set(found[0]) == {
        *("step", "epoch", "loss", "val_loss", "val_accuracy", "lr", "seconds"),
    }
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary == outcome.summary
    assert summary["test"]["accuracy"] > 0.5
    assert summary["samples"] == {"train": 326, "validation": 40, "test": 41}
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["data"]["rows"] == 407
    assert run["root"] == ".."
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {"spec.yaml", "resolved.yaml", "model.py", "preprocess", "checkpoints"}


def test_a_seed_decides_the_weights_and_another_seed_others(tmp_path: Path) -> None:
    weights = [
        toy.start(tmp_path / str(n), toy.plan(tmp_path, epochs=1, seed=seed)).summary["weights"]
        for n, seed in enumerate((3, 3, 4))
    ]
    assert weights[0] == weights[1] != weights[2]


def test_newest_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=6))
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    newest = store.load_newest()
    assert newest is not None
    kept = store.steps()
    assert kept[-3:] == (56, 63, 66) or newest.state["best"]["step"] in kept[-3:]
    assert newest.state["best"]["step"] in kept
    assert len(kept) <= 4


def test_early_stopping_ends_with_the_best_weights(tmp_path: Path) -> None:
    plan = toy.plan(
        tmp_path, epochs=200, early_stopping=EarlyStopping(monitor="val_accuracy", patience=3)
    )
    outcome = toy.start(tmp_path / "run", plan)
    found = records(tmp_path / "run")
    assert outcome.summary["ended"] == "early_stopping"
    best = max(record["val_accuracy"] for record in found)
    assert outcome.summary["best"]["value"] == best
    first = next(index for index, record in enumerate(found) if record["val_accuracy"] == best)
    assert len(found) == first + 1 + 3
    again = toy.resume(tmp_path / "run", plan)
    assert again.summary["weights"] == outcome.summary["weights"]
    assert len(records(tmp_path / "run")) == len(found)


def test_last_weights_are_the_end_where_the_best_are_not_wanted(tmp_path: Path) -> None:
    early = EarlyStopping(patience=1000, restore_best=False)
    toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=3, early_stopping=early))
    end, newest = load_weights(tmp_path / "run"), last(tmp_path / "run")
    assert all((end[name] == newest[name]).all() for name in newest)


def test_training_may_be_counted_in_steps(tmp_path: Path) -> None:
    plan = toy.plan(
        tmp_path,
        epochs=None,
        steps=30,
        validate_every=Steps(n=8),
        checkpoint=Checkpoint(every=Epochs(n=1), keep=9),
    )
    toy.start(tmp_path / "run", plan)
    assert [record["step"] for record in records(tmp_path / "run")] == [8, 16, 24, 30]
    assert {11, 22, 30} <= set(CheckpointStore(tmp_path / "run" / "checkpoints").steps())


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    def plain(batch_size: int, accumulate: int) -> Plan:
        # Neither dropout nor batch norm: both see the batch.
        plan = toy.plan(tmp_path, epochs=2, accumulate=accumulate)
        source = plan.source.replace("Dropout(0.2)", "Identity()")
        source = source.replace("nn.BatchNorm1d(24)", "nn.Identity()")
        assert plan.settings.data is not None
        data = replace(plan.settings.data, batch_size=batch_size)
        return replace(changed(plan, data=data), source=source, batch_statistics=False)

    toy.start(tmp_path / "large", plain(96, 1))
    toy.start(tmp_path / "small", plain(32, 3))
    large, small = last(tmp_path / "large"), last(tmp_path / "small")
    for name in large:
        torch.testing.assert_close(torch.tensor(large[name]), torch.tensor(small[name]))


def test_a_full_batch_is_gradient_descent(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=3)
    assert plan.settings.data is not None
    toy.start(tmp_path / "run", changed(plan, data=replace(plan.settings.data, batch_size="all")))
    assert [record["step"] for record in records(tmp_path / "run")] == [1, 2, 3]


SGD = """
def optimizer(model):
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": DECAY},
        {"params": [p for p in model.parameters() if p.dim() <= 1]},
    ]
    return torch.optim.SGD(groups, lr=0.05)


"""


def with_sgd(plan: Plan, decay: float) -> Plan:
    head, _, rest = plan.source.partition("def optimizer")
    schedule = "def schedule" + rest.partition("def schedule")[2]
    return replace(plan, source=head + SGD.replace("DECAY", str(decay)) + schedule)


# As the code generator writes them.
L2 = """
def penalty(model):
    return 0.15 * sum(w.square().sum() for w in model.parameters() if w.ndim >= 2)
"""
L1 = """
def penalty(model):
    return 0.3 * sum(w.abs().sum() for w in model.parameters() if w.ndim >= 2)
"""
MAX_NORM = """
@torch.no_grad()
def constrain(model):
    for w in [p for p in model.parameters() if p.ndim >= 2]:
        w.copy_(torch.renorm(w, p=2, dim=0, maxnorm=0.3))
"""


def with_functions(plan: Plan, source: str) -> Plan:
    return replace(plan, source=plan.source + "\n" + source)


def test_l2_is_the_weight_decay_of_plain_sgd(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=2)
    toy.start(tmp_path / "decay", with_sgd(plan, 0.3))
    toy.start(tmp_path / "l2", with_functions(with_sgd(plan, 0.0), L2))
    toy.start(tmp_path / "none", with_sgd(plan, 0.0))
    decay, l2, none = (last(tmp_path / name) for name in ("decay", "l2", "none"))
    first = [records(tmp_path / name)[0]["loss"] for name in ("l2", "none")]
    assert abs(first[0] - first[1]) < 0.3, "the loss that is reported has no penalties"
    for name in decay:
        torch.testing.assert_close(torch.tensor(decay[name]), torch.tensor(l2[name]))
    assert abs(none["linear.weight"]).sum() > 1.05 * abs(l2["linear.weight"]).sum()


def test_l1_draws_weights_to_zero_and_max_norm_bounds_them(tmp_path: Path) -> None:
    plan = with_sgd(toy.plan(tmp_path, epochs=2), 0.0)
    toy.start(tmp_path / "none", plan)
    toy.start(tmp_path / "l1", with_functions(plan, L1))
    toy.start(tmp_path / "norm", with_functions(plan, MAX_NORM))
    none, l1, norm = (last(tmp_path / name) for name in ("none", "l1", "norm"))
    assert abs(l1["linear.weight"]).sum() < 0.8 * abs(none["linear.weight"]).sum()
    lengths = torch.tensor(norm["linear.weight"]).norm(dim=1)
    assert lengths.max() <= 0.3001
    assert torch.tensor(none["linear.weight"]).norm(dim=1).max() > 0.4


def test_clipping_bounds_a_step(tmp_path: Path) -> None:
    plan = with_sgd(toy.plan(tmp_path, epochs=None, steps=1), 0.0)
    toy.start(tmp_path / "value", with_train(plan, clip_grad_value=1e-4))
    toy.start(tmp_path / "norm", with_train(plan, clip_grad_norm=1e-4))
    toy.start(tmp_path / "none", plan)
    torch.manual_seed(3)
    before = dict(toy.load(plan.source).Toy().named_parameters())
    moved = {
        name: {
            key: (torch.tensor(last(tmp_path / name)[key]) - value.detach())
            for key, value in before.items()
        }
        for name in ("value", "norm", "none")
    }
    assert max(float(m.abs().max()) for m in moved["value"].values()) <= 0.05 * 1e-4 * 1.01
    length = math.sqrt(sum(float((m**2).sum()) for m in moved["norm"].values()))
    assert 0.05 * 1e-4 * 0.9 < length < 0.05 * 1e-4 * 1.1
    assert max(float(m.abs().max()) for m in moved["none"].values()) > 1e-3


def with_train(plan: Plan, **train: Any) -> Plan:
    return changed(plan, train=replace(plan.settings.train, **train))


def test_bf16_trains_about_as_well(tmp_path: Path) -> None:
    toy.start(tmp_path / "full", toy.plan(tmp_path, epochs=6))
    toy.start(tmp_path / "half", toy.plan(tmp_path, epochs=6, precision="bf16"))
    full, half = (records(tmp_path / name)[-1]["loss"] for name in ("full", "half"))
    assert full != half
    assert abs(full - half) < 0.05
    assert last(tmp_path / "half")["linear.weight"].dtype == "float32"


NAN = "    return F.cross_entropy(outputs["
NAN_FROM_STEP_20 = """    global _calls
    _calls = globals().get("_calls", 0) + 1
    factor = float("nan") if _calls >= 20 else 1.0
    return factor * F.cross_entropy(outputs["""


def test_a_loss_that_is_not_finite_ends_the_run_with_its_rows(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=4, monitors=False)  # they call the loss, too
    broken = replace(plan, source=plan.source.replace(NAN, NAN_FROM_STEP_20))
    problem = fails(toy.start, tmp_path / "run", broken)
    assert problem.diagnostic.code.number == "E0609"
    assert problem.exit_code == FINDINGS
    assert "in step 20" in problem.diagnostic.message
    notes = " ".join(problem.diagnostic.notes)
    assert "step-00000014" in notes
    written = json.loads((tmp_path / "run" / "non_finite.json").read_text())
    (batch,) = written["batches"]
    assert batch["step"] == 20
    assert len(batch["rows"]) == 32
    assert f"rows {batch['rows'][0]}, " in notes
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    assert store.steps()[-1] == 14
    whole = toy.start(tmp_path / "whole", plan)
    (tmp_path / "run" / "model.py").write_text(plan.source)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    record["files"].pop("model.py")
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    assert toy.resume(tmp_path / "run", plan).summary["weights"] == whole.summary["weights"]


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1, checkpoint=Checkpoint(every=Steps(n=1)))
    step = "import math\n\n\nclass Bad(torch.optim.SGD):\n    def step(self):\n"
    step += "        super().step()\n        p = self.param_groups[1]['params'][0]\n"
    step += "        self.n = getattr(self, 'n', 0) + 1\n"
    step += "        if self.n == 5:\n            p.data.fill_(float('inf'))\n\n\n"
    source = with_sgd(plan, 0.0).source.replace("torch.optim.SGD(groups", "Bad(groups")
    source = source.replace("class Toy", step.replace("import math", "") + "class Toy")
    problem = fails(toy.start, tmp_path / "run", replace(plan, source=source))
    assert problem.diagnostic.code.number == "E0609"
    assert "`linear.bias` holds values that are not finite" in problem.diagnostic.message
    assert CheckpointStore(tmp_path / "run" / "checkpoints").steps()[-1] == 4


def test_a_step_that_memory_does_not_hold_is_told_as_such(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=2, monitors=False)
    greedy = NAN_FROM_STEP_20.replace('float("nan")', "float(torch.empty(1 << 60).sum())")
    broken = replace(plan, source=plan.source.replace(NAN, greedy))
    problem = fails(toy.start, tmp_path / "run", broken)
    assert problem.diagnostic.code.number == "E0615"
    assert "`cpu` does not hold a batch of 32 samples" in problem.diagnostic.message
    assert CheckpointStore(tmp_path / "run" / "checkpoints").steps()[-1] == 14


def test_an_unknown_figure_to_watch_is_refused(tmp_path: Path) -> None:
    early = EarlyStopping(monitor="val_acuracy")
    problem = fails(refuse_untrainable, toy.plan(tmp_path, early_stopping=early))
    assert problem.diagnostic.help == "`val_accuracy` is one"


def test_damaged_statistics_are_refused(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1)
    toy.start(tmp_path / "run", plan)
    path = tmp_path / "run" / "preprocess" / "statistics.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "is not as the run wrote it" in fails(toy.resume, tmp_path / "run", plan).args[0]


def test_a_used_folder_is_refused_and_what_is_in_it_stays(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1)
    toy.start(tmp_path / "run", plan)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    problem = fails(toy.start, tmp_path / "run", plan)
    assert problem.exit_code == USAGE
    assert "--resume" in (problem.diagnostic.help or "")
    assert before == {path: path.stat().st_mtime_ns for path in before}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    assert fails(toy.start, tmp_path / "other", plan).exit_code == USAGE
    assert fails(toy.start, tmp_path / "toy.csv", plan).exit_code == USAGE


def test_a_locked_folder_is_refused(tmp_path: Path) -> None:
    holder = create_run(tmp_path / "run")
    problem = fails(toy.start, tmp_path / "run", toy.plan(tmp_path, epochs=1))
    assert problem.exit_code == IN_USE
    assert problem.diagnostic.code.number == "E0607"
    holder.close()
    assert toy.start(tmp_path / "run", toy.plan(tmp_path, epochs=1)).exit_code == 0


def test_bad_data_leaves_no_folder(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1)
    with (tmp_path / "toy.csv").open("a") as file:
        file.write("1,2,x,4,ant\n")
    problem = fails(toy.start, tmp_path / "run", plan)
    assert problem.exit_code == BAD_DATA
    assert "row 408, column `c`: `x` is not a number" in problem.diagnostic.message
    assert not (tmp_path / "run").exists()


def test_other_data_or_another_module_is_refused_at_resume(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1)
    toy.start(tmp_path / "run", plan)
    other = replace(plan, source=plan.source + "\n")
    problem = fails(toy.resume, tmp_path / "run", other)
    assert problem.diagnostic.code.number == "E0613"
    data = tmp_path / "toy.csv"
    data.write_text(data.read_text().replace("ant", "ape"))
    problem = fails(toy.resume, tmp_path / "run", plan)
    assert problem.exit_code == BAD_DATA


def test_a_changed_file_of_the_folder_is_refused(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1)
    toy.start(tmp_path / "run", plan)
    path = tmp_path / "run" / "model.py"
    path.write_text(path.read_text() + "import os\n")
    assert "is not as the run wrote it" in fails(toy.resume, tmp_path / "run", plan).args[0]


def test_a_folder_that_is_no_run_cannot_be_resumed(tmp_path: Path) -> None:
    problem = fails(toy.resume, tmp_path, toy.plan(tmp_path))
    assert problem.exit_code == USAGE
    assert "is no run folder" in problem.diagnostic.message


def test_early_stopping_without_a_validation_part_is_refused(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path)
    assert plan.settings.data is not None
    data = replace(plan.settings.data, split=Split(train=1.0, validation=0.0, test=0.0))
    problem = fails(toy.start, tmp_path / "run", changed(plan, data=data))
    assert problem.diagnostic.code.number == "E0309"


def test_a_run_without_validation_and_test_trains(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=1, early_stopping=None)
    assert plan.settings.data is not None
    data = replace(plan.settings.data, split=Split(train=1.0, validation=0.0, test=0.0))
    outcome = toy.start(tmp_path / "run", changed(plan, data=data))
    assert "test" not in outcome.summary
    assert [set(record) for record in records(tmp_path / "run")] == [
        {"step", "epoch", "loss", "lr", "seconds"}
    ]


def test_an_epoch_never_ends_with_a_batch_of_one_where_batch_norm_would_fail(
    tmp_path: Path,
) -> None:
    plan = toy.plan(tmp_path, epochs=2, rows=401)
    toy.start(tmp_path / "run", plan)
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["data"]["parts"]["train"] % 32 == 1
    assert [record["step"] for record in records(tmp_path / "run")] == [10, 20]


class Watching(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.read: list[dict[str, float]] = []

    def advance(self, *, step: int, samples_per_second: float, figures: Any, gauges: Any) -> None:
        assert samples_per_second > 0
        self.read.append(dict(figures))

    def say(self, text: str) -> None:
        self.said.append(text)


def test_damaged_checkpoints_are_reported_and_skipped_at_resume(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=4)
    whole = toy.start(tmp_path / "run", plan)
    store = CheckpointStore(tmp_path / "run" / "checkpoints")
    file = store.path(store.steps()[-1]) / "optimizer.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 4
    file.write_bytes(content)
    progress = Watching()
    resumed = toy.resume(tmp_path / "run", plan, progress=progress)
    assert any("is damaged" in line and "older one" in line for line in progress.said)
    assert resumed.summary["weights"] == whole.summary["weights"]
    assert {"loss", "accuracy"} <= set(progress.read[0])
    assert [record["step"] for record in records(tmp_path / "run")] == [11, 22, 33, 44]


def test_a_run_that_has_ended_goes_on_for_more_epochs(tmp_path: Path) -> None:
    plan = toy.plan(tmp_path, epochs=2)
    toy.start(tmp_path / "run", plan)
    outcome = toy.resume(tmp_path / "run", plan, epochs=4)
    assert outcome.summary["ended"] == "finished"
    assert [record["step"] for record in records(tmp_path / "run")] == [11, 22, 33, 44]
    # Stopped and gone on with again it still lasts four: the folder remembers.
    assert toy.resume(tmp_path / "run", plan).summary["steps"] == 44
    problem = fails(toy.resume, tmp_path / "run", plan, epochs=3)
    assert problem.diagnostic.code.number == "E0302"
    assert "4 epochs" in problem.diagnostic.message
    assert toy.resume(tmp_path / "run", plan, epochs=5).summary["steps"] == 55


def test_more_epochs_give_a_run_that_stopped_early_new_patience(tmp_path: Path) -> None:
    early = EarlyStopping(monitor="val_accuracy", patience=2, min_delta=1.0)
    plan = toy.plan(tmp_path, epochs=50, early_stopping=early)
    first = toy.start(tmp_path / "run", plan).summary
    assert (first["ended"], first["steps"]) == ("early_stopping", 33)
    again = toy.resume(tmp_path / "run", plan, epochs=50).summary
    assert (again["ended"], again["steps"]) == ("early_stopping", 55)
