from __future__ import annotations

import io

import pytest

from dlc.runtime.training.progress import Live, Plain, figures_text, progress_for, time_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


RECORD = {"step": 20, "epoch": 2.0, "loss": 0.5, "val_loss": 0.4, "val_accuracy": 0.9, "lr": 0.1}


def test_plain_lines_tell_figures_speed_and_time_left() -> None:
    stream = io.StringIO()
    progress = progress_for(stream)
    assert isinstance(progress, Plain)
    progress.start(step=0, total_steps=40, steps_per_epoch=10)
    progress.advance(step=10, samples_per_second=1234.5, figures={"loss": 0.6})
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
    progress.start(step=0, total_steps=40, steps_per_epoch=10)
    progress.advance(step=15, samples_per_second=99.0, figures={"loss": 0.6, "accuracy": 0.5})
    progress.validated(RECORD, best=False)
    progress.say("[not markup]")
    progress.stop()
    text = stream.getvalue()
    assert "loss 0.6000  accuracy 0.5000  99 samples/s" in text
    assert "epoch 2/4" in text
    assert "val_accuracy 0.9000" in text
    assert "[not markup]" in text


def test_numbers_are_written_for_people() -> None:
    assert [time_text(s) for s in (8.4, 185, 7385)] == ["8 s", "3:05 min", "2:03:05 h"]
    assert figures_text({"loss": 0.00012, "n": 3, "accuracy": 1.0}) == (
        "loss 0.00012  accuracy 1.0000"
    )
