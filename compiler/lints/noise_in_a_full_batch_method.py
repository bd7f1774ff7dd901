"""Mini-batches or dropout with an optimizer for the full batch.

`rprop`, `lbfgs` and `newton` compare gradients or losses of one step with those of the next. Where
each is of other samples, or of other dropped units, the difference is noise: steps of `rprop`
shrink and grow by chance (Tieleman and Hinton, 2012), and the curvature of `lbfgs` is wrong.
Remedy: `data.batch_size: all`, without dropout; or an optimizer for mini-batches, such as `adamw`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dlc.compiler.analysis.parameter_groups import dropouts
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.lints._optimizer import optimizer_call

CODE = code("W0112")


def check(compilation: Compilation) -> Iterator[Diagnostic]:
    optimizer, call = compilation.settings.optimizer, optimizer_call(compilation)
    if optimizer is None or call is None or not optimizer.full_batch:
        return
    data = compilation.settings.data
    if data is not None and data.batch_size != "all":
        yield Diagnostic(
            CODE,
            f"`{optimizer.name}` compares one step with the next, and they see other samples",
            Label(call.name.span, f"batches of {data.batch_size:,} samples"),
            help="write `batch_size: all` in `data`, or use `adamw`",
        )
    dropped = dropouts(compilation.program)
    if dropped:
        yield Diagnostic(
            CODE,
            f"`{optimizer.name}` compares losses, and `{dropped[0]}` makes each one a draw",
            Label(call.name.span),
            help="leave dropout out; `regularization: {l2: 1e-4}` works with it",
        )
