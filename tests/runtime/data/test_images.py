"""Columns of images: how they become numbers, from where they may come."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data.dataset import DataSet, prepare
from dlc.runtime.data.images import decode
from dlc.runtime.failures import Failure

Image = pytest.importorskip("PIL.Image")
N = symbol("N")
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)


def packed(pixels: Any, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def test_pixels_are_numbers_from_0_to_1_channels_first() -> None:
    found = decode(packed(PIXELS[0]))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, PIXELS[0].transpose(2, 0, 1).astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("mode", "kept"), [("L", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("1", 1), ("LA", 3)]
)
def test_channels_are_those_that_are_asked_for(mode: str, kept: int) -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS[0]).convert(mode).save(file, "PNG")
    assert decode(file.getvalue()).shape == (kept, 6, 5)
    for channels in (1, 3, 4):
        found = decode(file.getvalue(), channels)
        assert found.shape == (channels, 6, 5)
        assert 0 <= found.min() <= found.max() <= 1


def test_sixteen_bits_a_pixel_keep_their_shades() -> None:
    deep = np.linspace(0, 65535, 30).reshape(6, 5).astype(np.uint16)
    found = decode(packed(deep), 1)
    np.testing.assert_allclose(found[0], deep / 65535, atol=1e-6)
    assert decode(packed(deep), 3).shape == (3, 6, 5)


def test_a_picture_is_turned_as_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(packed(PIXELS[0], "JPEG", quality=100, exif=exif))
    plain = decode(packed(PIXELS[0], "JPEG", quality=100))
    assert turned.shape == (3, 5, 6)
    np.testing.assert_array_equal(turned, np.rot90(plain, -1, axes=(1, 2)))


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_not_opened(format: str) -> None:
    with pytest.raises(ValueError, match="no PNG or JPEG"):
        decode(packed(PIXELS[0], format))


def test_every_damage_is_a_diagnostic() -> None:
    draw = np.random.default_rng(0)
    for format in ("PNG", "JPEG"):
        good = packed(PIXELS[0], format)
        for _ in range(150):
            bad = bytearray(good)
            for place in draw.integers(0, len(good), 3):
                bad[place] = draw.integers(0, 256)
            try:
                found = decode(bytes(bad[: draw.integers(1, len(good) + 1)]))
            except ValueError:
                continue
            assert found.ndim == 3


def prepared(root: Path, source: str, column: str = "image", **options: Any) -> DataSet:
    return prepare(
        Data(source=source, columns={"x": column}, split=Split(train=1.0), **options),
        inputs={"x": float_tensor(N, 3, 6, 5)},
        targets={"label": int_tensor(N)},
        root=root,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The same pictures as a folder, as paths in a table, and as contents in one."""
    names = []
    for index, pixels in enumerate(PIXELS):
        names.append(f"{'ab'[index % 2]}/{index:02}.png")
        (tmp_path / "pictures" / names[-1]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / names[-1]).write_bytes(packed(pixels))
    lines = [f"{name},{name[0]}" for name in names]
    (tmp_path / "pictures/list.csv").write_text("image,label\n" + "\n".join(lines) + "\n")
    contents = [packed(pixels) for pixels in PIXELS]
    labels = [name[0] for name in names]
    pairs = [{"bytes": content, "path": None} for content in contents]
    pq.write_table(
        pa.table({"image": contents, "pair": pairs, "label": labels}), tmp_path / "a.parquet"
    )
    return tmp_path


def test_folders_paths_and_contents_give_the_same_samples(root: Path) -> None:
    wanted = PIXELS.transpose(0, 3, 1, 2).astype(np.float32) / 255
    listed = prepared(root, "pictures/list.csv")
    stored = prepared(root, "a.parquet")
    paired = prepared(root, "a.parquet", "pair")
    folder = prepared(root, "pictures")
    for found in (listed, stored, paired):
        np.testing.assert_array_equal(found.arrays["x"], wanted)
        assert found.preprocessing.labels == {"label": ("a", "b")}
    order = [*range(0, 20, 2), *range(1, 20, 2)]
    np.testing.assert_array_equal(folder.arrays["x"], wanted[order])
    assert folder.preprocessing.labels == {"label": ("a", "b")}


def test_paths_stay_below_the_root_and_name_files(root: Path) -> None:
    outside = root.parent / "secret.png"
    outside.write_bytes(packed(PIXELS[0]))
    (root / "pictures/link.png").symlink_to(outside)
    for path, says in (
        ("../../secret.png", "leaves the folder of the spec"),
        (str(outside), "leaves the folder of the spec"),
        ("link.png", "leaves the folder of the spec"),
        ("none.png", "no file"),
        ("a", "not a regular file"),
        ("", "the image is missing"),
    ):
        (root / "pictures/list.csv").write_text(f"image,label\na/00.png,a\n{path},b\n")
        with pytest.raises(Failure, match=says) as caught:
            prepared(root, "pictures/list.csv")
        assert "list.csv`, row 2, column `image`" in caught.value.diagnostic.message
    (root / "pictures/list.csv").write_text("image,label\n../pictures/a/00.png,a\nb/01.png,b\n")
    assert len(prepared(root, "pictures/list.csv")) == 2


def test_without_pillow_the_command_that_installs_it_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    for on_bad_sample in ("fail", "skip"):
        with pytest.raises(Failure) as caught:
            prepared(root, "a.parquet", on_bad_sample=on_bad_sample)
        assert caught.value.diagnostic.help == "`pip install pillow`"
