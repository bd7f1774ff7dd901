"""Ops of other packages: one installed for real, and some that are broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlc.compiler import schema
from dlc.compiler.components import plugins, registry
from tests.checking import check_net, compiled, only

PACKAGE = Path(__file__).resolve().parents[2] / "data" / "ops_package"

SPEC = """\
dlc 1

model Net {
  input x: float[N, T, 8]
  repeat 2 { residual { linear(8) -> gelu -> layer_scale(0.5) } }
  output y = linear(3)
}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package."""
    folder = tmp_path_factory.mktemp("site")
    source = folder / "source"
    shutil.copytree(PACKAGE, source)  # setuptools writes beside what it builds
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check"]
    command += ["--target", str(folder / "site"), str(source)]
    subprocess.run(command, check=True, timeout=300)
    return folder / "site"


def dlc(site: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-m", "dlc.compiler.cli.main", *arguments],
        env=environment,
        cwd=cwd or site,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class TestInstalled:
    def test_it_is_listed_and_explained_with_its_package(self, site: Path) -> None:
        listed = dlc(site, "ops", "--kind", "op").stdout
        assert "layer_scale" in listed
        assert "(from dlc-layer-scale 1.0)" in listed
        page = dlc(site, "explain", "layer_scale").stdout
        assert "Scales every channel by a learned number" in page
        assert "From the package dlc-layer-scale 1.0." in page

    def test_it_is_checked_like_our_own(self, site: Path, tmp_path: Path) -> None:
        (tmp_path / "wrong.dlc").write_text(
            SPEC.replace("layer_scale(0.5)", "layer_scale(scale=1)").replace("T, 8]", "T, W]")
        )
        found = dlc(site, "check", "wrong.dlc", "--format", "json", cwd=tmp_path)
        assert found.returncode == 1
        numbers = [d["code"] for d in json.loads(found.stdout)["diagnostics"]]
        assert "E0205" in numbers
        (tmp_path / "typo.dlc").write_text(SPEC.replace("layer_scale", "layer_scal"))
        found = dlc(site, "check", "typo.dlc", cwd=tmp_path)
        assert "a similar name: `layer_scale`" in found.stdout

    def test_it_is_lowered_to_pytorch_and_exported(self, site: Path, tmp_path: Path) -> None:
        pytest.importorskip("torch")
        (tmp_path / "net.dlc").write_text(SPEC)
        built = dlc(site, "build", "net.dlc", "-o", "out", cwd=tmp_path)
        assert built.returncode == 0, built.stderr
        module = (tmp_path / "out" / "model.py").read_text()
        assert "LayerScale(8, 0.5)" in module
        assert "its layers and parameters are those of the graph" in built.stdout
        exported = dlc(site, "export", "--untrained", "net.dlc", "-o", "net.onnx", cwd=tmp_path)
        assert exported.returncode == 0, exported.stderr
        assert "equal to PyTorch" in exported.stdout

    def test_a_run_says_which_version_it_was_trained_with(self, site: Path, tmp_path: Path) -> None:
        pytest.importorskip("torch")
        head = SPEC.replace("float[N, T, 8]", "float[N, 8]")
        tail = (
            "target label: int[N]\n"
            'data { source = rows.csv, columns { x = "x*", label = label } }\n'
            "loss = cross_entropy(y, label)\noptimizer = sgd(lr=0.1)\ntrain { epochs = 1 }\n"
        )
        (tmp_path / "net.dlc").write_text(head + tail)
        lines = [",".join([*(f"x{i}" for i in range(8)), "label"])]
        lines += [",".join([*(str((i * j) % 7) for j in range(8)), str(i % 3)]) for i in range(40)]
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
        trained = dlc(site, "train", "net.dlc", "--run", "run", cwd=tmp_path)
        assert trained.returncode == 0, trained.stderr
        record = json.loads((tmp_path / "run" / "run.json").read_text())
        assert record["versions"]["dlc-layer-scale"] == "1.0"

    def test_an_editor_gets_a_schema_that_knows_it(self, site: Path) -> None:
        known = json.loads(dlc(site, "schema").stdout)["definitions"]
        assert "op.layer_scale" in known
        assert "layer_scale" in known["layer"]["properties"]

    def test_the_shipped_schema_is_of_our_ops_alone(
        self, site: Path, installed: pytest.MonkeyPatch
    ) -> None:
        installed.syspath_prepend(str(site))
        assert "layer_scale" in registry.all_names("op")
        assert "layer_scale" not in schema.text()

    def test_its_examples_hold_in_pytorch_and_onnxruntime(
        self, site: Path, installed: pytest.MonkeyPatch
    ) -> None:
        torch = pytest.importorskip("torch")
        from tests.conformance.harness import (
            Case,
            assert_close,
            model,
            number,
            outputs,
            run_onnxruntime,
        )

        installed.syspath_prepend(str(site))
        op = registry.load("op", "layer_scale")
        for i, example in enumerate(op.examples()):  # type: ignore[attr-defined]
            case = Case(f"layer_scale-{i}", example)
            module = case.module().eval()
            proto = model(case, module, 20)
            for sizes in case.sizes():
                inputs = case.draw(sizes)
                found = outputs(module, inputs)
                assert tuple(found[0].shape) == tuple(
                    number(dim, sizes) for dim in case.results[0].shape
                )
                for ours, theirs in zip(run_onnxruntime(proto, inputs), found, strict=True):
                    assert_close(ours, theirs.detach().numpy(), case.name)
        assert torch.is_tensor(found[0])


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A path that may be changed: what was looked up is forgotten before and after."""
    forget()
    yield monkeypatch
    monkeypatch.undo()
    forget()


def forget() -> None:
    for lookup in (plugins._entries, plugins.load, registry.load):
        lookup.cache_clear()


def pretend(folder: Path, package: str, points: str, source: str) -> None:
    """What pip leaves behind of a package."""
    (folder / f"{package}.py").write_text(source)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dlc.ops]\n{points}\n")


BROKEN = [
    ("mine = no_such_module:Mine", "", "importing `no_such_module:Mine` failed"),
    ("mine = pack:Mine", "raise RuntimeError('on purpose')", "RuntimeError: on purpose"),
    ("mine = pack:Mine", "class Mine: name = 'mine'", "no class based on `Op`"),
    ("mine = pack:mine", "mine = 3", "no class based on `Op`"),
    (
        "mine = pack:Relu",
        "from dlc.compiler.ops.relu import Relu",
        "its class calls itself `relu`",
    ),
    (
        "mine = pack:Mine",
        "from dlc.compiler.components.losses.base import Loss\nclass Mine(Loss): name = 'mine'",
        "no class based on `Op`",
    ),
]


@pytest.mark.parametrize(("points", "source", "reason"), BROKEN)
def test_a_broken_package_is_told_at_the_layer(
    points: str, source: str, reason: str, tmp_path: Path, installed: pytest.MonkeyPatch
) -> None:
    installed.delitem(sys.modules, "pack", raising=False)
    pretend(tmp_path, "pack", points, source)
    installed.syspath_prepend(str(tmp_path))
    found = only(check_net("output y = x -> mine"))
    assert found.code.number == "E0217"
    assert reason in found.message
    assert found.primary is not None
    assert found.primary.span.text == "mine"
    assert "the package `pack 1.0`" in (found.help or "")


def test_two_packages_with_one_name_are_both_told(
    tmp_path: Path, installed: pytest.MonkeyPatch
) -> None:
    for package in ("first", "second"):
        pretend(tmp_path, package, f"mine = {package}:Mine", "")
    installed.syspath_prepend(str(tmp_path))
    found = only(check_net("output y = x -> mine"))
    assert "several packages" in found.message
    assert "first 1.0 and second 1.0" in (found.help or "")


def test_an_op_of_ours_cannot_be_replaced(tmp_path: Path, installed: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, "pack", "relu = pack:Relu", "raise RuntimeError('never read')")
    installed.syspath_prepend(str(tmp_path))
    assert compiled(check_net("output y = x -> relu")).program.parameter_count == 0
    assert registry.package(registry.load("op", "relu")) is None


def test_a_spec_of_our_ops_alone_never_looks_for_packages(
    installed: pytest.MonkeyPatch,
) -> None:
    def look() -> dict[str, tuple[object, ...]]:
        raise AssertionError("looked for packages")

    installed.setattr(plugins, "_entries", look)
    result = check_net(
        "h = linear(4) -> relu; output y = h -> linear(2)", tail="init { linear = normal }"
    )
    compiled(result)
