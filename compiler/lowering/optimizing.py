"""What the optimizer of a spec needs of its network and its other sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dlc.compiler.analysis.hidden_matrices import hidden_matrices
from dlc.compiler.analysis.parameter_groups import Trained, covers, is_in, trained
from dlc.compiler.components.base import arguments
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.optimizers.muon import Muon
from dlc.compiler.components.optimizers.newton import Newton
from dlc.compiler.components.sections.group import Group
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.suggest import did_you_mean, listed
from dlc.compiler.ir.graph import Program
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def check_optimizing(spec: tree.File, program: Program, settings: Settings) -> Iterator[Diagnostic]:
    """Every finding about `optimizer` that needs more than its own text."""
    sections = {entry.key.text: entry.value for entry in spec.settings}
    optimizer, call = settings.optimizer, sections.get("optimizer")
    if optimizer is not None and isinstance(call, tree.Call):
        parameters = list(trained(program))
        yield from _groups(optimizer, call, parameters)
        yield from _too_many(optimizer, call, program)
        yield from _gradients(optimizer, call, program, sections, settings)
        yield from _matrices(optimizer, call, program)
        yield from _clipping(optimizer, sections.get("train"))


# ── groups ───────────────────────────────────────────────────────────────────


def _groups(
    optimizer: Optimizer, call: tree.Call, parameters: list[Trained]
) -> Iterator[Diagnostic]:
    others = _argument(call, "others")
    if isinstance(optimizer, Muon) and isinstance(others, tree.Call):
        yield from _groups(optimizer.others, others, parameters)
        return
    written = _argument(call, "groups")
    items = written.items if isinstance(written, tree.ListExpr) else (written,)
    for group, item in zip(optimizer.parts, items, strict=False):
        if isinstance(item, tree.Mapping):
            values = {entry.key.text: entry for entry in item.entries}
            yield from _unmatched(group, values, item.span, parameters)
            yield from _foreign(optimizer, group, values)


def _unmatched(
    group: Group, values: dict[str, tree.Entry], span: Span, parameters: list[Trained]
) -> Iterator[Diagnostic]:
    """Conditions that no parameter meets, alone or together."""
    alone = False
    for pattern, place in _texts(values.get("match")):
        if not any(covers(pattern, one.path) for one in parameters):
            alone = True
            layers = _prefixes(one.path for one in parameters)
            _, help = did_you_mean(pattern, layers, "layer")
            yield _finding(
                "E0212",
                f"no parameter lies in `{pattern}`",
                place,
                help or f"parameters lie in {listed(layers)}",
            )
    kinds = {one.kind for one in parameters}
    for kind, place in _texts(values.get("kind")):
        if kind not in kinds:
            alone = True
            _, help = did_you_mean(kind, kinds, "kind")
            yield _finding(
                "E0212",
                f"no layer of the kind `{kind}` has parameters",
                place,
                help or f"kinds with parameters: {listed(kinds)}",
            )
    if not alone and not any(is_in(group, one) for one in parameters):
        yield _finding(
            "E0212",
            "no parameter meets all conditions of the group",
            span,
            "a parameter must meet `match`, `kind` and `role` alike; make groups of their own",
        )


def _foreign(
    optimizer: Optimizer, group: Group, values: dict[str, tree.Entry]
) -> Iterator[Diagnostic]:
    """Settings of a group that its optimizer does not have."""
    known = arguments(type(optimizer))
    for name in group.settings:
        if name not in known:
            entry = values[name]
            has = [key for key in arguments(Group) if key in known]
            yield _finding(
                "E0320",
                f"`{optimizer.name}` has no `{name}`, which the group sets",
                entry.key.span,
                f"of what a group may set it has {listed(has)}",
            )


def _texts(entry: tree.Entry | None) -> Iterator[tuple[str, Span]]:
    value = entry.value if entry is not None else None
    for item in value.items if isinstance(value, tree.ListExpr) else ():
        if isinstance(item, tree.Text):
            yield item.value, item.span


def _prefixes(paths: Iterable[str]) -> tuple[str, ...]:
    """Every dotted prefix of the names of parameters, the layers before what lies in them."""
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split(".")
        found.update((".".join(parts[:end]), None) for end in range(1, len(parts)))
    return tuple(sorted(found, key=lambda name: name.count(".")))


# ── single optimizers ────────────────────────────────────────────────────────


def _too_many(optimizer: Optimizer, call: tree.Call, program: Program) -> Iterator[Diagnostic]:
    if not isinstance(optimizer, Newton) or program.parameter_count <= optimizer.max_parameters:
        return
    count = program.parameter_count
    yield _finding(
        "E0321",
        f"`newton` takes at most {optimizer.max_parameters:,} parameters, and there are {count:,}",
        call.name.span,
        "use `lbfgs`, which learns the curvature from gradients, or raise `max_parameters`",
        f"its matrix would hold {count * count:,} numbers",
    )


def _gradients(
    optimizer: Optimizer,
    call: tree.Call,
    program: Program,
    sections: Mapping[str, tree.Expr],
    settings: Settings,
) -> Iterator[Diagnostic]:
    """Gradients that the optimizer, or what is done with them, cannot work with."""
    layers = [
        (path, node, bool(getattr(node.op, "sparse", False)))
        for path, _, node in program.owners()
        if node.shared or any(parameter.trainable for parameter in node.parameters)
    ]
    for kind, wanted in (("sparse", True), ("dense", False)):
        if kind in optimizer.gradients:
            continue
        found = [(path, node) for path, node, sparse in layers if sparse is wanted]
        if not found:
            continue
        path, node = found[0]
        where = (Label(node.span, f"the gradient of `{path}` is {kind}"),) if node.span else ()
        yield Diagnostic(
            code("E0323"),
            f"`{optimizer.name}` takes no {kind} gradients",
            Label(call.name.span),
            where,
            help="use `sgd` or `adagrad`, which take both"
            + (", or leave `sparse` out" if wanted else ""),
        )
    sparse = next(((path, node) for path, node, sparse in layers if sparse), None)
    if sparse is None or "sparse" not in optimizer.gradients:
        return
    path, node = sparse
    here = (Label(node.span, "sparse here"),) if node.span else ()
    given = {"weight_decay": optimizer.decay, "momentum": getattr(optimizer, "momentum", 0.0)}
    for name in (name for name, value in given.items() if value):
        written = _argument(call, name)
        yield Diagnostic(
            code("E0323"),
            f"`{name}` is for dense gradients, and that of `{path}` is sparse",
            Label(written.span if written is not None else call.name.span),
            here,
            help=f"leave `{name}` out, or `sparse`",
        )
    train = sections.get("train")
    for entry in train.entries if isinstance(train, tree.Mapping) else ():
        if entry.key.text == "clip_grad_value" and not isinstance(entry.value, tree.Null):
            yield Diagnostic(
                code("E0323"),
                f"`clip_grad_value` is for dense gradients, and that of `{path}` is sparse",
                Label(entry.key.span),
                here,
                help="clip by the norm instead: `clip_grad_norm`",
            )
    if "dense" not in optimizer.gradients and settings.regularization is not None:
        penalties = settings.regularization.penalties
        for penalty in [key for key, value in penalties.items() if value][:1]:
            yield Diagnostic(
                code("E0323"),
                f"`{optimizer.name}` takes no dense gradients, as that of `{penalty}` is",
                Label(call.name.span),
                here,
                help=f"leave `{penalty}` out, or use `sgd` or `adagrad`",
            )


def _matrices(optimizer: Optimizer, call: tree.Call, program: Program) -> Iterator[Diagnostic]:
    if isinstance(optimizer, Muon) and not hidden_matrices(program):
        yield _finding(
            "E0322",
            "`muon` is for matrices of hidden layers, and the network has none",
            call.name.span,
            "use `adamw`, which is what steps all other parameters",
        )


def _clipping(optimizer: Optimizer, train: tree.Expr | None) -> Iterator[Diagnostic]:
    """Clipped gradients and a search that compares losses contradict each other."""
    for entry in train.entries if isinstance(train, tree.Mapping) else ():
        clips = entry.key.text in ("clip_grad_norm", "clip_grad_value")
        if optimizer.closure and clips and not isinstance(entry.value, tree.Null):
            yield _finding(
                "E0311",
                f"`{optimizer.name}` chooses its steps by losses and gradients that must agree, "
                "and clipped ones do not",
                entry.key.span,
                f"leave `{entry.key}` out",
            )


def _argument(call: tree.Call, name: str) -> tree.Expr | None:
    return next(
        (a.value for a in call.arguments if a.name is not None and a.name.text == name), None
    )


def _finding(number: str, message: str, span: Span, help: str, *notes: str) -> Diagnostic:
    return Diagnostic(code(number), message, Label(span), notes=notes, help=help)
