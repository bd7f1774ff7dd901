"""Which outputs and targets may be compared, for losses and metrics.

Shapes never broadcast here: `[N, 1]` against `[N]` is the classic silent mistake.
"""

from __future__ import annotations

from collections.abc import Sequence

from dlc.compiler.components.base import ComponentError
from dlc.compiler.ir.dims import Answer, Dim, compare
from dlc.compiler.ir.types import Shape, TensorType
from dlc.compiler.record import record

#: What a target holds where it does not count, unless its loss says otherwise; torch's number.
IGNORED = -100


@record
class Pair:
    """What a loss or metric, called `what`, compares: the names and types of both sides."""

    what: str
    input: str
    x: TensorType
    target: str
    t: TensorType

    def float_input(self) -> None:
        """The output holds float scores. Raises `ComponentError`."""
        if not self.x.dtype.is_float:
            raise ComponentError(
                "E0406",
                f"`{self.what}` compares float scores, and `{self.input}` is {self.x}",
                blame="input",
                help="give an output of float first, then the target",
            )

    def numeric_target(self) -> None:
        """The target holds numbers. Raises `ComponentError`."""
        if not (self.t.dtype.is_float or self.t.dtype.is_int):
            raise ComponentError(
                "E0406",
                f"`{self.what}` compares numbers, and `{self.target}` is {self.t}",
                blame="target",
                help=f"declare `{self.target}: float{self.x.shape_text}`",
            )

    def same_shape(self, blame: str = "target") -> None:
        """Both sides have one shape. Raises `ComponentError`, which blames an argument."""
        answer = _same(self.x.shape, self.t.shape)
        if answer is Answer.EQUAL:
            return
        dtype = self.t.dtype.spec_name
        help = f"declare `{self.target}: {dtype}{self.x.shape_text}`, or change `{self.input}`"
        sides = f"`{self.input}`, {self.x}, and `{self.target}`, {self.t}"
        if answer is Answer.UNKNOWN:
            raise ComponentError(
                "E0407",
                f"`{self.what}` needs equal shapes, and those of {sides}, may differ",
                blame=blame,
                help=help,
            )
        spread = _broadcast(self.x.shape, self.t.shape)
        raise ComponentError(
            "E0402",
            f"`{self.what}` needs equal shapes; {sides}, would be spread to {spread}"
            if spread
            else f"`{self.what}` needs equal shapes, got {sides}",
            blame=blame,
            help=help,
        )

    def class_dim(self) -> int:
        """Where the classes are, for a target of class numbers: 1, or -1 for the last dim.

        The second dim, as in torch, where the others then agree; else the last one. Raises
        `ComponentError`.
        """
        self.float_input()
        if self.x.rank < 2:
            raise ComponentError(
                "E0401",
                f"`{self.what}` needs a score for each class, and `{self.input}` is {self.x}",
                blame="input",
                help="give it a dim of classes: end in `linear(classes)`",
            )
        if not self.t.dtype.is_int:
            raise ComponentError(
                "E0406",
                f"`{self.what}` needs class numbers, and `{self.target}` is {self.t}",
                blame="target",
                help=f"declare `{self.target}: int{_text(self.x.shape[:-1])}`",
            )
        expected = [(1, (self.x.shape[0], *self.x.shape[2:])), (-1, self.x.shape[:-1])]
        if self.t.rank != self.x.rank - 1:
            raise self._wrong_class_rank(_text(self.x.shape[:-1]))
        answers = [(_same(shape, self.t.shape), dim) for dim, shape in expected]
        for answer, dim in answers:
            if answer is Answer.EQUAL:
                return dim
        forms = list(dict.fromkeys(f"int{_text(shape)}" for _, shape in reversed(expected)))
        undecided = any(answer is Answer.UNKNOWN for answer, _ in answers)
        raise ComponentError(
            "E0407" if undecided else "E0402",
            f"`{self.target}` is {self.t}, and the class numbers of `{self.input}`, {self.x}, "
            + (f"may not be: they are {forms[0]}" if undecided else f"are {' or '.join(forms)}"),
            blame="target",
            help=f"declare `{self.target}: {forms[0]}`, or change `{self.input}`",
        )

    def several_classes(self, dim: int) -> Dim:
        """The number of classes; one class leaves nothing to tell apart."""
        classes = self.x.shape[dim]
        if classes == 1:
            raise ComponentError(
                "E0402",
                f"`{self.input}`, {self.x}, has a single class: `{self.what}` would always be 0",
                blame="input",
                help="for yes or no use `binary_cross_entropy_with_logits`",
            )
        return classes

    def _wrong_class_rank(self, expected: str) -> ComponentError:
        help = f"declare `{self.target}: int{expected}`"
        if self.t.rank == 1 and self.x.rank > 2:
            one = f"[{self.x.shape[0]}, {self.x.shape[-1]}]"
            help += f"; for a class a sample bring `{self.input}` to {one} with `flatten`"
            help += " or `global_avg_pool`"
        if self.t.rank != self.x.rank:
            return ComponentError(
                "E0401",
                f"`{self.target}` is {self.t}, and the class numbers of `{self.input}`, {self.x}, "
                f"have {self.x.rank - 1} dim{'s' if self.x.rank != 2 else ''}",
                blame="target",
                help=help,
            )
        if self.t.shape[-1] == 1:
            reason = "a last dim of 1 too many"
        else:
            reason = "a number for each class"
            help += f", or `float{self.x.shape_text}` for the probability of each class"
        return ComponentError(
            "E0402",
            f"`{self.what}` takes a class number for each sample; `{self.target}`, {self.t}, "
            f"has {reason}",
            blame="target",
            help=help,
        )


def check_weights(
    what: str, weight: Sequence[float] | None, classes: Dim, argument: str = "weight"
) -> None:
    """One weight for each class. Raises `ComponentError`."""
    if weight is not None and compare(len(weight), classes) is not Answer.EQUAL:
        raise ComponentError(
            "E0402",
            f"`{what}` got {len(weight)} weights for {classes} classes",
            blame=argument,
            help="give one weight for each class, in the order of the classes",
        )


def _same(a: Shape, b: Shape) -> Answer:
    if len(a) != len(b):
        return Answer.DIFFERENT
    answers = {compare(p, q) for p, q in zip(a, b, strict=True)}
    for answer in (Answer.DIFFERENT, Answer.UNKNOWN):
        if answer in answers:
            return answer
    return Answer.EQUAL


def _broadcast(a: Shape, b: Shape) -> str:
    """The shape that torch would spread both to, as text; empty where it would refuse."""
    length = max(len(a), len(b))
    left, right = (1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b
    spread: list[Dim] = []
    for p, q in zip(left, right, strict=True):
        if p != 1 and q != 1 and compare(p, q) is not Answer.EQUAL:
            return ""
        spread.append(q if p == 1 else p)
    return _text(tuple(spread))


def _text(shape: Shape) -> str:
    return "[" + ", ".join(str(dim) for dim in shape) + "]"
