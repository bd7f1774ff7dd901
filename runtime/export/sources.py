"""What is exported: the weights of a run, or a spec with its initial weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlc.compiler import Compilation
from dlc.compiler.codegen.identifiers import class_name
from dlc.compiler.codegen.onnx_graph import Members
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.combination import Combination, combinations
from dlc.compiler.ir.graph import Program
from dlc.compiler.version import VERSION
from dlc.runtime.ensembles.network import EnsembleNetwork, members_in
from dlc.runtime.export.exporter import Network
from dlc.runtime.export.metadata import DataRecord
from dlc.runtime.failures import failure, shown
from dlc.runtime.loading import load_module
from dlc.runtime.training import random_state
from dlc.runtime.training.checkpoint import Checkpoint, Which, choose
from dlc.runtime.training.plan import compile_resolved
from dlc.runtime.training.run_folder import MEMBERS, MODULE, RunFolder, open_run
from dlc.runtime.training.weights import load_tensors
from dlc.runtime.transfer.pretrained import pretrained_of

if TYPE_CHECKING:
    from torch import nn


def of_run(path: Path, which: Which | None = None) -> Network:
    """The network of a run folder with its weights; None are those that the run ends with, see
    `checkpoint.choose`. Of an ensemble, its members as one network.

    The module is generated again from the resolved spec; no file of the folder is executed.
    Raises `Failure`: E0613 where the folder's `model.py` is not what its spec gives, E0608,
    E0610, E0611.
    """
    run = open_run(path)
    if "ensemble" in run.record:
        summary = run.summary()
        if summary is None:
            raise failure(
                "E0610",
                f"the members of `{shown(path)}` are not all trained yet",
                help=f"go on: `dlc train --resume {shown(path)}`",
            )
        return of_members(run, summary["chosen"], which, metrics=_figures(summary))
    compilation = compile_resolved(run)
    source = generate(compilation)
    if source != run.module():
        raise failure(
            "E0613",
            f"`{shown(path / MODULE)}` is not what the resolved spec gives",
            notes=(f"the run was started by dlc {run.record.get('dlc')}, this is {VERSION}",),
            help="take that version, or train again into another folder",
        )
    checkpoint = choose(run.path, which)
    module, members = _network(compilation, source, checkpoint)
    try:
        load_tensors(module, checkpoint.model)
    except (ValueError, KeyError) as error:
        raise failure(
            "E0608",
            f"the checkpoint of step {checkpoint.step} does not fit its network: {error}",
            help="train again into another folder",
        ) from None
    preprocessing = run.preprocessing()
    data: Mapping[str, Any] = run.record["data"]
    return Network(
        compilation=compilation,
        module=module,
        preprocessing=preprocessing,
        data=DataRecord(sha256=data["sha256"], split=data["split"], classes=preprocessing.labels),
        metrics=_metrics(run, checkpoint, ending=which is None),
        members=members,
        root=run.root,
    )


def of_members(
    run: RunFolder,
    members: Iterable[int],
    which: Which | None = None,
    *,
    metrics: Mapping[str, float] | None = None,
) -> Network:
    """Some members of an ensemble as one network. Raises what `of_run` raises."""
    record = run.record["ensemble"]
    networks = [of_run(run.path / MEMBERS / str(member), which) for member in members]
    first = networks[0]
    assert first.preprocessing is not None
    assert first.data is not None
    for other in networks[1:]:
        assert other.preprocessing is not None
        if other.preprocessing.files() != first.preprocessing.files():
            raise failure(
                "E0613",
                f"the members of `{shown(run.path)}` do not preprocess their data alike",
                help="train again into another folder",
            )
    found = _combinations(first.compilation, record["combine"])
    modules: list[nn.Module] = []
    programs: list[Program] = []
    for network in networks:
        # One that is an ensemble itself, of snapshots, takes part by its members.
        one = network.module
        modules += one.members if isinstance(one, EnsembleNetwork) else [one]
        programs += network.members.programs if network.members else [network.compilation.program]
    return replace(
        first,
        module=EnsembleNetwork(modules, found),
        data=replace(first.data, all_folds=record["vary"] == "fold"),
        metrics=metrics,
        members=Members(programs=tuple(programs), combinations=found),
    )


def _combinations(compilation: Compilation, how: Literal["mean", "vote"]) -> dict[str, Combination]:
    program = compilation.program
    outputs = {name: program.graph.values[value] for name, value in program.graph.outputs}
    return combinations(compilation.settings, outputs, dict(program.targets), how)


def _network(
    compilation: Compilation, source: str, checkpoint: Checkpoint
) -> tuple[nn.Module, Members | None]:
    """The network that a checkpoint is of; where that holds snapshots, one of all of them."""
    count = members_in(checkpoint.model)
    if not count:
        return _built(compilation, source, seed=0), None
    found = _combinations(compilation, "mean")
    module = EnsembleNetwork((_built(compilation, source, seed=0) for _ in range(count)), found)
    return module, Members(programs=(compilation.program,) * count, combinations=found)


def of_spec(compilation: Compilation) -> Network:
    """A spec with the weights that training would start from, those of `transfer` among them.
    Raises `DiagnosticError` and `Failure` where these cannot be loaded."""
    seed = compilation.settings.train.seed
    module = _built(compilation, generate(compilation), seed)
    pretrained = pretrained_of(compilation)
    started = pretrained.load(module) if pretrained is not None else None
    return Network(compilation=compilation, module=module, started=started)


def _built(compilation: Compilation, source: str, seed: int) -> Any:
    random_state.seed(seed)
    return getattr(load_module(source), class_name(compilation.program.name))()


def _metrics(run: RunFolder, checkpoint: Checkpoint, *, ending: bool) -> dict[str, float]:
    """The figures of the weights: of the validation that they are from, and, of those that a run
    has ended with, of the test part."""
    validated = dict(checkpoint.state.get("figures") or {})
    summary = (run.summary() or {}) if ending else {}
    return _figures({"test": summary.get("test"), "metrics": validated or summary.get("metrics")})


def _figures(summary: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a summary that are numbers."""
    found = dict(summary.get("metrics") or {})
    found |= {f"test_{name}": value for name, value in (summary.get("test") or {}).items()}
    return {
        name: float(value)
        for name, value in found.items()
        if value is not None and math.isfinite(value)
    }
