"""Connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from dlc.compiler.components.arguments import Natural, OutputName, OutputOrTarget, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.losses.base import Loss
from dlc.compiler.components.text import call, literal
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.types import TensorType
from dlc.compiler.record import component


@component
class CtcLoss(Loss):
    """The likelihood of a shorter sequence, wherever its labels lie in a longer one.

        loss: ctc_loss(log_probabilities, text, frames, letters)

    -log of the sum over all alignments, divided by the length of the target, then the mean over
    the samples. The network ends in `log_softmax`, one row a time step, batch first.

    Arguments:
        input: log probabilities [N, T, C]
        target: class numbers [N, S], those behind the length of a row do not count
        input_lengths: the time steps of each sample, int[N]; all T where not given
        target_lengths: the labels of each sample, int[N]; all S where not given
        blank: the class that stands for no label
        zero_infinity: whether a target that is too long for its input counts nothing, in place
            of an infinite loss

    Source: Graves et al., "Connectionist temporal classification" (2006);
    torch.nn.functional.ctc_loss.
    """

    name: ClassVar[str] = "ctc_loss"

    input: OutputName
    target: TargetName
    input_lengths: OutputOrTarget | None = None
    target_lengths: OutputOrTarget | None = None
    blank: Natural = 0
    zero_infinity: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        lengths = (self.input_lengths, self.target_lengths)
        return (self.input, self.target, *(name for name in lengths if name is not None))

    def check(self, types: Mapping[str, TensorType]) -> None:
        x, t = types[self.input], types[self.target]
        if not x.dtype.is_float or x.rank != 3:
            raise ComponentError(
                "E0401" if x.rank != 3 else "E0406",
                f"`ctc_loss` takes log probabilities [N, T, C], and `{self.input}` is {x}",
                blame="input",
                help="end in `linear(classes)` and `log_softmax`, a row for each time step",
            )
        if not t.dtype.is_int or t.rank != 2:
            raise ComponentError(
                "E0401" if t.rank != 2 else "E0406",
                f"`ctc_loss` takes class numbers [N, S], and `{self.target}` is {t}",
                blame="target",
                help=f"declare `{self.target}: int[{x.shape[0]}, S]`",
            )
        classes = x.shape[-1]
        if isinstance(classes, int) and self.blank >= classes:
            raise ComponentError(
                "E0302",
                f"`blank` is class {self.blank}, and `{self.input}` has {classes}",
                blame="blank",
                help="count the blank among the classes",
            )
        for port, name in (
            ("input_lengths", self.input_lengths),
            ("target_lengths", self.target_lengths),
        ):
            if name is None:
                continue
            found = types[name]
            fits = found.dtype.is_int and found.rank == 1
            if not fits or compare(found.shape[0], x.shape[0]) is not Answer.EQUAL:
                raise ComponentError(
                    "E0401",
                    f"`{port}` is one number a sample, and `{name}` is {found}",
                    blame=port,
                    help=f"declare `{name}: int[{x.shape[0]}]`",
                )

    def torch(self, value: Callable[[str], str], types: Mapping[str, TensorType]) -> str:
        x, target = value(self.input), value(self.target)
        given = (
            self._lengths(value, self.input_lengths, x),
            self._lengths(value, self.target_lengths, target),
        )
        keywords = {"blank": literal(self.blank)} if self.blank else {}
        if self.zero_infinity:
            keywords["zero_infinity"] = literal(True)
        return call("F.ctc_loss", [f"{x}.transpose(0, 1)", target, *given], keywords)

    @staticmethod
    def _lengths(value: Callable[[str], str], name: str | None, of: str) -> str:
        if name is not None:
            return value(name)
        return f"{of}.new_full((len({of}),), {of}.shape[1], dtype=torch.int64)"
