"""The live view of a run in a terminal.

Below the lines that stay, one for each validation, a panel is drawn anew a few times a
second: where the run is, every figure with its course since the start, and the state of
the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dlc.runtime.training.progress import Plain, figures_text, time_text
from dlc.runtime.training.sparkline import Trace

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live as Region

_PER_SECOND = 4
_BAR = 32
# Wider, a course tells no more.
_COURSE = 60
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Live(Plain):
    """A panel that is drawn again and again, with a line above it for every validation."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        from rich.console import Console

        super().__init__(stream)
        self.console = Console(file=stream, highlight=False)
        self.step = 0
        self.traces: dict[str, Trace] = {}
        self.figures: dict[str, float] = {}
        self.gauges: dict[str, float] = {}
        self.best: tuple[str, int] | None = None
        self.region: Region | None = None

    def start(self, *, step: int, total_steps: int, steps_per_epoch: int, folder: Path) -> None:
        from rich.live import Live as Region

        super().start(
            step=step, total_steps=total_steps, steps_per_epoch=steps_per_epoch, folder=folder
        )
        self.step, self.best = step, None
        self.traces, self.figures, self.gauges = {}, {}, {}
        # It draws itself as soon as it is made.
        self.region = Region(
            console=self.console,
            transient=True,
            refresh_per_second=_PER_SECOND,
            get_renderable=self._panel,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.region.start()

    def advance(
        self,
        *,
        step: int,
        samples_per_second: float,
        figures: Mapping[str, float],
        gauges: Mapping[str, float],
    ) -> None:
        self.step, self.rate = step, samples_per_second
        self.gauges.update(gauges)
        # Figures of validations come by themselves, once each.
        self._take({name: v for name, v in figures.items() if not name.startswith("val_")})

    def validated(self, record: Mapping[str, Any], *, best: bool) -> None:
        super().validated(record, best=best)
        self.step = record["step"]
        self._take(
            {
                name: value
                for name, value in record.items()
                if name.startswith("val_") and isinstance(value, float)
            }
        )
        if best:
            figures = {n: v for n, v in record.items() if n.startswith("val_")}
            self.best = figures_text(figures), record["step"]

    def _take(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self.figures[name] = value
            self.traces.setdefault(name, Trace()).add(value)

    def _speed(self, step: int) -> list[str]:
        # The panel below shows it.
        return []

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def stop(self) -> None:
        if self.region is not None:
            self.region.stop()
            self.region = None

    # ── the panel ────────────────────────────────────────────────────────────

    def _panel(self) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        width = self.console.width
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self.pace.epoch_text(self.step), style="bold"),
            ProgressBar(total=max(self.pace.total, 1), completed=self.step, width=_BAR),
            Text(f"step {self.step:,}/{self.pace.total:,}"),
            Text(self._left()),
        )
        names = max((len(name) for name in self.figures), default=0)
        course = max(0, min(_COURSE, width - names - 14))
        rows = Table.grid(padding=(0, 2))
        for name, value in self.figures.items():
            rows.add_row(
                Text(name, style="cyan"),
                Text(figures_text({name: float(value)}).removeprefix(name).strip()),
                Text(self.traces[name].text(course), style="green", no_wrap=True),
            )
        lines: list[Any] = [head, rows, Text(self._state(), style="dim", no_wrap=True)]
        if self.best is not None:
            text = f"best at step {self.best[1]:,}: {self.best[0]}"
            lines.append(Text(text, style="dim", no_wrap=True))
        return Group(*lines)

    def _left(self) -> str:
        left = self.pace.left(self.step)
        return "" if left is None else f"{time_text(left)} left"

    def _state(self) -> str:
        parts = []
        if "lr" in self.gauges:
            parts.append(f"lr {self.gauges['lr']:.3g}")
        if "grad_norm" in self.gauges:
            parts.append(f"gradient norm {self.gauges['grad_norm']:.3g}")
        if self.rate:
            parts.append(f"{self.rate:,.0f} samples/s")
        if "memory" in self.gauges:
            parts.append(f"memory {bytes_text(self.gauges['memory'])}")
        return "  ".join(parts)


def bytes_text(count: float) -> str:
    """`512 B`, `1.3 GB`; a kB has 1,000 bytes."""
    unit = 0
    while count >= 1000 and unit + 1 < len(_UNITS):
        count /= 1000
        unit += 1
    return (
        f"{count:.0f} {_UNITS[unit]}"
        if unit == 0 or count >= 100
        else f"{count:.1f} {_UNITS[unit]}"
    )
