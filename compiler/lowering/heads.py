"""Initializers that need data: whether there is any for each of them.

The bias of an output finds its target by the loss that compares the two. Between the layer
and the output may stand what hands a constant on as it is: pooling, and changes of shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlc.compiler.analysis.flat import Flat, Layer, flatten, producers
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.comparison import Pair
from dlc.compiler.components.initializers._targets import FromTargets
from dlc.compiler.components.initializers.base import Initializer
from dlc.compiler.components.losses._classes import ClassLoss
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.settings import Head, LossTerm, Settings
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Collector, Diagnostic, Label
from dlc.compiler.diagnostics.suggest import listed
from dlc.compiler.ir.graph import Node, Parameter, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.lowering.starts import own_argument, place
from dlc.compiler.record import record
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree

# Layers whose result is linear in their one weight, so that dividing it divides the result.
_SCALED: tuple[str, ...] = ("linear", "bilinear")
_SCALED += tuple(f"{kind}{rank}d" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3))
# Ops that give the mean of a channel where they pool: a constant stays.
_POOLS = ("global_avg_pool", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
_RESHAPES = ("flatten", "unflatten", "reshape", "squeeze", "unsqueeze")


def find_heads(
    spec: tree.File, program: Program, settings: Settings, collector: Collector
) -> tuple[Head, ...]:
    """The biases that start from targets. Reports E0312 for an initializer that data cannot
    fill, at the place where it is written."""
    flat = flatten(program)
    finder = _Finder(spec, program, settings, flat)
    found: list[Head] = []
    for layer in flat.layers:
        for key, parameter in layer.parameters if layer.own else ():
            try:
                head = finder.head(layer.node, key, parameter)
            except _Unfilled as problem:
                collector.add(problem.diagnostic)
            else:
                found += [head] if head is not None else []
    return tuple(found)


class _Unfilled(Exception):
    """Carries the finding about one parameter."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@record
class _Route:
    """How a bias reaches an output: the dim of the output that counts the units, None for a
    single one; the log_softmax on the way."""

    output: str
    axis: int | None
    logarithm: Layer | None = None


class _Finder:
    def __init__(self, spec: tree.File, program: Program, settings: Settings, flat: Flat) -> None:
        self.spec = spec
        self.settings = settings
        self.flat = flat
        self.targets = dict(program.targets)
        self.types = {name: flat.types[value] for name, value in flat.outputs.items()}
        self.types |= self.targets
        self.routes: dict[str, list[_Route]] = {}
        made = producers(flat)
        for output, value in flat.outputs.items():
            for key, route in _routes(output, value, made, flat.types):
                self.routes.setdefault(key, []).append(route)

    def head(self, node: Node, key: str, parameter: Parameter) -> Head | None:
        """The head of a bias; None where the parameter starts without targets. Raises
        `_Unfilled`."""
        initializer = parameter.initializer
        if not isinstance(initializer, Initializer) or not initializer.reads:
            return None
        if not isinstance(initializer, FromTargets):
            if node.kind not in _SCALED or parameter.role != "weight":
                raise self._unfilled(
                    node,
                    parameter,
                    f"`{initializer.name}` scales layers by the one weight that their result is "
                    f"linear in, and `{node.kind}` is no such layer",
                    help=f"it is for {listed(_SCALED, len(_SCALED))}; use `orthogonal` here",
                )
            return None
        if not parameter.is_bias:
            raise self._unfilled(
                node,
                parameter,
                f"`{initializer.name}` is for the bias of an output, and `{key}` is no bias",
                help=f"write `bias_init={initializer.name}` at the layer that makes the output",
            )
        routes = self.routes.get(key, [])
        if not routes:
            raise self._hidden(node, key, parameter, initializer)
        heads = [head for route in routes for head in self._of(route, node, key, parameter)]
        targets = list(dict.fromkeys(head.loss.names[1] for head in heads))
        if len(targets) > 1:
            raise self._unfilled(
                node,
                parameter,
                f"`{key}` belongs to {len(targets)} targets, {listed(targets)}, and can start "
                "from one",
                help="write the value as a number: `bias_init=constant(...)`",
            )
        return heads[0]

    # ── the loss of an output ────────────────────────────────────────────────

    def _of(self, route: _Route, node: Node, key: str, parameter: Parameter) -> Iterator[Head]:
        """The head for each loss that fits. Raises `_Unfilled` where there is none."""
        initializer = parameter.initializer
        assert isinstance(initializer, FromTargets)
        terms = [t for t in self.settings.loss if t.weight > 0 and t.loss.names[0] == route.output]
        compared = [term for term in terms if term.loss.names[1] in self.targets]
        fitting = [term for term in compared if term.loss.name in initializer.losses]
        if not fitting:
            raise self._without_loss(route, node, parameter, initializer, compared or terms)
        for term in fitting:
            loss = term.loss
            problem = self._disagreement(route, loss)
            if problem is not None:
                raise self._unfilled(node, parameter, *problem)
            units = parameter.shape[0]
            assert isinstance(units, int)
            yield Head(bias=key, initializer=initializer, loss=loss, axis=route.axis, units=units)

    def _disagreement(self, route: _Route, loss: Loss) -> tuple[str, str] | None:
        """Why the units of the layer are not what the loss compares, and what to do."""
        name = route.output
        if route.logarithm is not None and loss.name != "nll_loss":
            return (
                f"a `log_softmax` stands between the layer and `{name}`, which "
                f"`{loss.name}` takes as it is",
                "give the loss the result of the layer itself",
            )
        if not isinstance(loss, ClassLoss):
            return None
        input, target = loss.names
        pair = Pair(loss.name, input, self.types[input], target, self.types[target])
        try:
            axis = 1 if pair.t.dtype.is_float else pair.class_dim() % pair.x.rank
        except ComponentError:
            return None  # the loss itself is wrong, which is reported
        if route.axis == axis:
            return None
        where = "a single one" if route.axis is None else f"dim {route.axis}"
        return (
            f"the units of the layer are {where} of `{name}`, and `{loss.name}` has its "
            f"classes in dim {axis}",
            "let the layer make one unit for each class",
        )

    def _without_loss(
        self,
        route: _Route,
        node: Node,
        parameter: Parameter,
        initializer: FromTargets,
        terms: list[LossTerm],
    ) -> _Unfilled:
        output = route.output
        example = f"`loss: {initializer.losses[0]}({output}, ...)`"
        if not terms:
            return self._unfilled(
                node,
                parameter,
                f"no loss compares `{output}` with a target, so that `{initializer.name}` has "
                "nothing to start from",
                help=f"add one, {example}, or write `bias_init=zeros`",
            )
        loss = terms[0].loss
        secondary = self._loss_labels(loss)
        if loss.names[1] not in self.targets:
            return self._unfilled(
                node,
                parameter,
                f"`{loss.name}` compares `{output}` with another output, and "
                f"`{initializer.name}` starts from a target",
                help="write `bias_init=zeros`",
                secondary=secondary,
            )
        other = _initializer_for(loss)
        return self._unfilled(
            node,
            parameter,
            f"`{initializer.name}` does not go with `{loss.name}`, which `{output}` has",
            help=f"for `{loss.name}` write `bias_init={other}`"
            if other
            else f"it goes with {listed(initializer.losses)}; write `bias_init=zeros`",
            secondary=secondary,
        )

    def _loss_labels(self, loss: Loss) -> tuple[Label, ...]:
        for call in _calls(
            next((e.value for e in self.spec.settings if e.key.text == "loss"), None)
        ):
            given = [a.value.text for a in call.arguments if isinstance(a.value, tree.Word)]
            if call.name.text == loss.name and given[: len(loss.names)] == list(loss.names):
                return (Label(call.span, "this is its loss"),)
        return ()

    def _hidden(
        self, node: Node, key: str, parameter: Parameter, initializer: FromTargets
    ) -> _Unfilled:
        if own_argument(node, parameter) is None:
            secondary = (Label(node.span, "this layer has one"),) if node.span else ()
            return self._unfilled(
                node,
                parameter,
                f"`{initializer.name}` would start every bias, and that of `{node.name}` is no "
                "output's",
                help=f"write `bias_init={initializer.name}` at the layer that makes the output",
                secondary=secondary,
            )
        return self._unfilled(
            node,
            parameter,
            f"`{initializer.name}` starts from a target, and the bias of `{node.name}` is not "
            "added to an output as it is",
            help=f"give `bias_init={initializer.name}` to the layer that makes the output, with "
            "nothing behind it but pooling to a mean or a change of shape",
        )

    def _unfilled(
        self,
        node: Node,
        parameter: Parameter,
        message: str,
        help: str,
        secondary: tuple[Label, ...] = (),
    ) -> _Unfilled:
        at: Span | None = place(self.spec, node, parameter)
        label = Label(at) if at is not None else None
        return _Unfilled(Diagnostic(code("E0312"), message, label, secondary, help=help))


def _initializer_for(loss: Loss) -> str | None:
    """The initializer from targets that goes with a loss."""
    from dlc.compiler.components import registry

    for name in ("target_mean", "class_prior"):
        cls = registry.load("initializer", name)
        if issubclass(cls, FromTargets) and loss.name in cls.losses:
            return name
    return None


def _calls(expr: tree.Expr | None) -> Iterator[tree.Call]:
    match expr:
        case tree.Call():
            yield expr
            for argument in expr.arguments:
                if isinstance(argument.value, tree.ListExpr):
                    for item in argument.value.items:
                        yield from _calls(item)
        case tree.Binary(left=left, right=right):
            yield from _calls(left)
            yield from _calls(right)
        case tree.Unary(operand=operand):
            yield from _calls(operand)


# ── from an output back to its bias ──────────────────────────────────────────


def _routes(
    output: str, value: str, made: Mapping[str, Layer], types: Mapping[str, TensorType]
) -> Iterator[tuple[str, _Route]]:
    """The key of the bias that is added to an output, and the way between them."""
    behind: list[tuple[Layer, str]] = []
    while (layer := made.get(value)) is not None:
        bias = next((key for key, p in layer.parameters if p.is_bias and p.name == "bias"), None)
        if bias is not None:
            axis = _unit_axis(layer, types[value])
            if axis is None:
                return
            yield from _forward(output, bias, value, axis, behind, types)
            return
        if layer.node.kind not in ("identity", "log_softmax", *_POOLS, *_RESHAPES):
            return
        behind.append((layer, value))
        value = layer.inputs[0][1]


def _unit_axis(layer: Layer, result: TensorType) -> int | None:
    if layer.node.kind not in _SCALED:
        return None
    return 1 if layer.node.kind.startswith("conv") else result.rank - 1


def _forward(
    output: str,
    bias: str,
    value: str,
    axis: int,
    behind: list[tuple[Layer, str]],
    types: Mapping[str, TensorType],
) -> Iterator[tuple[str, _Route]]:
    """The route, where the units can be followed to the output."""
    logarithm: Layer | None = None
    where: int | None = axis
    for layer, result in reversed(behind):
        before, after = types[value], types[result]
        if layer.node.kind == "log_softmax":
            dim = getattr(layer.node.op, "dim", -1)
            if where is None or dim % before.rank != where:
                return
            logarithm = layer
        elif layer.node.kind in _POOLS and where != 1:
            return
        elif layer.node.kind in _RESHAPES:
            single = where is None or before.shape[where] == 1
            where = None if single else _followed(before, after, where or 0)
            if where is None and not single:
                return
        value = result
    if where is not None and types[value].shape[where] == 1:
        where = None
    yield bias, _Route(output, where, logarithm)


def _followed(before: TensorType, after: TensorType, axis: int) -> int | None:
    """Where a dim is after a change of shape that adds or takes dims of 1 alone."""
    mine = [i for i, size in enumerate(before.shape) if size != 1]
    theirs = [i for i, size in enumerate(after.shape) if size != 1]
    same = [before.shape[i] for i in mine] == [after.shape[i] for i in theirs]
    return theirs[mine.index(axis)] if same and axis in mine else None
