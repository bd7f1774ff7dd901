"""Layers that go through a function once they are made: `weight_norm(nn.Linear(784, 256))`.

Such a function replaces the weights by what they are computed from, so that it comes after
the filling of the weights, as one would write it: lengths and singular values are then those
of the filled weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.codegen.classes import ClassPlan
from dlc.compiler.codegen.containers import Container
from dlc.compiler.codegen.layout import statement
from dlc.compiler.codegen.torch_init import accesses
from dlc.compiler.codegen.writer import NodeCode
from dlc.compiler.ir.parametrization import effective_name


def is_wrapped_late(written: NodeCode) -> bool:
    """Whether `reset_parameters` fills a weight of a layer that is wrapped."""
    return (
        written.module is not None
        and bool(written.module.wrap)
        and any(
            parameter.initializer is not None and effective_name(parameter.name) is not None
            for parameter in written.node.parameters
        )
    )


def wraps(plan: ClassPlan, containers: dict[str, Container], depth: int) -> Iterator[str]:
    """The lines behind `self.reset_parameters()`."""
    functions: dict[str, list[str]] = {}
    for written in plan.code.nodes:
        if written.module is not None and is_wrapped_late(written):
            functions.setdefault(written.module.wrap, []).append(written.node.name)
    for function, nodes in functions.items():
        items = list(accesses(nodes, containers))
        if len(items) == 1 and not items[0].startswith("*"):
            yield from statement(f"{function}({items[0]})", depth)
            continue
        source = items[0][1:] if len(items) == 1 else f"({', '.join(items)})"
        yield from statement(f"for layer in {source}:", depth)
        yield from statement(f"{function}(layer)", depth + 1)
