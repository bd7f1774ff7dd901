from __future__ import annotations

import io
from pathlib import Path

import pytest

from dlc.runtime.training.live import Live, bytes_text
from dlc.runtime.training.progress import Plain, figures_text, progress_for, time_text
from dlc.runtime.training.sparkline import Trace, sparkline


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


GAUGES = {"lr": 0.001, "grad_norm": 2.5, "memory": 1.25e9}
RECORD = {"step": 20, "epoch": 2.0, "loss": 0.5, "val_loss": 0.4, "val_accuracy": 0.9, "lr": 0.1}


def test_plain_lines_tell_figures_speed_and_time_left() -> None:
    stream = io.StringIO()
    progress = progress_for(stream)
    assert isinstance(progress, Plain)
    progress.start(step=0, total_steps=40, steps_per_epoch=10, folder=Path())
    progress.advance(step=10, samples_per_second=1234.5, figures={"loss": 0.6}, gauges={})
    assert stream.getvalue() == ""
    progress.validated(RECORD, best=True)
    line = stream.getvalue()
    assert line.startswith(
        "epoch 2/4  step 20/40  loss 0.5000  val_loss 0.4000  val_accuracy 0.9000  (best)"
    )
    assert "1,234 samples/s" in line
    assert line.endswith(" left\n")


def test_a_terminal_gets_a_live_line_and_the_validations_above_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    progress = progress_for(stream)
    assert isinstance(progress, Live)
    progress.start(step=0, total_steps=40, steps_per_epoch=10, folder=Path())
    progress.advance(
        step=15, samples_per_second=99.0, figures={"loss": 0.6, "accuracy": 0.5}, gauges=GAUGES
    )
    progress.validated(RECORD, best=False)
    progress.say("[not markup]")
    progress.stop()
    text = stream.getvalue()
    assert "99 samples/s" in text
    assert "epoch 2/4" in text
    assert "val_accuracy 0.9000" in text
    assert "[not markup]" in text


def test_numbers_are_written_for_people() -> None:
    assert [time_text(s) for s in (8.4, 185, 7385)] == ["8 s", "3:05 min", "2:03:05 h"]
    assert figures_text({"loss": 0.00012, "n": 3, "accuracy": 1.0}) == (
        "loss 0.00012  accuracy 1.0000"
    )


def test_the_panel_shows_courses_and_the_state_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    progress = Live(stream)
    progress.start(step=0, total_steps=40, steps_per_epoch=10, folder=Path())
    for step in range(1, 5):
        figures = {"loss": 1.0 / step, "val_loss": 0.4}
        progress.advance(step=step, samples_per_second=1e5, figures=figures, gauges=GAUGES)
    progress.validated(RECORD, best=True)
    with progress.console.capture() as capture:
        progress.console.print(progress._panel())
    progress.stop()
    lines = capture.get().splitlines()
    loss = next(line for line in lines if "loss" in line and "val_loss" not in line)
    assert "0.2500" in loss
    assert "█▃▂▁" in loss
    assert any("lr 0.001  gradient norm 2.5  100,000 samples/s  memory 1.2 GB" in x for x in lines)
    assert any("best at step 20: val_loss 0.4000" in line for line in lines)
    # A validation's figures have one point for each validation.
    assert progress.traces["val_loss"].values == (0.4,)
    assert max(map(len, lines)) <= 140


def test_a_trace_keeps_the_whole_course_in_bounded_room() -> None:
    trace = Trace()
    for place in range(100_000):
        trace.add(float(place))
    trace.add(float("nan"))
    assert len(trace.values) < 512
    assert list(trace.values) == sorted(trace.values)
    assert trace.values[0] < 300
    assert trace.values[-1] > 99_000
    assert trace.text(8) == "▁▂▃▄▅▆▇█"
    assert sparkline([2.0, 2.0], 5) == "▄▄"
    assert sparkline([], 5) == ""


def test_bytes_are_written_for_people() -> None:
    assert [bytes_text(n) for n in (3, 1234, 5.06e8, 1.3e9)] == [
        "3 B",
        "1.2 kB",
        "506 MB",
        "1.3 GB",
    ]
