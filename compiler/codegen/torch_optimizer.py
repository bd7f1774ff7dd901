"""The function `optimizer` of a generated module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dlc.compiler.analysis.hidden_matrices import hidden_matrices
from dlc.compiler.analysis.parameter_groups import Part, partition, trained
from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.layout import statement
from dlc.compiler.codegen.torch_optimizer_classes import CLASSES
from dlc.compiler.codegen.torch_selection import Selector
from dlc.compiler.components.losses.uncertainty import LOG_VARIANCES
from dlc.compiler.components.optimizers.base import Optimizer
from dlc.compiler.components.optimizers.muon import Muon
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program
from dlc.compiler.ir.protocols import Literal

_SIGNATURE = "def optimizer(model: nn.Module) -> torch.optim.Optimizer:"
_FUSED = 'fused = all(p.device.type in ("cpu", "cuda") for p in model.parameters())'
_ROLES = {"bias": "biases", "norm": "the scales and shifts of norms"}


def optimizer_function(
    program: Program, optimizer: Optimizer, rates: Mapping[str, float]
) -> Iterator[str]:
    """The lines of `optimizer(model)`, of the classes and constants that it needs first.
    `rates` are factors on the learning rate, by layer."""
    if isinstance(optimizer, Muon):
        yield from _muon(program, optimizer)
        return
    constructor, _ = optimizer.torch()
    if constructor in CLASSES:
        yield from _class(constructor)
    selector = _selector(program, optimizer, rates)
    parts = partition(trained(program), optimizer, rates=rates)
    plain = len(parts) == 1 and not parts[0].options
    groups = [] if plain else list(_groups(selector, parts))
    yield from selector.constants
    yield _SIGNATURE
    yield f'    """{_title(program, optimizer, constructor, parts)}"""'
    yield from groups
    fused = _fused(program, optimizer)
    if fused == "fused":
        yield f"    {_FUSED}"
    made = _constructed(optimizer, "model.parameters()" if plain else "groups", fused)
    yield from statement(f"return {made}", 1)


def _muon(program: Program, optimizer: Muon) -> Iterator[str]:
    yield from _class("MuonWithAdamW")
    matrices = frozenset(hidden_matrices(program))
    others = optimizer.others
    selector = _selector(program, others)
    hidden = [one.path for one in trained(program) if one.path in matrices]
    parts = partition((one for one in trained(program) if one.path not in matrices), others)
    plain = len(parts) == 1 and not parts[0].options
    lines = list(selector.lines("hidden = ", _module_names(hidden), "HIDDEN_GROUP"))
    if plain:
        lines += selector.lines("others = ", _module_names(parts[0].paths), "OTHERS_GROUP")
    else:
        lines += _groups(selector, parts)
    yield from selector.constants
    yield _SIGNATURE
    yield '    """Muon over the matrices of hidden layers, AdamW over the rest."""'
    yield from lines
    fused = _fused(program, others)
    if fused == "fused":
        yield f"    {_FUSED}"
    yield from statement(f"muon = {_constructed(optimizer, 'hidden', '')}", 1)
    adamw = _constructed(others, "others" if plain else "groups", fused)
    yield from statement(f"adamw = {adamw}", 1)
    yield "    return MuonWithAdamW(muon, adamw)"


def _class(name: str) -> Iterator[str]:
    yield from CLASSES[name].splitlines()
    yield ""
    yield ""


def _selector(program: Program, optimizer: Optimizer, rates: Iterable[str] = ()) -> Selector:
    matched = [prefix for group in optimizer.parts for prefix in group.match]
    return Selector(program, [*matched, *rates])


def _module_names(paths: Sequence[str]) -> list[str]:
    return [identifiers.module_path(path) for path in paths]


def _groups(selector: Selector, parts: Sequence[Part]) -> Iterator[str]:
    """The lines that make `groups`."""
    names = identifiers.Names(("model", "groups", "fused"))
    entries = []
    for part in parts:
        name = names.take(_variable(part, parts))
        yield from selector.lines(f"{name} = ", _module_names(part.paths), f"{name.upper()}_GROUP")
        entries.append(_entry(name, part.options))
    yield "    groups = ["
    yield from (f"        {entry}," for entry in entries)
    yield "    ]"


def _variable(part: Part, parts: Sequence[Part]) -> str:
    if part.scaled:
        word: Sequence[str] = (part.scaled,)
    elif part.group is None:
        if part.undecayed:
            return "undecayed"
        return "decayed" if any(other.undecayed for other in parts) else "rest"
    else:
        word = part.group.match or part.group.kind_ or part.group.role
    stem = "_".join(piece for piece in word[0].split(".") if piece.isidentifier()).lower()
    name = identifiers.variable(stem) if stem else "part"
    return f"{name}_undecayed" if part.undecayed else name


def _entry(name: str, options: Mapping[str, object]) -> str:
    items = [f'"params": {name}']
    items += [f'"{key}": {literal(_as_literal(value))}' for key, value in options.items()]
    return f"{{{', '.join(items)}}}"


def _title(program: Program, optimizer: Optimizer, constructor: str, parts: Sequence[Part]) -> str:
    name = constructor.rpartition(".")[2]
    if any(part.group is not None or part.scaled for part in parts):
        return f"{name}, with settings of their own for some parameters."
    if any(part.undecayed for part in parts):
        learned = [LOG_VARIANCES] * bool(program.learned)
        roles = " and ".join([*(_ROLES[role] for role in optimizer.undecayed), *learned])
        return f"Weight decay leaves {roles} alone."
    return f"{name} over all parameters."


def _fused(program: Program, optimizer: Optimizer) -> str:
    """The argument `fused`, empty for an optimizer without. There is no such kernel for sparse
    gradients."""
    if not optimizer.fused:
        return ""
    sparse = any(getattr(node.op, "sparse", False) for _, _, node in program.owners())
    return "False" if sparse else "fused"


def _constructed(optimizer: Optimizer, parameters: str, fused: str) -> str:
    constructor, given = optimizer.torch()
    options = {name: literal(_as_literal(value)) for name, value in given.items()}
    if fused:
        options["fused"] = fused
    arguments = ", ".join([parameters, *(f"{name}={text}" for name, text in options.items())])
    return f"{constructor}({arguments})"


def _as_literal(value: object) -> Literal:
    if isinstance(value, list | tuple):
        return tuple(_as_literal(item) for item in value)
    assert value is None or isinstance(value, int | float | str)
    return value
