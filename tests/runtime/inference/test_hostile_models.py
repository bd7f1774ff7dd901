"""Every hostile model is refused in one line, soon and with little memory.

Each is opened in a process with bounds of its own, so that a crash, a hang or a flood of
memory is a failed test and not the end of all tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_models import HOSTILE

# Guards against hangs, far above what any of them takes.
_SECONDS = 300
_BYTES = 6 << 30

_CHILD = """
import json, resource, sys
from pathlib import Path
bytes_, folder, paths = int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
from dlc.runtime.failures import Failure
from dlc.runtime.inference.predictor import Predictor
import numpy as np
for name, path in paths.items():
    print(json.dumps({"began": name}), flush=True)
    try:
        predictor = Predictor(path=Path(path), provider="cpu")
        predictor.session.run({"x": np.zeros((1, 2), np.float32)})
        found = {"ran": True}
    except Failure as error:
        found = {"code": error.diagnostic.code.number, "message": error.diagnostic.message}
    # What getrusage tells begins with the memory of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    print(json.dumps({"name": name, "peak": peak, **found}), flush=True)
"""


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory and its bounds are asked of Linux"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What came of each model, all in one process, in order."""
    paths = {}
    for name, make in HOSTILE.items():
        folder = tmp_path_factory.mktemp(name)
        paths[name] = str(make(folder))
    folder = Path(paths["truncated"]).parent
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(_BYTES), str(folder), json.dumps(paths)],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines if "name" in line}, done, lines


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_model_is_refused(found, name):
    results, done, lines = found
    assert name in results, (lines[-1], done.returncode, done.stderr[-2000:])
    result = results[name]
    assert result.get("code") == "E0610", result
    assert "\n" not in result["message"]
    assert len(result["message"]) < 1000
    assert "S" * 16 not in result["message"]


def test_none_of_them_takes_much_memory_or_prints(found):
    results, done, _ = found
    assert max(result["peak"] for result in results.values()) < 1 << 19  # in KiB
    assert done.stderr == ""
