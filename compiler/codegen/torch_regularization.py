"""The functions `penalty` and `constrain` of a generated module."""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.codegen.layout import statement
from dlc.compiler.codegen.torch_selection import Selector
from dlc.compiler.components.sections.regularization import Regularization
from dlc.compiler.components.text import literal
from dlc.compiler.ir.graph import Program


def regularization_functions(program: Program, section: Regularization) -> Iterator[list[str]]:
    """The lines of each function that the section asks for."""
    if section.l1 or section.l2:
        yield list(_penalty(program, section))
    if section.max_norm is not None:
        yield list(_constrain(program, section.max_norm))


def _penalty(program: Program, section: Regularization) -> Iterator[str]:
    selector = Selector(program)
    weights = list(selector.lines("weights = ", selector.names("weight"), "PENALIZED"))
    yield from selector.constants
    yield "def penalty(model: nn.Module) -> Tensor:"
    yield '    """What is added to the loss for large weights; biases and norms are left alone."""'
    yield from weights
    parts = []
    if section.l1:
        parts.append(f"{literal(section.l1)} * sum(w.abs().sum() for w in weights)")
    if section.l2:
        parts.append(f"{literal(section.l2 / 2)} * sum(w.square().sum() for w in weights)")
    if len(parts) == 1:
        yield from statement(f"return {parts[0]}", 1)
        return
    yield from statement(f"magnitudes = {parts[0]}", 1)
    yield from statement(f"return magnitudes + {parts[1]}", 1)


def _constrain(program: Program, max_norm: float) -> Iterator[str]:
    selector = Selector(program)
    loop = list(selector.lines("for w in ", selector.names("weight"), "CONSTRAINED", ":"))
    yield from selector.constants
    yield "@torch.no_grad()"
    yield "def constrain(model: nn.Module) -> None:"
    yield '    """Scales down the incoming weights of each unit that are longer than allowed."""'
    yield from loop
    yield from statement(f"w.copy_(torch.renorm(w, p=2, dim=0, maxnorm={literal(max_norm)}))", 2)
