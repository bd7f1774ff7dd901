"""Pictures become numbers in a browser as they do in Python, whatever file they are in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlc.runtime.data.images import decode
from tests import chromium

Image = pytest.importorskip("PIL.Image")
pytestmark = chromium.needed

PAGE = Path(__file__).parents[3] / "runtime" / "serving" / "page"
READ = """
(async () => {
  const {pixels, greys} = await import('/page/pixels.js');
  const image = await pixels(await (await fetch('/%s')).blob());
  return [image.height, image.width, Array.from(%d === 1 ? greys(image.data) : image.data)];
})()
"""
SCALE = """
(async () => {
  const {pixels, scaled} = await import('/page/pixels.js');
  const image = scaled(await pixels(await (await fetch('/%s')).blob()), %d, %d);
  return [image.height, image.width, Array.from(image.data)];
})()
"""
DRAWN = """
(async () => {
  const {boxed, scaled} = await import('/page/pixels.js');
  const image = new ImageData(100, 100);
  for (let place = 0; place < 10000; place += 1) {
    const [x, y] = [place %% 100, Math.floor(place / 100)];
    const light = x >= 60 && x < 80 && y >= 10 && y < 50;
    image.data.fill(light === %s ? 255 : 0, 4 * place, 4 * place + 3);
    image.data[4 * place + 3] = 255;
  }
  const found = scaled(boxed(image, %s, 1), 28, 28);
  return Array.from({length: 784}, (_, place) => found.data[4 * place]);
})()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of every kind, beside the scripts of the page."""
    root = tmp_path_factory.mktemp("pictures")
    shutil.copytree(PAGE, root / "page")
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 256, (20, 31, 4)).astype(np.uint8)
    ramp = np.add.outer(np.arange(20) * 8, np.arange(31) * 3)[..., None] + [0, 20, 40]
    smooth = np.clip(ramp, 0, 255).astype(np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(noise[..., :3]).save(root / "colour.png")
    Image.fromarray(noise[..., 0]).save(root / "grey.png")
    Image.fromarray(noise[..., :3]).quantize(16).save(root / "palette.png")
    Image.fromarray(noise).save(root / "transparent.png")
    Image.fromarray(smooth).save(root / "photo.jpg", quality=90)
    Image.fromarray(smooth).save(root / "turned.jpg", quality=90, exif=turned)
    Image.fromarray(draw.integers(0, 65536, (20, 31)).astype(np.uint16)).save(root / "deep.png")
    return root


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[chromium.Page]:
    with chromium.page() as opened, chromium.served(folder) as url:
        opened.open(f"{url}page/page.css")
        yield opened


def seen(found: Any, channels: int) -> np.ndarray[Any, Any]:
    height, width, values = found
    pixels = np.array(values).reshape(height, width, -1)
    return pixels[..., :channels]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("colour.png", 0),
        ("grey.png", 0),
        ("palette.png", 0),
        ("transparent.png", 0),
        # Other versions of the decoder round the last bit in another way.
        ("photo.jpg", 2),
        ("turned.jpg", 2),
        # A browser has 8 bits a channel.
        ("deep.png", 1),
    ],
)
def test_a_file_has_the_pixels_that_python_reads(
    folder: Path, browser: chromium.Page, name: str, most: int, channels: int
) -> None:
    ours = seen(browser.run(READ % (name, channels)), channels)
    planes = decode((folder / name).read_bytes(), channels)
    theirs = np.rint(planes.transpose(1, 2, 0) * 255)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= most


@pytest.mark.parametrize("size", [(7, 5), (31, 20), (62, 40), (8, 40)])
def test_another_size_is_what_pillow_makes_of_it(
    folder: Path, browser: chromium.Page, size: tuple[int, int]
) -> None:
    ours = seen(browser.run(SCALE % ("colour.png", *size)), 3)
    with Image.open(folder / "colour.png") as image:
        theirs = np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.int64)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("dark", ["true", "false"])
def test_what_is_drawn_is_put_in_the_middle(browser: chromium.Page, dark: str) -> None:
    image = np.array(browser.run(DRAWN % (dark, dark))).reshape(28, 28)
    inked = image > 128 if dark == "true" else image < 128
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    # Twenty of 28 high, as the digits of MNIST are, half as wide, and in the middle.
    assert (rows[0], rows[-1]) == (4, 23)
    assert len(columns) == 10
    assert columns[0] == pytest.approx(27 - columns[-1], abs=1)
