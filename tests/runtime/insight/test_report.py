"""The page of a run: what is on it, that it loads nothing, and that it can be read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dlc.compiler.cli.main import main
from dlc.runtime.insight.report import plots

pytest.importorskip("matplotlib")
pytest.importorskip("torch")

_DATA = Path(__file__).resolve().parents[3] / "specs" / "data" / "digits8x8.parquet"
_SPEC = """dlc: 1
name: Digits
inputs: {image: "float[N, 1, 8, 8]"}
layers:
  - conv2d: {out_channels: 8, kernel_size: 3}
  - relu
  - flatten
  - linear: 10
    output: logits
targets: {label: "int[N]"}
data:
  source: digits8x8.parquet
  columns: {image: image, label: label}
  split: {train: 0.7, validation: 0.15, test: 0.15}
preprocess: {image: scale(1/16)}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: adam(lr=3e-3)
train: {epochs: 3}
"""
_SECTIONS = (
    *("advice", "findings", "curves", "errors", "inside", "network", "cost", "data"),
    *("environment", "again"),
)


class _Page(HTMLParser):
    """Tags, identifiers, addresses and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._style = tag == "style"
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("src", "href", "xlink:href"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one network, at two rates."""
    folder = tmp_path_factory.mktemp("report")
    (folder / _DATA.name).write_bytes(_DATA.read_bytes())
    (folder / "digits.yaml").write_text(_SPEC)
    for name, sets in (("one", []), ("two", ["--set", "optimizer.lr=1e-3"])):
        words = ["train", str(folder / "digits.yaml"), "--run", str(folder / name), *sets]
        assert main([*words, "--device", "cpu"]) == 0
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    assert main(["report", str(folder / "one"), "--device", "cpu", "--by", "label"]) == 0
    return (folder / "one" / "report.html").read_text()


def test_every_section_is_there_with_what_belongs_to_it(page: str, folder: Path) -> None:
    found = _Page(page)
    assert [name for name in found.ids if name in _SECTIONS] == [*_SECTIONS]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    for title in ("Loss", "accuracy", "Learning rate", "Signals by layer", "Gradients by layer"):
        assert title in captions
    assert any(caption.startswith("Calibration") for caption in captions)
    assert "By label" in captions
    assert found.tags["img"] > 0, "the worst answers are pictures"
    summary = json.loads((folder / "one" / "summary.json").read_text())
    for text in ("best there is", f"{summary['test']['accuracy']:.4g}", "parameters", "conv2d"):
        assert text in found.text
    record = json.loads((folder / "one" / "run.json").read_text())
    for text in (record["digest"], record["data"]["sha256"], record["versions"]["torch"]):
        assert text in found.text
    assert "dlc train digits.yaml" in found.text


def test_the_page_loads_and_runs_nothing(page: str) -> None:
    found = _Page(page)
    assert found.tags["script"] == 0
    outside = [a for a in found.addresses if not a.startswith(("#", "data:image/png;base64,"))]
    assert outside == []
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page


def test_identifiers_of_plots_are_their_own_and_all_references_lead_somewhere(page: str) -> None:
    found = _Page(page)
    twice = [name for name, count in Counter(found.ids).items() if count > 1]
    assert twice == []
    wanted = {a[1:] for a in found.addresses if a.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted <= set(found.ids)


def test_colours_are_those_of_the_page(page: str) -> None:
    figures = "".join(re.findall(r"<figure>.*?</figure>", page, re.DOTALL))
    assert "var(--c0)" in figures
    assert "var(--ink)" in figures
    assert not re.search(r"(fill|stroke): #", figures)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_text_of_a_spec_is_text_on_the_page(folder: Path, tmp_path: Path) -> None:
    spec = tmp_path / "odd.yaml"
    odd = "# <script>alert(1)</script> & more\n" + _SPEC
    spec.write_text(odd)
    (tmp_path / _DATA.name).write_bytes(_DATA.read_bytes())
    words = ["train", str(spec), "--run", str(tmp_path / "run"), "--device", "cpu"]
    assert main([*words, "--set", "train.epochs=1"]) == 0
    assert main(["report", str(tmp_path / "run"), "--device", "cpu"]) == 0
    text = (tmp_path / "run" / "report.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_names_beside_plots_leave_room_for_them_and_are_no_formulas() -> None:
    names = ["x" * 64, "below $5 and $10", "5$"]
    drawn = plots.bars("Shares", names, [0.5, 0.25, 1.0], x_label="share")
    drawn += plots.plot(
        "By layer",
        [plots.Series(name=n, xs=[0, 1, 2], ys=[1, 2, 3]) for n in names],
        x_label="layer",
        names=names,
    )
    assert f"{'x' * 14}…{'x' * 14}" in drawn
    assert drawn.count("below $5 and $10") == 3


def test_equal_runs_give_equal_pages(page: str, folder: Path, tmp_path: Path) -> None:
    words = ["report", str(folder / "one"), "--device", "cpu", "--by", "label"]
    assert main([*words, "-o", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_text() == page


def test_several_runs_stand_side_by_side(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "both.html"
    runs = [str(folder / "one"), str(folder / "two")]
    assert main(["compare", *runs, "-o", str(place), "--device", "cpu"]) == 0
    text = place.read_text()
    found = _Page(text)
    assert found.tags["script"] == 0
    for words in ("optimizer.lr", "0.003", "0.001", "val_accuracy", "logits: calibration error"):
        assert words in found.text
    figure = re.search(r"<figcaption>Validation loss</figcaption>(.*?)</figure>", text, re.DOTALL)
    assert figure is not None
    assert "one" in figure[1]
    assert "two" in figure[1]


def test_the_answer_for_programs_has_verdicts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    words = ["report", str(folder / "one"), "--device", "cpu", "--best-error", "0.01"]
    assert main([*words, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (verdict,) = answer["verdicts"]
    assert verdict["best"] == 0.01
    assert verdict["cause"] in ("bias", "variance", "both", "none")
    assert 0 <= verdict["training"] <= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium here")
def test_a_browser_shows_it_within_the_width(
    folder: Path, page: str, tmp_path: Path, scheme: str, width: int
) -> None:
    """Nothing is wider than the window, and the picture has the colours of the scheme."""
    from PIL import Image

    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    words += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900"]
    words += ["--blink-settings=preferredColorScheme=" + ("0" if scheme == "dark" else "1")]

    def browse(*more: str) -> str:
        done = subprocess.run([*words, *more], check=True, capture_output=True, timeout=120)
        return done.stdout.decode()

    # The page itself may run nothing: a copy tells how wide it is.
    measured = re.sub(r"<meta http-equiv[^>]*>", "", page).replace(
        "</body>",
        "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth"
        "</script></body>",
    )
    (tmp_path / "measured.html").write_text(measured)
    dumped = browse("--dump-dom", (tmp_path / "measured.html").as_uri())
    title = re.search(r"<title>(\d+) of (\d+)</title>", dumped)
    assert title is not None
    assert int(title[1]) <= int(title[2])
    target = (folder / "one" / "report.html").as_uri()
    browse(f"--screenshot={tmp_path / 'page.png'}", target)
    picture: Any = Image.open(tmp_path / "page.png").convert("L")
    corner = picture.getpixel((2, 2))
    assert corner < 64 if scheme == "dark" else corner > 192
    # Text of the heading: there is ink of the other end of the scale.
    inks = picture.crop((0, 0, width, 120)).getextrema()
    assert inks[1] - inks[0] > 150
