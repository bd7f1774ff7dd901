"""The Ray executor: against a stand-in for Ray everywhere, and on Ray where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import group
import pytest

from dlc.runtime.distributed import ray_executor
from dlc.runtime.failures import Failure

RANK = """\
import json, os, sys, time
rank, attempt = os.environ["RANK"], int(os.environ["TORCHELASTIC_RESTART_COUNT"])
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
with open(f"{rank}-{attempt}.json", "w") as file:
    json.dump({"words": sys.argv[1:], **{name: os.environ[name] for name in names}}, file)
print(f"answer of {rank}")
print("a line of progress", file=sys.stderr)
plan = json.load(open("plan.json")).get(f"{rank}-{attempt}", 0)
if plan == "killed":
    os.kill(os.getpid(), 9)
if plan == "lost":
    print("error[E0638]: another rank is gone", file=sys.stderr)
    sys.exit(1)
sys.exit(plan)
"""


class Handle:
    """A method of an actor, or an actor: `remote` starts it in a thread."""

    def __init__(self, pool: ThreadPoolExecutor, target: Any) -> None:
        self.pool, self.target = pool, target

    def remote(self, *arguments: Any) -> Future[Any]:
        return self.pool.submit(self.target, *arguments)

    def __getattr__(self, name: str) -> Handle:
        return Handle(self.pool, getattr(self.target, name))


class Ray(ModuleType):
    """So much of Ray as the executor uses, by its documented names."""

    def __init__(self, room: int) -> None:
        super().__init__("ray")
        self.room = room
        self.options: list[dict[str, Any]] = []
        self.pool = ThreadPoolExecutor(16)
        self.exceptions = SimpleNamespace(RayError=OSError)
        self.util = SimpleNamespace(
            placement_group=self._place,
            remove_placement_group=lambda group: None,
            get_node_ip_address=lambda: "10.0.0.7",
            scheduling_strategies=SimpleNamespace(PlacementGroupSchedulingStrategy=SimpleNamespace),
        )
        self.init = self.shutdown = lambda **keywords: None

    def _place(self, bundles: list[dict[str, int]], strategy: str) -> Any:
        return SimpleNamespace(wait=lambda timeout_seconds: len(bundles) <= self.room)

    def remote(self, actor: Any) -> Any:
        def options(**keywords: Any) -> Any:
            self.options.append(keywords)
            return SimpleNamespace(remote=lambda: Handle(self.pool, actor()))

        return SimpleNamespace(options=options)

    def get(self, future: Future[Any]) -> Any:
        return future.result(60)


@pytest.fixture
def ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ray:
    stand_in = Ray(room=2)
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    (tmp_path / "rank.py").write_text(RANK)
    monkeypatch.setattr(ray_executor, "COMMAND", (sys.executable, "rank.py"))
    monkeypatch.chdir(tmp_path)
    return stand_in


def launch(*, restarts: int = 2, ranks: int = 2, gpus: bool = False, **plan: Any) -> int:
    """`r0_1=9` ends rank 0 with 9 in its second attempt."""
    steps = {name[1:].replace("_", "-"): status for name, status in plan.items()}
    Path("plan.json").write_text(json.dumps(steps))
    return ray_executor.launch(["train", "x.yaml"], ranks=ranks, restarts=restarts, gpus=gpus)


def test_ranks_get_what_torchrun_gives_and_the_leader_answers(
    ray: Ray, capfd: pytest.CaptureFixture[str]
) -> None:
    assert launch(gpus=True) == 0
    said = [json.loads(Path(f"{rank}-0.json").read_text()) for rank in range(2)]
    assert [each["RANK"] for each in said] == ["0", "1"]
    assert {each["WORLD_SIZE"] for each in said} == {"2"}
    assert {each["MASTER_ADDR"] for each in said} == {"10.0.0.7"}
    assert len({each["MASTER_PORT"] for each in said}) == 1
    assert all(each["words"] == ["train", "x.yaml"] for each in said)
    assert ray.options[0]["num_gpus"] == 1
    out, err = capfd.readouterr()
    assert out == "answer of 0\n"
    assert err.count("a line of progress") == 1


def test_a_lost_rank_is_started_again_with_the_others(ray: Ray) -> None:
    assert launch(r1_0="killed", r0_0="lost") == 0
    assert Path("0-1.json").exists()
    assert not Path("0-2.json").exists()


def test_a_rank_that_is_always_lost_is_told(ray: Ray) -> None:
    with pytest.raises(Failure) as caught:
        launch(restarts=1, r1_0="killed", r0_0="lost", r1_1="killed", r0_1="lost")
    assert caught.value.diagnostic.code.number == "E0638"
    assert caught.value.diagnostic.message == "rank 1 was lost, after 1 restarts"


def test_a_failure_of_the_run_is_not_tried_again(ray: Ray) -> None:
    assert launch(r1_0=65, r0_0="lost") == 65
    assert not Path("0-1.json").exists()
    assert launch(r0_0=74) == 74


def test_a_cluster_without_room_is_told(ray: Ray) -> None:
    with pytest.raises(Failure) as caught:
        launch(ranks=3)
    assert caught.value.diagnostic.code.number == "E0637"


@pytest.mark.full
def test_ray_itself_trains_as_one_process_does(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    group.write_rows(tmp_path)
    plan = group.SPEC.format(
        layers=group.LAYERS,
        targets='{label: "int[N]"}',
        columns='{x: "[abcd]", label: kind}',
        loss="cross_entropy(logits, label)",
        metrics="accuracy(logits, label)",
        train="",
    )
    (tmp_path / "small.yaml").write_text(plan)
    command = [sys.executable, "-m", "dlc.compiler.cli.main", "train", "small.yaml"]
    for more in (["--run", "one"], ["--run", "two", "--nproc", "2", "--executor", "ray"]):
        done = subprocess.run(
            [*command, "--device", "cpu", *more],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            timeout=300,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    one, two = (
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    )
    assert [r["loss"] for r in two] == pytest.approx([r["loss"] for r in one], rel=1e-6)
