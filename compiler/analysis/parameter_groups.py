"""The trainable parameters of a network, divided by what the optimizer does to them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.sections.group import Group
from dlc.compiler.components.sections.regularization import DEFAULT
from dlc.compiler.ir.graph import Parameter, Program
from dlc.compiler.record import record

_ANY = "*"
_DROPOUTS = (
    *("dropout", "dropout1d", "dropout2d", "dropout3d"),
    *("alpha_dropout", "feature_alpha_dropout"),
)


@record
class Trained:
    """A trainable parameter: its path in the program, the kind of its layer, what it is."""

    path: str
    kind: str
    parameter: Parameter


@record
class Part:
    """Parameters, by path, that are treated alike; `options` is what the optimizer's own
    settings do not say. `group` is the group of the spec that they are in, `undecayed` says
    that weight decay leaves them alone, `scaled` by which name their learning rate is scaled."""

    paths: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    group: Group | None = None
    undecayed: bool = False
    scaled: str = ""


def trained(program: Program) -> Iterator[Trained]:
    """Every trainable parameter in the order of the module's; tied ones once."""
    for path, _, node in program.owners():
        for parameter in node.parameters:
            if parameter.trainable:
                yield Trained(f"{path}.{parameter.name}", node.kind, parameter)
    for parameter in program.learned:
        yield Trained(parameter.name, "", parameter)


def covers(pattern: str, path: str) -> bool:
    """Whether `layer1.*.conv` means `layer1.0.conv.weight`: whole dotted prefixes, `*` for
    one segment."""
    wanted, have = pattern.split("."), path.split(".")
    return len(wanted) <= len(have) and all(
        w in (_ANY, h) for w, h in zip(wanted, have, strict=False)
    )


def dropouts(program: Program, match: Sequence[str] = ()) -> list[str]:
    """The paths of the layers that have a rate of dropout which may change; of those, what
    `match` means, where it is given."""
    return [
        path
        for path, _, node in program.owners()
        if node.kind in _DROPOUTS and (not match or any(covers(pattern, path) for pattern in match))
    ]


def strength(value: float | Mapping[str, float] | None, path: str) -> float:
    """What a key of `regularization` says of a parameter, 0 for nothing."""
    if value is None:
        return 0.0
    if not isinstance(value, Mapping):
        return value
    named = (f for pattern, f in value.items() if pattern != DEFAULT and covers(pattern, path))
    return next(named, value.get(DEFAULT, 0.0))


def is_in(group: Group, one: Trained) -> bool:
    """Whether a parameter meets all conditions of a group."""
    return (
        (not group.match or any(covers(pattern, one.path) for pattern in group.match))
        and (not group.kind_ or one.kind in group.kind_)
        and (not group.role or one.parameter.role in group.role)
    )


def partition(
    parameters: Iterable[Trained],
    optimizer: Optimizer,
    *,
    rates: Mapping[str, float] | None = None,
    frozen: Container[str] = (),
) -> tuple[Part, ...]:
    """The parameters as the optimizer's groups: first those with its own settings, then those
    that differ, in the order of the spec. Empty parts are left out.

    `rates` are factors on the learning rate by pattern, of which the first that covers a
    parameter counts; `frozen` are paths of parameters that take no part.
    """
    rates = rates or {}
    found: dict[tuple[int, bool, str], list[str]] = {}
    for one in parameters:
        if one.path in frozen:
            continue
        place = next((i for i, g in enumerate(optimizer.parts) if is_in(g, one)), -1)
        decay = _decay(optimizer, place)
        undecayed = decay > 0 and one.parameter.role in ("variance", *optimizer.undecayed)
        scaled = next((pattern for pattern in rates if covers(pattern, one.path)), "")
        found.setdefault((place, undecayed, scaled), []).append(one.path)
    order = ["", *rates]
    return tuple(
        Part(
            tuple(found[key]),
            _options(optimizer, key[0], key[1], rates.get(key[2], 1.0)),
            optimizer.parts[key[0]] if key[0] >= 0 else None,
            undecayed=key[1],
            scaled=key[2],
        )
        for key in sorted(found, key=lambda key: (key[0], key[1], order.index(key[2])))
    )


def _decay(optimizer: Optimizer, place: int) -> float:
    own = optimizer.parts[place].weight_decay if place >= 0 else None
    return optimizer.decay if own is None else own


def _options(optimizer: Optimizer, place: int, undecayed: bool, rate: float) -> dict[str, object]:
    options = dict(optimizer.parts[place].settings) if place >= 0 else {}
    if undecayed:
        options["weight_decay"] = 0.0
    if rate != 1.0:
        lr = options.get("lr", optimizer.learning_rate)
        assert isinstance(lr, int | float)
        options["lr"] = lr * rate
    return options
