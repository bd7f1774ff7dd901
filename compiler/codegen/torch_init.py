"""How the weights of a class start, as its method `reset_parameters`.

Only what a spec says is written: a parameter without an initializer keeps PyTorch's own
start. Every class fills the parameters of its own layers and leaves those of its blocks
to them, so that no layer is filled by a rule that was meant for another. A weight that is
computed from others is filled before it is, by its own name.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from dlc.compiler.codegen import identifiers
from dlc.compiler.codegen.classes import ClassPlan
from dlc.compiler.codegen.containers import Container, split_name
from dlc.compiler.codegen.layout import statement
from dlc.compiler.codegen.writer import NodeCode
from dlc.compiler.ir.graph import BlockCall
from dlc.compiler.ir.parametrization import plain_name

# From so many parameters that start alike on, a loop over their names reads better.
_LOOP_FROM = 4


@dataclass(slots=True)
class _Group:
    """Nodes whose parameters start alike. `fills` are (parameter, initializer) pairs."""

    fills: list[tuple[str, object]]
    padding: bool
    every: tuple[str, ...]
    nodes: list[str] = field(default_factory=list)


def reset_parameters(
    plan: ClassPlan, containers: dict[str, Container], depth: int
) -> Iterator[str]:
    """The lines of the method, none where no initializer is given."""
    groups: dict[Hashable, _Group] = {}
    for written in plan.code.nodes:
        node = written.node
        if isinstance(node.op, BlockCall) or written.module is None:
            continue
        fills = [
            (plain_name(p.name), p.initializer)
            for p in node.parameters
            if p.initializer is not None
        ]
        if not fills:
            continue
        padding = any(name == "weight" for name, _ in fills) and _has_padding(written)
        every = tuple(dict.fromkeys(plain_name(p.name) for p in node.parameters))
        key = (tuple((name, *_key(init)) for name, init in fills), padding, every)
        groups.setdefault(key, _Group(fills, padding, every)).nodes.append(node.name)
    if not groups:
        return
    yield from statement("@torch.no_grad()", depth)
    yield from statement("def reset_parameters(self) -> None:", depth)
    for group in groups.values():
        items = list(accesses(group.nodes, containers))
        if len(items) == 1 and not items[0].startswith("*"):
            yield from _fill(group, items[0], depth + 1)
            continue
        source = items[0][1:] if len(items) == 1 else f"({', '.join(items)})"
        yield from statement(f"for layer in {source}:", depth + 1)
        yield from _fill(group, "layer", depth + 2)


def _text(initializer: object, tensor: str) -> str:
    text: str = initializer.torch(tensor)  # type: ignore[attr-defined]
    return text


def _remark(initializer: object) -> str:
    text: str = initializer.remark  # type: ignore[attr-defined]
    return text


def _key(initializer: object) -> tuple[str, str]:
    """What two initializers must have in common to be written once."""
    return _text(initializer, "w"), _remark(initializer)


def _has_padding(written: NodeCode) -> bool:
    """Whether one row of the weight is zero and stays so."""
    return written.module is not None and written.module.kwargs.get("padding_idx") is not None


def _fill(group: _Group, layer: str, depth: int) -> Iterator[str]:
    alike: dict[tuple[str, str], list[tuple[str, object]]] = {}
    for name, initializer in group.fills:
        alike.setdefault(_key(initializer), []).append((name, initializer))
    tests = [_name_test([name for name, _ in fills], group.every) for fills in alike.values()]
    if len(group.fills) >= _LOOP_FROM and all(tests):
        yield from statement(f"for name, parameter in {layer}.named_parameters():", depth)
        word = "if"
        for test, fills in zip(tests, alike.values(), strict=True):
            text, remark = _text(fills[0][1], "parameter"), _remark(fills[0][1])
            if test == "True":
                yield from statement(text, depth + 1, remark)
            else:
                yield from statement(f"{word} {test}:", depth + 1)
                yield from statement(text, depth + 2, remark)
            word = "elif"
    else:
        for name, initializer in group.fills:
            text = _text(initializer, f"{layer}.{name}")
            yield from statement(text, depth, _remark(initializer))
    if group.padding:
        text = f"{layer}.weight[{layer}.padding_idx].zero_()"
        yield from statement(text, depth, "the row of the padding stays zero")


def _name_test(names: list[str], every: tuple[str, ...]) -> str:
    """A condition on `name` that holds for these of all parameters of a layer."""
    if set(names) == set(every):
        return "True"
    for part in ("weight", "bias", "weight_ih", "weight_hh"):
        if {name for name in every if part in name} == set(names):
            return f'"{part}" in name'
    return ""


def accesses(nodes: list[str], containers: dict[str, Container]) -> Iterator[str]:
    """The layers as items of a tuple; whole lists of turns with a star."""
    wanted: dict[str, list[tuple[int, ...]]] = {}
    for name in nodes:
        stem, turns = split_name(name)
        wanted.setdefault(identifiers.attribute(stem), []).append(turns)
    for attribute, places in wanted.items():
        yield from _parts(f"self.{attribute}", containers[attribute], set(places))


def _parts(text: str, here: Container, places: set[tuple[int, ...]]) -> Iterator[str]:
    if here.leaf is not None:
        yield text
        return
    leaves = all(turn.leaf is not None for turn in here.turns.values())
    if leaves and places == {(turn,) for turn in here.turns}:
        yield f"*{text}" if here.is_list else f"*{text}.values()"
        return
    for number, turn in here.turns.items():
        inner = {place[1:] for place in places if place[0] == number}
        if inner:
            yield from _parts(text + here.key(number), turn, inner)
