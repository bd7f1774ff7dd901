"""Steps on texts, checked against the inputs that they give and fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing._texts import TextStep, TokenStep
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.ir.dims import Poly, Symbol
from dlc.compiler.ir.types import DType, TensorType


def check_text_step(
    name: str, steps: Sequence[Preprocess], place: int, inputs: Mapping[str, TensorType]
) -> None:
    """Raises `ComponentError` where the step at `place` of the chain of an input cannot run."""
    step = steps[place]
    before = steps[:place]
    cutter = next((found for found in before if isinstance(found, TokenStep)), None)
    if cutter is not None:
        raise ComponentError(
            "E0406",
            f"`{step.name}` cannot follow `{cutter.name}`, whose rows differ in length",
            help=f"put it before `{cutter.name}`"
            if isinstance(step, TextStep) and not isinstance(step, TokenStep)
            else f"leave it out: the network takes the indices, by an `embedding` of `{name}`",
        )
    if not isinstance(step, TextStep):
        return
    numeric = next((found for found in before if not isinstance(found, TextStep)), None)
    if numeric is not None:
        raise ComponentError(
            "E0406",
            f"`{step.name}` takes texts, and `{numeric.name}` before it gives numbers",
            help=f"put it before `{numeric.name}`, or leave it out",
        )
    if isinstance(step, TokenStep):
        _check_given(name, step, inputs[name])
        _check_filled(name, step, inputs)


def _check_given(name: str, step: TokenStep, declared: TensorType) -> None:
    if declared.rank != 2 or not declared.dtype.is_int or not _is_length(declared.shape[1]):
        raise ComponentError(
            "E0406" if not declared.dtype.is_int else "E0401",
            f"`{step.name}` gives a row of indices for each text, and `{name}` is {declared}",
            help=f"declare `{name}: int[N, T]`, and let an `embedding` make numbers of them",
        )


def _is_length(size: object) -> bool:
    """Whether a size is a number or a name by itself: what a batch of texts can have."""
    if not isinstance(size, Poly):
        return True
    ((monomial, factor), *rest) = size.terms
    return not rest and factor == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol)


def _check_filled(name: str, step: TokenStep, inputs: Mapping[str, TensorType]) -> None:
    batch, length = inputs[name].shape
    wanted = (
        ("lengths", step.lengths, "int[N]", (batch,), "int"),
        ("mask", step.mask, "bool[N, T]", (batch, length), "bool"),
        ("segments", step.segment_input, "int[N, T]", (batch, length), "int"),
    )
    for argument, filled, form, shape, kind in wanted:
        if filled is None or filled not in inputs:
            continue
        found = inputs[filled]
        right = found.dtype.is_int if kind == "int" else found.dtype is DType.BOOL
        if filled == name or not right or found.shape != shape:
            raise ComponentError(
                "E0406" if not right else "E0401",
                f"`{step.name}` fills `{filled}` with its {argument}, and `{filled}` is {found}"
                if filled != name
                else f"`{step.name}` would fill `{name}` with its own {argument}",
                blame=argument,
                help=f"declare an input of its own for it: `{form}`, with the sizes of `{name}`",
            )


def by_step(chains: Mapping[str, Sequence[Preprocess]], type: TensorType) -> str:
    """How a step of the spec could fill an input, as the end of an advice; or nothing."""
    argument = "mask" if type.dtype is DType.BOOL else "lengths"
    for steps in chains.values():
        for step in steps:
            if isinstance(step, TokenStep):
                return f", or name it in the step that fills it: `{step.name}({argument}=...)`"
    return ""
