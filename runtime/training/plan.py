"""What is trained: the generated module and what the trainer must know beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlc.compiler import Compilation, Source, check
from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components import figures, registry
from dlc.compiler.components.averages.top_k import TopK
from dlc.compiler.components.base import Component, ComponentError
from dlc.compiler.components.combination import Combination, combinations
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.initializers.lsuv import Lsuv
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.nll_loss import NllLoss
from dlc.compiler.components.schedules.reduce_on_plateau import ReduceOnPlateau
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.settings import Head, Settings
from dlc.compiler.diagnostics.model import DiagnosticError, Severity
from dlc.compiler.ir.graph import BlockCall, Program, split_path
from dlc.compiler.ir.parametrization import magnitude_of
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops.base import Op
from dlc.runtime.data.dataset import Bound, refuse_unread
from dlc.runtime.data.preprocessing import refuse_unavailable
from dlc.runtime.failures import failure, shown
from dlc.runtime.training.feature_cache import CachedFeatures, features_of
from dlc.runtime.training.host_lengths import host_lengths
from dlc.runtime.training.run_folder import RESOLVED, SPECS, RunFolder
from dlc.runtime.transfer.pretrained import Pretrained, pretrained_of


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """A layer that starts by the signals it gives: its name, its submodule, and by state_dict
    key the parameter that its result is linear in: its weight, or the lengths of that."""

    name: str
    module: str
    weight: str
    initializer: Lsuv


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`source` is the text of `model.py` and `name` its class; `resolved` the text of the
    resolved spec. `bounds` are the whole numbers that inputs and targets may hold.
    `batch_statistics` says that a layer normalizes over the batch, which a batch of one
    sample does not allow. `heads` and `scaled` start from the data before the first step,
    `pretrained` are weights to start from; `packages` bring ops that are not dlc's;
    `host_lengths` are inputs that stay on the host. `untrained` says that a layer may lead to
    no loss, and get no gradient. `lent` are the modules whose parameters others use; `cached` is
    what is computed once of frozen layers. `program` is the typed network, None where there is
    a module alone."""

    name: str
    source: str
    settings: Settings
    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]
    targets: Mapping[str, TensorType]
    root: Path
    resolved: str = ""
    digest: str = ""
    graph_digest: str = ""
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    batch_statistics: bool = False
    heads: tuple[Head, ...] = ()
    scaled: tuple[Scaled, ...] = ()
    pretrained: Pretrained | None = None
    packages: tuple[str, ...] = ()
    host_lengths: frozenset[str] = frozenset()
    untrained: bool = False
    lent: tuple[str, ...] = ()
    cached: CachedFeatures | None = None
    program: Program | None = None

    @property
    def data(self) -> Data:
        assert self.settings.data is not None
        return self.settings.data

    @property
    def types(self) -> dict[str, TensorType]:
        """Outputs and targets: what losses and metrics compare."""
        return {**self.outputs, **self.targets}


def plan_of(compilation: Compilation, source: str) -> Plan:
    """The plan of a compiled spec. Raises `Failure` E0309 where a section that training
    needs is absent, E0602 for a component that is not run yet."""
    program = compilation.program
    graph = program.graph
    plan = Plan(
        name=program.name,
        source=source,
        settings=compilation.settings,
        inputs={name: graph.values[name] for name in graph.inputs},
        outputs={name: graph.values[value] for name, value in graph.outputs},
        targets=dict(program.targets),
        root=compilation.root if compilation.root is not None else Path(),
        resolved=compilation.canonical,
        digest=compilation.digest,
        graph_digest=compilation.graph_digest,
        bounds={**_index_bounds(program), **_class_bounds(compilation.settings, program)},
        batch_statistics=any(node.kind.startswith("batch_norm") for _, _, node in program.walk()),
        heads=compilation.heads,
        scaled=tuple(_scaled(program)),
        pretrained=pretrained_of(compilation),
        host_lengths=host_lengths(program),
        packages=_packages(program),
        untrained=_has_untrained(program, compilation.settings),
        lent=_lent(program),
        cached=features_of(compilation),
        program=program,
    )
    refuse_untrainable(plan)
    return plan


def _lent(program: Program) -> tuple[str, ...]:
    """The submodules whose parameters others use; within a block, the names that they have
    wherever the block is."""
    found: set[str] = set()
    for path, graph, node in program.walk():
        outer = path[: len(path) - len(node.name)]
        layers = {other.name for other in graph.nodes}
        names = {split_path(shared, layers)[0] for _, shared in node.shared}
        found |= {identifiers.module_path(f"{outer}{name}.")[:-1] for name in names if name}
    return tuple(sorted(found))


def _has_untrained(program: Program, settings: Settings) -> bool:
    """Whether a layer may lead to no loss: then it is so for its result, or for one of those
    of a block."""
    read = {name for term in settings.loss for name in term.loss.names}
    if not read.issuperset(name for name, _ in program.graph.outputs):
        return True
    for graph in program.graphs.values():
        used = {value for node in graph.nodes for _, value in node.inputs}
        used |= {value for _, value in graph.outputs}
        for node in graph.nodes:
            if node.kind == "argmax":  # nothing flows back through it
                return True
            needed = all if isinstance(node.op, BlockCall) else any
            if not needed(output in used for output in node.outputs):
                return True
    return False


def _packages(program: Program) -> tuple[str, ...]:
    """The packages that bring ops of the network, with their versions: `dlc-layer-scale 1.0`."""
    ops = {type(node.op) for _, _, node in program.walk()}
    found = {registry.package(op) for op in ops if issubclass(op, Op)}
    return tuple(sorted(name for name in found if name))


def _scaled(program: Program) -> Iterator[Scaled]:
    """The layers that start as `lsuv`, in the order of execution."""
    for path, _, node in program.owners():
        for parameter in node.parameters:
            if isinstance(parameter.initializer, Lsuv):
                weight = identifiers.module_path(f"{path}.{magnitude_of(parameter.name)}")
                module = identifiers.module_path(f"{path}.")[:-1]
                yield Scaled(
                    name=path, module=module, weight=weight, initializer=parameter.initializer
                )


def compile_resolved(
    run: RunFolder, sets: Sequence[str] = (), *, member: int | None = None
) -> Compilation:
    """The spec of a run folder, or of one member of its ensemble, compiled again, with `--set`
    arguments on top. Raises `DiagnosticError` with its errors."""
    if member is None:
        source = Source(shown(run.path / RESOLVED), run.resolved(), "yaml")
    else:
        name = shown(run.path / SPECS / f"{member}.yaml")
        source = Source(name, run.member_spec(member), "yaml")
    result = check(source, path=run.root / RESOLVED, root=run.root, sets=tuple(sets))
    if result.compilation is None:
        raise DiagnosticError(*(d for d in result.diagnostics if d.severity is Severity.ERROR))
    return result.compilation


def plan_of_run(run: RunFolder) -> Plan:
    """The plan that a run was begun with. Raises `DiagnosticError` and what `plan_of` raises."""
    compilation = compile_resolved(run)
    return plan_of(compilation, generate(compilation))


def refuse_untrainable(plan: Plan) -> None:
    """Raises `Failure` E0309 or E0602 for what training needs or does not run yet."""
    settings = plan.settings
    for section, value, example in (
        ("data", settings.data, "data: {source: data/digits.parquet}"),
        ("loss", settings.loss, "loss: cross_entropy(logits, label)"),
        ("optimizer", settings.optimizer, "optimizer: adamw(lr=1e-3)"),
    ):
        if not value:
            raise failure(
                "E0309",
                f"training needs `{section}`, which the spec leaves out",
                help=f"add it: `{example}`",
            )
    for component in _components(settings):
        if not component.available:
            raise failure(
                "E0602",
                f"`{component.name}` is not run yet",
                help=component.available_note or None,
            )
    for part in filter(None, (settings.train, settings.transfer)):
        for key, note in part.used_unavailable():
            raise failure("E0602", f"`{part.name}.{key}` is not run yet", help=note)
    _refuse_unknown_monitor(plan)
    refuse_unread(plan.data)
    refuse_unavailable(settings.preprocess)


def figure_names(plan: Plan) -> dict[str, bool]:
    """What a validation gives, as early stopping names it, and whether more is better."""
    return figures.figure_names(plan.settings.metrics, plan.outputs)


def mean_of_answers(plan: Plan) -> dict[str, Combination]:
    """How the outputs of several networks of one plan become one, where their mean is taken."""
    return combinations(plan.settings, plan.outputs, plan.targets, "mean")


def average_monitor(plan: Plan) -> str:
    """The figure by which an average chooses weights."""
    train = plan.settings.train
    early = train.early_stopping.monitor if train.early_stopping is not None else "val_loss"
    given = train.average.monitor if isinstance(train.average, TopK) else None
    return given or early


def monitors(plan: Plan) -> Iterator[tuple[str, str]]:
    """The figures that something of the plan looks at: what does, as in `early stopping
    watches`, and the name of the figure."""
    train = plan.settings.train
    if train.early_stopping is not None:
        yield "early stopping watches", train.early_stopping.monitor
    if isinstance(train.average, TopK):
        yield "`top_k` watches", average_monitor(plan)
    if isinstance(plan.settings.schedule, ReduceOnPlateau):
        yield f"`{plan.settings.schedule.name}` follows", plan.settings.schedule.monitor


def _refuse_unknown_monitor(plan: Plan) -> None:
    for _, monitor in monitors(plan):
        try:
            figures.check_monitor(monitor, plan.settings.metrics, plan.outputs, plan.types)
        except ComponentError as problem:
            raise failure(problem.code, problem.message, help=problem.help) from None


def _components(settings: Settings) -> Iterator[Component]:
    yield from (term.loss for term in settings.loss)
    yield from settings.metrics
    optional = (
        settings.optimizer,
        settings.schedule,
        settings.regularization,
        settings.transfer,
        settings.ensemble,
        settings.train.average,
    )
    yield from (component for component in optional if component is not None)


def _class_bounds(settings: Settings, program: Program) -> dict[str, Bound]:
    """Class numbers that a loss reads: outside them torch fails, on a GPU for good."""
    graph = program.graph
    types = {name: graph.values[value] for name, value in graph.outputs} | dict(program.targets)
    bounds = {}
    for term in settings.loss:
        loss = term.loss
        if not isinstance(loss, CrossEntropy | NllLoss) or not types[loss.target].dtype.is_int:
            continue
        pair = Pair(loss.name, loss.input, types[loss.input], loss.target, types[loss.target])
        classes = pair.x.shape[pair.class_dim()]
        if isinstance(classes, int):
            bounds[loss.target] = Bound(
                high=classes - 1,
                reason=f"`{loss.input}` has {classes} classes",
                ignored=loss.ignore_index,
            )
    return bounds


def _index_bounds(program: Program) -> dict[str, Bound]:
    """Whole numbers that a layer takes for indices."""
    graph = program.graph
    bounds = {}
    for node in graph.nodes:
        limits = node.op.index_limits() if isinstance(node.op, Op) else {}
        for port, value in node.inputs:
            if port in limits and value in graph.inputs:
                reason = f"`{node.name}` takes indices below {limits[port]}"
                bounds[value] = Bound(high=limits[port] - 1, reason=reason, low=0)
    return bounds
