"""`einsum`: sums of products of tensors, by the letters of their dims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dlc.compiler.ir.dims import Dim, product, symbol
from dlc.compiler.ir.graph import Inputs
from dlc.compiler.ir.protocols import OnnxBuilder, TorchWriter
from dlc.compiler.ir.types import TensorType, float_tensor
from dlc.compiler.ops._checks import require_equal, require_float
from dlc.compiler.ops.base import Example, Op, OpError, Port
from dlc.compiler.record import component


@component
class Einsum(Op):
    """Sums of products of tensors, by the letters of their dims.

        [u, v] -> einsum("nkd,nd->nk")      # the score of each of k words

    One letter for each dim; a letter that is missing on the right is summed over. Without
    `->` the right side is every letter that stands once, in alphabetical order.

    Arguments:
        equation: the letters of each input, a comma between, `->`, the letters of the result
    """

    name: ClassVar[str] = "einsum"
    ports: ClassVar[tuple[Port, ...]] = (Port("x", "the tensors", variadic=True),)

    equation: str

    def validate(self) -> None:
        left, arrow, right = self.equation.replace(" ", "").partition("->")
        letters = left.replace(",", "")
        if not all(c.isascii() and c.isalpha() for c in letters + right):
            raise self._bad(
                "takes letters, commas and one `->`", "`nkd,nd->nk`; `...` is not known here"
            )
        if arrow and not set(right) <= set(letters):
            missing = sorted(set(right) - set(letters))[0]
            raise self._bad(f"has `{missing}` on the right only", "each letter stands on the left")
        if len(set(right)) != len(right):
            raise self._bad("has a letter twice on the right", "each letter stands there once")

    def _bad(self, message: str, help: str) -> OpError:
        return OpError(
            "E0307",
            f"the equation of `einsum` {message}, got `{self.equation}`",
            blame="equation",
            help=help,
        )

    @property
    def operands(self) -> tuple[str, ...]:
        """The letters of each input."""
        return tuple(self.equation.replace(" ", "").partition("->")[0].split(","))

    @property
    def result(self) -> str:
        """The letters of the result."""
        left, arrow, right = self.equation.replace(" ", "").partition("->")
        if arrow:
            return right
        return "".join(sorted(c for c in set(left) - {","} if left.count(c) == 1))

    def _sizes(self, inputs: Inputs) -> dict[str, Dim]:
        values = inputs.many("x")
        if len(values) != len(self.operands):
            raise OpError(
                "E0410",
                f"`einsum` takes {len(self.operands)} values by its equation, got {len(values)}",
                blame="x",
                help="write `[a, b] -> einsum(...)`",
            )
        sizes: dict[str, Dim] = {}
        for letters, value in zip(self.operands, values, strict=True):
            require_float(self.name, value)
            if value.dtype is not values[0].dtype:
                raise OpError(
                    "E0406",
                    f"`einsum` needs one element type, got {values[0]} and {value}",
                    blame="x",
                )
            if len(letters) != value.rank:
                raise OpError(
                    "E0401",
                    f"`{letters}` of `einsum` stands for {len(letters)} dims, got {value}",
                    blame="x",
                )
            for letter, size in zip(letters, value.shape, strict=True):
                known = sizes.setdefault(letter, size)
                require_equal(
                    self.name,
                    known,
                    size,
                    f"`{letter}` of `einsum` stands for one size, got {known} and {size}"
                    f" in `{self.equation}`",
                    help="give dims of different sizes different letters",
                )
        return sizes

    def infer(self, inputs: Inputs) -> TensorType:
        sizes = self._sizes(inputs)
        return inputs.x.with_shape(*(sizes[letter] for letter in self.result))

    def _steps(self) -> Iterator[tuple[str, str, str]]:
        """The products of two inputs each, from the left: the letters of both and of what
        comes out."""
        left, *rest = self.operands
        for i, right in enumerate(rest):
            wanted = set(self.result).union(*rest[i + 1 :])
            result = "".join(sorted(set(left + right) & wanted))
            yield left, right, result
            left = result

    def macs(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        """A product without a sum is none."""
        sizes = self._sizes(inputs)
        total: Dim = 0
        for left, right, result in self._steps():
            both = {c for c in set(left) & set(right) if sizes[c] != 1}
            # What only one input has and nothing wants is summed before.
            alone = (set(left) ^ set(right)) - set(result)
            if both - set(result):
                total = total + product(sizes[c] for c in sorted(set(left + right) - alone))
        return total

    def keeps(self, inputs: Inputs) -> tuple[str, ...]:
        return ("x",) if len(self.operands) > 1 else ()

    def own_bytes(self, inputs: Inputs, results: tuple[TensorType, ...]) -> Dim:
        # What goes from one product into the next.
        sizes = self._sizes(inputs)
        total: Dim = 0
        for _, _, result in list(self._steps())[:-1]:
            total = total + product(sizes[c] for c in result) * inputs.x.dtype.bytes
        return total

    def torch(self, t: TorchWriter) -> str:
        return f"torch.einsum({t.literal(self.equation)}, {', '.join(t.many('x'))})"

    def onnx(self, b: OnnxBuilder) -> str:
        equation = ",".join(self.operands) + "->" + self.result
        return b.node("Einsum", *b.many("x"), equation=equation)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        n, t = symbol("N"), symbol("T")
        return (
            Example(cls(equation="nkd,nd->nk"), {"x": (float_tensor(n, 3, 4), float_tensor(n, 4))}),
            Example(
                cls(equation="nqd, nkd -> nqk"),
                {"x": (float_tensor(n, t, 4), float_tensor(n, t, 4))},
            ),
            Example(cls(equation="nd,nd->nd"), {"x": (float_tensor(n, 4), float_tensor(n, 4))}),
            Example(cls(equation="ntd->nd"), {"x": (float_tensor(n, t, 4),)}),
            Example(cls(equation="ndt"), {"x": (float_tensor(n, 4, t),)}),
            Example(
                cls(equation="ni,ij,nj->n"),
                {"x": (float_tensor(n, 3), float_tensor(3, 4), float_tensor(n, 4))},
            ),
        )
