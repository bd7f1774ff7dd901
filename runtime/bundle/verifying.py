"""Proving a bundle where it will run: without PyTorch, and before anything of it is trusted.

First that every file is the one that was written, then that the models are sound by
`onnx.checker`, and only then is a session made: golden answers, what really runs, how long
one row takes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.runtime.bundle.golden import Agreement, Golden, agreement, read_golden
from dlc.runtime.bundle.layout import CORE, GOLDEN, MANIFEST, MODEL
from dlc.runtime.bundle.manifest import Manifest, damages, read_manifest
from dlc.runtime.bundle.opening import read_settings
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.export.parity import Tolerance
from dlc.runtime.export.weights import Array
from dlc.runtime.failures import USAGE, Failure, failure, shown
from dlc.runtime.inference.feeding import Feeding
from dlc.runtime.inference.model_files import check_model_file
from dlc.runtime.inference.providers import registry
from dlc.runtime.inference.providers.base import CPU
from dlc.runtime.inference.session import ModelSession, open_model

# Sums are added in another order by other hardware; the file was proved on a CPU.
_ELSEWHERE = Tolerance(1e-4, 1e-3)
_WARM_UP = 5
_MOST_SECONDS = 2.0
# It compiles for minutes, and says nothing that CUDA does not.
_ONLY_IF_ASKED = "tensorrt"


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The median of `runs` calls with `rows` samples, in milliseconds."""

    milliseconds: float
    rows: int
    runs: int


@dataclass(kw_only=True)
class Verification:
    """What was found. `notes` say where each model ran, `differences` how far it strayed from
    its golden answers, `providers` what each of them says; a provider that runs says nothing."""

    path: Path
    manifest: Manifest | None = None
    findings: list[Diagnostic] = field(default_factory=list)
    golden: Golden | None = None
    provider: str = ""
    note: str = ""
    differences: dict[str, float] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    latency: dict[str, Latency] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.findings


def verify(
    folder: Path, provider: str = "auto", *, strict: bool = False, runs: int = 50
) -> Verification:
    """Examines a bundle; what is wrong is in `findings`. Raises `Failure` E0611 where there is
    no such folder."""
    if not folder.is_dir():
        raise failure(
            "E0611",
            f"there is no folder `{shown(folder)}`",
            help="name the folder that `dlc export RUN --bundle DIR` wrote",
            exit_code=USAGE,
        )
    found = Verification(path=folder)
    try:
        if _sound(found):
            _answers(found, provider, strict, runs)
    except Failure as error:
        found.findings.extend(error.diagnostics)
    return found


def _sound(found: Verification) -> bool:
    """Whether the files are those that were written, and models that may be run."""
    folder = found.path
    manifest = found.manifest = read_manifest(folder)
    for damage in damages(folder, manifest):
        found.findings.append(_damaged(found.path, damage.name, damage.what))
    if found.findings:
        return False
    read_settings(folder)
    for name in _models(manifest):
        model = check_model_file(folder / name)
        digest = next((p.value for p in model.metadata_props if p.key == "dlc.digest"), "")
        if name == MODEL and digest != manifest.digest:
            what = f"is of another spec than `{MANIFEST}` says"
            found.findings.append(_damaged(folder, name, what))
    return not found.findings


def _models(manifest: Manifest) -> list[str]:
    return [name for name in (MODEL, CORE) if name in manifest.files]


def _damaged(folder: Path, name: str, what: str) -> Diagnostic:
    return Diagnostic(
        code("E0911"),
        f"`{name}` of the bundle `{shown(folder)}` {what}",
        help="copy the bundle again, or make it anew: `dlc export RUN --bundle DIR`",
    )


# ── what it answers ──────────────────────────────────────────────────────────


def _answers(found: Verification, provider: str, strict: bool, runs: int) -> None:
    assert found.manifest is not None
    folder = found.path
    if GOLDEN not in found.manifest.files:
        found.findings.append(_damaged(folder, GOLDEN, "is missing"))
        return
    golden = found.golden = read_golden(folder)
    sessions = {}
    for name in _models(found.manifest):
        session = open_model(folder / name, provider, strict=strict)
        sessions[name] = session
        given, expected = (
            (golden.inputs, golden.outputs)
            if name == MODEL
            else (golden.core_inputs, golden.core_outputs)
        )
        tolerance = _tolerance(golden, session)
        compared = agreement(expected, session.run(given), tolerance)
        found.differences[name] = compared.max_abs
        found.findings.extend(_unlike(folder, name, compared, session, tolerance))
    found.findings.extend(_host_steps(folder, golden, sessions[MODEL]))
    found.provider, found.note = sessions[MODEL].provider, sessions[MODEL].note
    found.providers = _providers(found, provider, sessions[MODEL])
    if found.ok:
        for name, session in sessions.items():
            feeds = golden.inputs if name == MODEL else golden.core_inputs
            found.latency[name] = latency(session, feeds, runs)


def _tolerance(golden: Golden, session: ModelSession) -> Tolerance:
    stated = golden.tolerance
    if session.provider == CPU:
        return stated
    return Tolerance(max(stated.atol, _ELSEWHERE.atol), max(stated.rtol, _ELSEWHERE.rtol))


def _unlike(
    folder: Path, model: str, compared: Agreement, session: ModelSession, tolerance: Tolerance
) -> list[Diagnostic]:
    return [
        Diagnostic(
            code("E0912"),
            f"`{model}` of `{shown(folder)}` does not give its golden answers: `{output}` {what}",
            notes=(session.note, f"atol {tolerance.atol:g}, rtol {tolerance.rtol:g}"),
            help="try another provider or version of onnxruntime; `dlc explain E0912` says more",
        )
        for output, what in compared.wrong.items()
    ]


def _host_steps(folder: Path, golden: Golden, session: ModelSession) -> list[Diagnostic]:
    """What the steps in front of the file make of the golden rows, if it is not what they made
    at the export."""
    if not golden.columns:
        return []
    info = ModelInfo.read(session.metadata, shown(session.path))
    feeding = Feeding(info.inputs)
    columns = feeding.columns(golden.columns)
    ((_, feeds),) = feeding.batches(columns, golden.rows, whole=True)
    compared = agreement({n: golden.inputs[n] for n in feeds}, feeds, Tolerance(1e-6, 1e-6))
    return [
        Diagnostic(
            code("E0912"),
            f"the steps in front of `{MODEL}` of `{shown(folder)}` do not give its golden "
            f"inputs: `{name}` {what}",
            help="install the versions of tokenizers and numpy that the bundle was made with",
        )
        for name, what in compared.wrong.items()
    ]


def _providers(found: Verification, asked: str, ran: ModelSession) -> dict[str, str]:
    """Why each provider does not run the model here; those that do have nothing to say."""
    told = {}
    for one in registry.ALL:
        reason = registry.why_not(one.name)
        if not reason and one.execution != ran.provider:
            if one.name == _ONLY_IF_ASKED and asked != one.name:
                reason = "it is installed; `--provider tensorrt` tries it"
            else:
                reason = _why_it_does_not_run(found.path / MODEL, one.name)
        told[one.name] = reason
    return told


def _why_it_does_not_run(model: Path, name: str) -> str:
    try:
        open_model(model, name)
    except Failure as error:
        message = error.diagnostic.message
        return message.rpartition("does not run here: ")[2]
    return ""


def latency(session: ModelSession, feeds: Mapping[str, Array], runs: int) -> Latency:
    """How long one row takes, or as many as the file has in a batch of a fixed size."""
    one = {}
    rows = 1
    for name, (_, dims) in session.inputs.items():
        values = feeds[name]
        if dims and not isinstance(dims[0], int):
            values = values[:1]
        elif dims:
            rows = max(rows, int(dims[0]))
        one[name] = values
    for _ in range(_WARM_UP):
        session.run(one)
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < runs and (time.perf_counter() - began < _MOST_SECONDS or not seconds):
        start = time.perf_counter()
        session.run(one)
        seconds.append(time.perf_counter() - start)
    return Latency(milliseconds=1000 * statistics.median(seconds), rows=rows, runs=len(seconds))
