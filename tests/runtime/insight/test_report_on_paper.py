"""The page of a run on paper: all of it is there, and none of it is cut off."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_report import _SPEC, _Page

from dlc.compiler.cli.main import main

pytest.importorskip("matplotlib")
pytest.importorskip("torch")

TOOLS = ("chromium", "pdftotext", "pdftoppm")
MISSING = [name for name in TOOLS if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"there is no {', '.join(MISSING)} here")

_DATA = Path(__file__).resolve().parents[3] / "specs" / "data" / "digits8x8.parquet"
#: Layers that fill more than a page, of long names, and so a long table and a long drawing.
_DEEP = """  - conv2d: {out_channels: 8, kernel_size: 3}
  - relu
  - flatten
  - repeat: 2
    layers:
      - linear: 24
        name: a_layer_whose_name_is_nearly_as_long_as_a_name_may_ever_be
      - tanh
      - layer_norm
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The page of a run, and what a browser prints of it."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / _DATA.name).write_bytes(_DATA.read_bytes())
    plain = "  - conv2d: {out_channels: 8, kernel_size: 3}\n  - relu\n  - flatten\n"
    assert plain in _SPEC
    (folder / "digits.yaml").write_text(_SPEC.replace(plain, _DEEP))
    words = ["train", str(folder / "digits.yaml"), "--run", str(folder / "run")]
    assert main([*words, "--device", "cpu"]) == 0
    assert main(["report", str(folder / "run"), "--device", "cpu", "--by", "label"]) == 0
    page = folder / "run" / "report.html"
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    words += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    words += [f"--user-data-dir={folder / 'profile'}", "--no-pdf-header-footer"]
    words += [f"--print-to-pdf={folder / 'page.pdf'}", page.as_uri()]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    return page.read_text(), folder / "page.pdf"


def _told(*words: str | Path) -> str:
    done = subprocess.run(words, check=True, capture_output=True, timeout=60)
    return done.stdout.decode()


def test_all_that_is_on_the_page_is_on_paper(printed: tuple[str, Path]) -> None:
    page, paper = printed
    # Lines are broken elsewhere, within long words too.
    on_paper = re.sub(r"\s", "", _told("pdftotext", "-layout", paper, "-"))
    # What only leads to other places of the page is left out.
    html = re.sub(r"<nav>.*?</nav>|<title>.*?</title>", "", page, flags=re.DOTALL)
    words = set(_Page(html).text.split())
    assert len(words) > 300
    missing = sorted(word for word in words if word not in on_paper)
    assert missing == []


def test_every_section_has_its_heading(printed: tuple[str, Path]) -> None:
    page, paper = printed
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert len(headings) >= 10
    text = _told("pdftotext", "-layout", paper, "-")
    lines = [line.strip() for line in text.splitlines()]
    assert [heading for heading in headings if heading not in lines] == []


def test_nothing_lies_beyond_the_edges(printed: tuple[str, Path], tmp_path: Path) -> None:
    _, paper = printed
    boxes = _told("pdftotext", "-bbox", paper, "-")
    pages = re.findall(r'<page width="([\d.]+)" height="([\d.]+)">(.*?)</page>', boxes, re.DOTALL)
    assert len(pages) > 3
    for width, height, content in pages:
        words = re.findall(
            r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">', content
        )
        assert words, "a page without a word"
        for word in words:
            left, top, right, bottom = map(float, word)
            assert left > 0
            assert top > 0
            assert right < float(width)
            assert bottom < float(height)
    _told("pdftoppm", "-r", "40", "-png", paper, tmp_path / "page")
    from PIL import Image

    for path in sorted(tmp_path.glob("page-*.png")):
        picture: Any = Image.open(path).convert("L")
        width, height = picture.size
        inside = Image.new("L", (width - 20, height - 20), 255)
        picture.paste(inside, (10, 10))
        assert picture.getextrema()[0] == 255, f"ink at the edge of {path.name}"


def test_a_heading_is_not_the_last_line_of_a_page(printed: tuple[str, Path]) -> None:
    page, paper = printed
    headings = {re.sub("<[^>]*>", "", h) for h in re.findall(r"<h[23][^>]*>(.*?)</h", page)}
    for sheet in _told("pdftotext", "-layout", paper, "-").split("\f"):
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        assert not lines or lines[-1] not in headings
