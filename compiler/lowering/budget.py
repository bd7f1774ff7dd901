"""What expanding a spec may cost, whatever the spec says."""

from __future__ import annotations

from dlc.compiler.semantics.scope import error
from dlc.compiler.source import Span

#: Layers of a network after expansion, those of a block as often as it is called.
MAX_LAYERS = 100_000
#: Steps run while expanding, those that make no layer (a branch not taken) included.
MAX_STEPS = 1_000_000
#: Blocks, repeats, conditions and residuals inside each other, counted through calls.
MAX_DEPTH = 64


class Budget:
    """Counts what expansion does. Once it is `spent`, expansion stops and says nothing more."""

    __slots__ = ("depth", "spent", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.depth = 0
        self.spent = False

    def enter(self, span: Span) -> None:
        """Goes into a body. Raises `DiagnosticError` E0110 where it lies too deep."""
        if self.depth >= MAX_DEPTH:
            raise error(
                "E0110",
                f"blocks and repeats lie over {MAX_DEPTH} deep inside each other here",
                span,
                help="put what is inside beside it, or repeat one block",
            )
        self.depth += 1

    def leave(self) -> None:
        self.depth -= 1

    def step(self, span: Span) -> None:
        """Counts a step. Raises `DiagnosticError` E0502 past the limit."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            self.spent = True
            raise error(
                "E0502",
                f"the spec takes more than {MAX_STEPS:,} steps to expand",
                span,
                help="lower the count of the repeats around this layer",
            )

    def check_layers(self, count: int, span: Span) -> None:
        """Raises `DiagnosticError` E0502 where so many layers are too many."""
        if count > MAX_LAYERS:
            self.spent = True
            raise error(
                "E0502",
                f"the spec expands to more than {MAX_LAYERS:,} layers",
                span,
                help="lower the count of the repeats around this layer",
            )
