"""`dlc data --show-augmented`: a sheet of what augmentation makes of training samples."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dlc.compiler.cli.main import main

SPEC = "specs/lenet5.yaml"
AUGMENT = "data.augment=[rotation(20), gaussian_noise(0.1), mixup(0.4)]"


def test_a_sheet_is_drawn_and_is_the_same_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one.png", "two.png"):
        status = main(["data", SPEC, "--show-augmented", str(tmp_path / name), "--set", AUGMENT])
        assert status == 0
    assert "8 training samples under rotation, gaussian_noise, mixup" in capsys.readouterr().out
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as sheet:
        assert sheet.mode == "RGB"
        width, height = sheet.size
        # Eight samples, each in eight columns of enlarged digits.
        assert width > 8 * 112
        assert height > 8 * 112
        assert len(sheet.getcolors(1 << 24) or ()) > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def test_a_spec_without_augmented_pictures_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([SPEC], ["specs/mlp.yaml", "--set", "data.augment=time_series_jitter"]):
        status = main(["data", *arguments, "--show-augmented", str(tmp_path / "sheet.png")])
        assert status not in (0, None)
        assert "augments no pictures" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
