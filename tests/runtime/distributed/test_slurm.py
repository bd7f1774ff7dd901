"""The script for SLURM, run by bash with commands that stand in for those of a cluster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import group
import pytest
from torch.distributed.run import parse_args

from dlc.compiler.cli.main import main

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")

# A step that saves when it is asked to, and says what it was.
STAND_INS = {
    "srun": '#!/bin/bash\nexec "$@"\n',
    "torchrun": """#!/bin/bash
printf '%s\\n' "$@" > torchrun.words
trap 'echo TERM > torchrun.signal; sleep 0.3; echo saved > torchrun.saved; exit 143' TERM
echo > torchrun.ready
for turn in $(seq 600); do [ -e torchrun.end ] && exit 0; sleep 0.05; done
exit 9
""",
    "scontrol": """#!/bin/bash
if [ "$1" = show ]; then printf 'node1\\nnode2\\n'; else echo "$@" > scontrol.words; fi
""",
}


@pytest.fixture
def script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    monkeypatch.chdir(tmp_path)
    group.write_rows(tmp_path)
    (tmp_path / "it's small.yaml").write_text(
        group.SPEC.format(
            layers=group.LAYERS,
            targets='{label: "int[N]"}',
            columns='{x: "[abcd]", label: kind}',
            loss="cross_entropy(logits, label)",
            metrics="accuracy(logits, label)",
            train="",
        )
    )
    words = ["it's small.yaml", "--nproc", "4", "--nodes", "2", "--set", "train.epochs=7"]
    assert main(["train", *words, "--print-slurm"]) == 0
    path = tmp_path / "job.sh"
    path.write_text(capsys.readouterr().out)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in STAND_INS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return path


def begin(script: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "PATH": f"{script.parent / 'bin'}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "17",
        "SLURM_JOB_NODELIST": "node[1-2]",
    }
    process = subprocess.Popen(["bash", script.name], cwd=script.parent, env=environment)
    end = time.monotonic() + 30
    while not (script.parent / "torchrun.ready").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    return process


def test_the_script_asks_for_nodes_and_starts_torchrun_on_each(script: Path) -> None:
    text = script.read_text()
    for line in ("--nodes=2", "--gpus-per-node=4", "--requeue", "--signal=B:USR1@120"):
        assert f"#SBATCH {line}\n" in text
    process = begin(script)
    (script.parent / "torchrun.end").touch()
    assert process.wait(30) == 0
    words = (script.parent / "torchrun.words").read_text().splitlines()
    assert {"--nnodes=2", "--nproc-per-node=4", "--rdzv-endpoint=node1:29500"} <= set(words)
    # As torchrun itself reads them: its own options must not swallow those of dlc.
    given = parse_args(words)
    assert given.training_script == "dlc.compiler.cli.main"
    assert given.training_script_args[0] == "train"
    assert "--run" in given.training_script_args
    assert words[words.index("train") + 1 :][:3] == ["it's small.yaml", "--run", "runs/it's small"]
    assert "train.epochs=7" in words
    assert "--nproc" not in words
    assert not (script.parent / "scontrol.words").exists()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM], ids=["USR1", "TERM"])
def test_a_preempted_job_saves_and_is_queued_again(script: Path, number: signal.Signals) -> None:
    process = begin(script)
    process.send_signal(number)
    assert process.wait(30) == 143
    assert (script.parent / "torchrun.saved").exists()
    assert (script.parent / "scontrol.words").read_text() == "requeue 17\n"


def test_a_job_that_was_queued_again_goes_on(script: Path) -> None:
    run = script.parent / "runs" / "it's small"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (script.parent / "torchrun.end").touch()
    assert begin(script).wait(30) == 0
    words = (script.parent / "torchrun.words").read_text().splitlines()
    assert words[words.index("train") + 1 :][:2] == ["--resume", "runs/it's small"]
    assert "--set" not in words
