"""The functions `penalty`, `constrain` and `set_dropout` of a generated module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlc.compiler.analysis.parameter_groups import Trained, dropouts, strength, trained
from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.layout import statement
from dlc.compiler.codegen.torch_selection import Selector
from dlc.compiler.components.sections.dropout import Dropout
from dlc.compiler.components.sections.regularization import DEFAULT, Regularization
from dlc.compiler.components.sections.train import Train
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program

_DISTANCE = '''
    def distance(w: Tensor) -> Tensor:
        """The squared distance of the rows or columns, whichever are fewer, from orthonormal."""
        w = w.flatten(1)
        products = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        return (products - torch.eye(len(products)).to(w)).square().sum()
'''


def regularization_functions(
    program: Program, section: Regularization, *, freezes: bool = False
) -> Iterator[list[str]]:
    """The lines of each function that the section asks for. `freezes` says that some weights may
    be frozen."""
    weights = [one for one in trained(program) if one.parameter.role == "weight"]
    prefixes = [
        key
        for value in (*section.penalties.values(), section.max_norm)
        if isinstance(value, Mapping)
        for key in value
        if key != DEFAULT
    ]
    selector = Selector(program, prefixes)
    terms = list(_terms(section, weights))
    if terms:
        yield list(_penalty(selector, terms, len(weights)))
    # A vector of weights, such as the slopes of prelu, is no unit's incoming weights.
    matrices = [one for one in weights if len(one.parameter.shape) > 1]
    bounds = {one.path: strength(section.max_norm, one.path) for one in matrices}
    if any(bounds.values()):
        yield list(_constrain(Selector(program, prefixes), matrices, bounds, freezes))


def _terms(
    section: Regularization, weights: Sequence[Trained]
) -> Iterator[tuple[str, float, tuple[str, ...]]]:
    """The key, the factor and the names of the parameters of each part of the penalty."""
    for key, value in section.penalties.items():
        groups: dict[float, list[str]] = {}
        for one in weights:
            if key != "orthogonal" or len(one.parameter.shape) > 1:
                name = identifiers.module_path(one.path)
                groups.setdefault(strength(value, one.path), []).append(name)
        for factor, names in groups.items():
            if factor:
                yield key, factor, tuple(names)


def _penalty(
    selector: Selector, terms: Sequence[tuple[str, float, tuple[str, ...]]], count: int
) -> Iterator[str]:
    variables: dict[tuple[str, ...], str] = {}
    lists: list[str] = []
    for _, _, names in terms:
        if names not in variables:
            number = "" if len(names) == count else f"_{len(variables) + 1}"
            variables[names] = f"weights{number}"
            constant = f"PENALIZED{number}"
            lists += selector.lines(f"{variables[names]} = ", names, constant)
    parts = [_part(key, factor, variables[names]) for key, factor, names in terms]
    yield from selector.constants
    yield "def penalty(model: nn.Module) -> Tensor:"
    yield '    """What is added to the loss for large weights; biases and norms are left alone."""'
    if any(key == "orthogonal" for key, _, _ in terms):
        yield from _DISTANCE.splitlines()
        yield ""
    yield from lists
    if len(parts) == 1:
        yield from statement(f"return {parts[0]}", 1)
        return
    yield from statement(f"total = {parts[0]}", 1)
    for part in parts[1:-1]:
        yield from statement(f"total = total + {part}", 1)
    yield from statement(f"return total + {parts[-1]}", 1)


def _part(key: str, factor: float, weights: str) -> str:
    if key == "l1":
        return f"{literal(factor)} * sum(w.abs().sum() for w in {weights})"
    if key == "l2":
        return f"{literal(factor / 2)} * sum(w.square().sum() for w in {weights})"
    return f"{literal(factor)} * sum(distance(w) for w in {weights})"


def _constrain(
    selector: Selector, matrices: Sequence[Trained], bounds: Mapping[str, float], freezes: bool
) -> Iterator[str]:
    groups: dict[tuple[float, int], list[str]] = {}
    for one in matrices:
        if bounds[one.path]:
            # A transposed convolution has the units that read in dim 0, those that get in dim 1.
            dim = 1 if one.kind.startswith("conv_transpose") else 0
            name = identifiers.module_path(one.path)
            groups.setdefault((bounds[one.path], dim), []).append(name)
    loops: list[str] = []
    for number, ((bound, dim), names) in enumerate(groups.items(), 1):
        constant = "CONSTRAINED" if len(groups) == 1 else f"CONSTRAINED_{number}"
        loops += selector.lines("for w in ", names, constant, ":")
        text = f"w.copy_(torch.renorm(w, p=2, dim={dim}, maxnorm={literal(bound)}))"
        if freezes:
            # What is frozen stays as it is, however long.
            loops.append("        if w.requires_grad:")
        loops += statement(text, 3 if freezes else 2)
    yield from selector.constants
    yield "@torch.no_grad()"
    yield "def constrain(model: nn.Module) -> None:"
    yield '    """Scales down the incoming weights of each unit that are longer than allowed."""'
    yield from loops


# ── dropout ──────────────────────────────────────────────────────────────────


def dropout_function(program: Program, train: Train) -> list[str]:
    """The lines of `set_dropout(model, epoch)`."""
    lines = [
        "def set_dropout(model: nn.Module, epoch: int) -> None:",
        '    """Sets the rates of dropout for an epoch, counted from 0."""',
    ]
    taken: set[str] = set()
    for rate in train.dropout:
        paths = [path for path in dropouts(program, rate.match) if path not in taken]
        taken.update(paths)
        names = tuple(identifiers.module_path(f"{path}.")[:-1] for path in paths)
        lines += _rate(rate, (rate.epochs or train.counted_epochs) - 1)
        lines += statement(f"for name in {literal(names)}:", 1)
        lines.append("        model.get_submodule(name).p = p")
    return lines


def _rate(rate: Dropout, last: int) -> Iterator[str]:
    if last < 1:
        yield f"    p = {literal(rate.end)}"
        return
    yield f"    share = min(1.0, epoch / {last})"
    if rate.shape == "cosine":
        yield "    share = 0.5 - 0.5 * math.cos(math.pi * share)"
    change = rate.end - rate.start
    sign = "-" if change < 0 else "+"
    yield f"    p = {literal(rate.start)} {sign} {literal(round(abs(change), 12))} * share"
