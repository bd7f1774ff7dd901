"""`dlc train --nproc`: ranks of one machine, their ends, their failures."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import group
import pytest
import work

from dlc.compiler.cli.main import main
from dlc.runtime.cli import ranks, train
from dlc.runtime.training.checkpoint import CheckpointStore

SPEC = group.SPEC.format(
    layers=work.ONE_OUT,
    targets=work.VALUE,
    columns=work.VALUE_COLUMN,
    loss="mse_loss(logits, value)",
    metrics="mae(logits, value)",
    train="",
)
HANG_SECONDS = 120


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    group.write_rows(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


@contextmanager
def launched(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RANK", "WORLD"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "dlc.compiler.cli.main", "train", *words],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        # Ranks end with the process that started them.
        process.kill()
        process.communicate()


def ranks_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes of the ranks, in the order of their start."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == process.pid and fields[0] != "Z":
                found.append(int(path.parent.name))
    return sorted(found)


def wait_for_checkpoint(run: Path, process: subprocess.Popen[str], step: int) -> None:
    end = time.monotonic() + HANG_SECONDS
    store = CheckpointStore(run / "checkpoints")
    while not any(saved >= step for saved in store.steps()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.02)


def logs(folder: Path) -> list[Path]:
    return [*folder.glob("dlc-ranks-*/logs/**/*.log")]


LONG = ("--set", "train.epochs=20000", "--set", "train.checkpoint.keep=2")

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds ranks by /proc")


@needs_proc
def test_a_lost_rank_and_a_signal(spec: Path) -> None:
    folder = spec.parent
    with launched(folder, "small.yaml", "--nproc", "2", "--run", "run", *LONG) as process:
        wait_for_checkpoint(folder / "run", process, 10)
        before = ranks_of(process)
        assert len(before) == 2
        os.kill(before[1], signal.SIGKILL)
        reached = CheckpointStore(folder / "run" / "checkpoints").steps()[-1]
        end = time.monotonic() + HANG_SECONDS
        while set(ranks_of(process)) & set(before) or len(ranks_of(process)) < 2:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        wait_for_checkpoint(folder / "run", process, reached + 50)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=HANG_SECONDS)[0]
    assert process.returncode == 143, said
    assert ", from step " in said
    assert said.count("training Small on 2 ranks") == 2
    assert "Traceback" not in said
    assert not logs(folder)
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == sorted(set(steps))


@needs_proc
def test_ranks_do_not_outlive_the_command(spec: Path) -> None:
    folder = spec.parent
    with launched(folder, "small.yaml", "--nproc", "2", "--run", "run", *LONG) as process:
        wait_for_checkpoint(folder / "run", process, 5)
        ranks = ranks_of(process)
        process.kill()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{rank}").exists() for rank in ranks):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_failure_of_the_run_is_told_once_and_not_tried_again(spec: Path) -> None:
    folder = spec.parent
    words = ("small.yaml", "--nproc", "2", "--run", "run", "--set", "data.batch_size=1")
    with launched(folder, *words) as process:
        said = process.communicate(timeout=HANG_SECONDS)[0]
    assert process.returncode == 2, said
    assert said.count("error[E0636]: a batch of 1 sample is too small for 2 ranks") == 1
    assert "Traceback" not in said
    assert not (folder / "run").exists()
    assert not logs(folder)


def test_options_that_say_nothing(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(spec.parent)
    for words, code in (
        (["--nproc", "0"], "E0302"),
        (["--nproc", "2", "--timeout", "0"], "E0302"),
        (["--nproc", "2", "--restarts", "-1"], "E0302"),
        (["--nproc", "2", "--folds"], "E0311"),
    ):
        assert main(["train", "small.yaml", *words]) == 2
        assert code in capsys.readouterr().err


@pytest.mark.full
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hung"])
@needs_proc
def test_a_dead_or_hung_rank_is_replaced_and_the_run_ends_as_one_process_does(
    spec: Path, victim: int, number: signal.Signals
) -> None:
    folder, timeout = spec.parent, 5
    words = ("small.yaml", "--set", "train.epochs=300", "--set", "train.checkpoint.every=steps(50)")
    assert main(["train", str(spec), "--run", str(folder / "one"), *words[1:]]) == 0
    with launched(
        folder, *words, "--nproc", "2", "--run", "run", "--timeout", str(timeout)
    ) as process:
        wait_for_checkpoint(folder / "run", process, 100)
        before = ranks_of(process)
        os.kill(before[victim], number)
        struck = time.monotonic()
        other = before[1 - victim]
        # Detected: the rank that waits for the other gives up.
        while other in ranks_of(process):
            assert time.monotonic() < struck + 20 * (timeout + 2)
            time.sleep(0.05)
        detected = time.monotonic() - struck
        while set(ranks_of(process)) & set(before) or len(ranks_of(process)) < 2:
            assert process.poll() is None
            assert time.monotonic() < struck + 20 * 45
            time.sleep(0.05)
        recovered = time.monotonic() - struck
        said = process.communicate(timeout=300)[0]
    print(f"detected after {detected:.1f} s, recovered after {recovered:.1f} s")
    assert process.returncode == 0, said
    one, two = (
        [json.loads(line) for line in (folder / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("one", "run")
    )
    assert [record["step"] for record in one] == [record["step"] for record in two]
    assert two[-1]["loss"] == pytest.approx(one[-1]["loss"], rel=1e-4)


def test_ranks_get_every_option_but_those_of_the_launch() -> None:
    parser = argparse.ArgumentParser()
    train.configure(parser)
    launching = {"nproc", "nodes", "print_slurm", "executor", "restarts", "folds", "help"}
    given = ["spec.yaml"]
    for action in parser._actions:
        if not action.option_strings or action.dest in launching or action.dest == "levels":
            continue
        value = {"epochs": "7", "timeout": "9.0"}.get(action.dest, f"a {action.dest}")
        given += [action.option_strings[0], str(action.choices[0]) if action.choices else value]
    given += ["--deny", "warnings", "--allow", "W0101"]
    arguments = parser.parse_args(given)
    again = parser.parse_args(ranks.words_of(arguments)[1:])
    assert again == arguments
    unset = {k for k, v in vars(arguments).items() if v in (None, [], False)}
    assert unset <= launching
