"""Small programs of other languages answer the golden input as Python does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.bundle.golden import read_golden
from dlc.runtime.targets.feeds import raw
from tests.runtime.every_kind import EveryKind
from tests.runtime.targets.conftest import node_package

_SECONDS = 120
HEADER = "onnxruntime_cxx_api.h"
LIBRARY = "libonnxruntime.so.1"


def program(every: EveryKind, kind: str, out: Path) -> Path:
    assert main(["export", str(every.run), "--target", kind, "-o", str(out)]) == 0
    return out


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def spoil(folder: Path, output: str) -> None:
    """Changes the golden numbers of an output."""
    lines = (folder / "golden.txt").read_text().splitlines()
    file = next(line.split("\t")[4] for line in lines if line.split("\t")[1] == output)
    content = bytearray((folder / file).read_bytes())
    content[-2] ^= 0x40
    (folder / file).write_bytes(content)


def test_node_answers_the_golden_input(every: EveryKind, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    modules = node_package("onnxruntime-node").parent
    folder = program(every, "node", tmp_path / "node")
    (folder / "node_modules").symlink_to(modules)
    ended = run(node, "answer.mjs", cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.findall(r"^(\w+) +(\w+):", ended.stdout, re.M) == [
        ("right", "logits"),
        ("right", "amount"),
        ("right", "logits_probabilities"),
        ("right", "logits_label"),
    ]
    spoil(folder, "logits_probabilities")
    ended = run(node, "answer.mjs", cwd=folder)
    assert ended.returncode == 1
    assert "WRONG  logits_probabilities" in ended.stdout
    assert ended.stdout.count("right") == 3


def test_a_bundle_brings_its_own_golden_answers(every: EveryKind, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    assert main(["export", str(every.run), "--bundle", str(bundle)]) == 0
    out = tmp_path / "node"
    assert main(["export", str(bundle), "--target", "node", "-o", str(out)]) == 0
    golden = read_golden(bundle)
    lines = [line.split("\t") for line in (out / "golden.txt").read_text().splitlines()]
    assert len(lines) == len(golden.inputs) + len(golden.outputs)
    for kind, name, _, sizes, file, off in lines:
        values = (golden.inputs if kind == "input" else golden.outputs)[name]
        assert sizes == "x".join(map(str, values.shape))
        assert (out / file).read_bytes() == raw(values)
        if kind == "output" and values.dtype.kind == "f":
            allowed = golden.tolerance.allowed(values).max()
            assert float(off) == pytest.approx(allowed, rel=1e-4)
        else:
            assert float(off) == 0
    (bundle / "golden.json").write_text("{}")
    more = ["--target", "node", "-o", str(tmp_path / "more")]
    assert main(["export", str(bundle), *more]) == 65
    assert not (tmp_path / "more").exists()


def onnxruntime_cpp() -> Path:
    """A folder with include/ and lib/ of onnxruntime; skips where there is none."""
    given = os.environ.get("ONNXRUNTIME")
    if given and list(Path(given).joinpath("include").glob(f"**/{HEADER}")):
        return Path(given)
    for place in (Path("/usr"), Path("/usr/local")):
        if list(place.joinpath("include").glob(f"onnxruntime/**/{HEADER}")):
            return place
    pytest.skip("no C++ headers of onnxruntime: set ONNXRUNTIME to an unpacked release of it")


@pytest.mark.full
def test_cpp_answers_the_golden_input(every: EveryKind, tmp_path: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("there is no CMake or no compiler on this machine")
    runtime = onnxruntime_cpp()
    folder = program(every, "cpp", tmp_path / "cpp")
    for command in (
        ("cmake", "-B", "build", f"-DONNXRUNTIME={runtime}"),
        ("cmake", "--build", "build"),
        ("build/answer",),
    ):
        ended = run(*command, cwd=folder)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("right  ") == 4
    spoil(folder, "amount")
    ended = run("build/answer", cwd=folder)
    assert ended.returncode == 1
    assert "WRONG  amount" in ended.stdout
