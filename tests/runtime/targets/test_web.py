"""The page that runs a model in the browser, in a real one: it answers as Python does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dlc.compiler.cli.main import main
from tests import chromium
from tests.runtime.every_kind import EveryKind, answered

ASK = """
(async (rows) => {
  const {open} = await import(new URL('browser.js', location.href));
  const model = await open({progress() {}});
  await model.form();
  const answers = [];
  for (const row of rows) {
    row.photo = await (await fetch(`../${row.photo}`)).blob();
    answers.push(await model.answer(row));
  }
  return answers;
})(%s)
"""
#: What a person who sees nothing hears of each control.
NAMELESS = """
[...document.querySelectorAll('input, select, textarea, button, canvas')]
  .filter((e) => !e.hidden && e.offsetParent !== null)
  .filter((e) => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim()))
  .map((e) => e.outerHTML)
"""


@pytest.fixture(scope="module")
def site(every: EveryKind, ort_web: Path) -> Path:
    """The page, beside the pictures of the data."""
    out = every.folder / "site"
    given = ["export", str(every.run), "--target", "web", "--ort-web", str(ort_web)]
    assert main([*given, "-o", str(out)]) == 0
    return out


def test_every_row_of_the_data_gets_the_answer_that_python_gives(
    every: EveryKind, site: Path, browser: chromium.Page
) -> None:
    wanted = answered(every.model, every.table)
    with chromium.served(every.folder) as url:
        browser.open(f"{url}site/")
        browser.wait("document.getElementById('fields').childElementCount > 0")
        found = browser.run(ASK % json.dumps(every.rows))
        assert browser.said == []
    assert len(found) == len(wanted) == len(every.rows)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours["logits"]["label"] == theirs["logits_label"]
        assert list(ours["logits"]["probabilities"]) == ["no", "perhaps", "yes"]
        assert list(ours["logits"]["probabilities"].values()) == pytest.approx(
            theirs["logits_probabilities"], rel=1e-4, abs=1e-6
        )
        assert ours["logits"]["probability"] == max(ours["logits"]["probabilities"].values())
        assert ours["amount"]["value"] == pytest.approx(theirs["amount"][0], rel=1e-3, abs=1e-4)


def test_a_person_fills_in_the_form(every: EveryKind, site: Path, browser: chromium.Page) -> None:
    browser.said.clear()
    with chromium.served(every.folder) as url:
        browser.open(f"{url}site/")
        browser.wait("document.getElementById('fields').childElementCount > 0")
        assert browser.run("document.getElementById('said').textContent") == "Nothing is asked yet."
        assert browser.run(NAMELESS) == []
        assert "nothing that you enter leaves it" in browser.text()

        # A picture from a file, a drawing by mouse, the rest by keyboard.
        browser.choose_file("input[type=file]", every.folder / every.rows[0]["photo"])
        left, top, width, height = browser.box("#fields fieldset:nth-of-type(2) canvas")
        browser.drag((left + width / 4, top + 9), (left + width / 2, top + height / 2))
        browser.run("document.querySelector('textarea').focus()")
        browser.type("A well-made ﬁlm!")
        browser.run("document.querySelector('input[type=text]').focus()")
        browser.type("http://x/3")
        browser.run(
            "document.querySelector('input[type=datetime-local]').value = '2024-05-01T13:05'"
        )
        browser.run(
            "document.querySelector('input[type=datetime-local]').dispatchEvent(new Event('input'))"
        )
        browser.wait("document.querySelectorAll('.bars li').length === 3")
        said = browser.run("document.getElementById('said').textContent")
        share = re.fullmatch(r"logits: (no|perhaps|yes), ([\d.]+) % · amount: \S+", said)
        assert share is not None, said
        best = browser.run("document.querySelector('.bars .best').innerText").split("\n")
        assert best[0] == share[1]
        shown = browser.run(
            "[...document.querySelectorAll('.bars .share')].map(e => parseFloat(e.textContent))"
        )
        assert shown == sorted(shown, reverse=True)
        assert sum(shown) == pytest.approx(100, abs=0.2)
        filled = browser.run(
            "[...document.querySelectorAll('.bars .fill')].map(e => e.getBoundingClientRect().width"
            " / e.parentElement.getBoundingClientRect().width * 100)"
        )
        assert filled == pytest.approx(shown, abs=1.5)
        assert browser.said == []


def test_a_picture_is_dropped_or_pasted(
    every: EveryKind, site: Path, browser: chromium.Page
) -> None:
    give = """
    (async () => {
      const blob = await (await fetch('../%s')).blob();
      const data = new DataTransfer();
      data.items.add(new File([blob], '%s.png', {type: 'image/png'}));
      %s
    })()
    """
    dropped = "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})"
    pasted = "new ClipboardEvent('paste', {clipboardData: data, bubbles: true})"
    name = "document.querySelectorAll('#fields canvas[tabindex]')[%d].getAttribute('aria-label')"
    with chromium.served(every.folder) as url:
        browser.open(f"{url}site/")
        browser.wait("document.getElementById('fields').childElementCount > 0")
        assert browser.run(name % 0) == "photo: nothing is drawn yet"
        drop = f"document.querySelectorAll('.pad')[0].dispatchEvent({dropped})"
        browser.run(give % (every.rows[0]["photo"], "dropped", drop))
        browser.wait(f"{name % 0} === 'photo: the picture dropped.png'")
        assert browser.run(name % 1) == "pixels: nothing is drawn yet"
        browser.run("document.querySelectorAll('#fields canvas[tabindex]')[1].focus()")
        paste = f"document.body.dispatchEvent({pasted})"
        browser.run(give % (every.rows[1]["photo"], "pasted", paste))
        browser.wait(f"{name % 1} === 'pixels: the picture pasted.png'")
        assert browser.run(name % 0) == "photo: the picture dropped.png"


def test_what_is_not_right_is_said_where_it_is(
    every: EveryKind, site: Path, browser: chromium.Page
) -> None:
    with chromium.served(every.folder) as url:
        browser.open(f"{url}site/")
        browser.wait("document.getElementById('fields').childElementCount > 0")
        browser.run("document.getElementById('ask').focus()")
        browser.key("Enter")
        browser.wait("!document.getElementById('problem').hidden")
        assert "Some of what is asked is not right yet." in browser.text()
        assert browser.text().count("Draw or choose a picture.") == 2
        # The focus is where the first mistake is; a picture is drawn from there by keyboard.
        assert browser.run("document.activeElement.tagName") == "CANVAS"
        before = browser.run("document.activeElement.toDataURL()")
        for name in (" ", "ArrowRight", "ArrowRight", "ArrowDown"):
            browser.key(name)
        assert browser.run("document.activeElement.toDataURL()") != before
        assert "The pen is down at 156, 148" in browser.text()
        browser.key("Tab")
        assert browser.run("document.activeElement.textContent") == "Choose a picture"


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_and_a_desk_by_day_and_night(
    every: EveryKind, site: Path, browser: chromium.Page, width: int, dark: bool
) -> None:
    with chromium.served(every.folder) as url:
        browser.open(f"{url}site/", width=width, dark=dark)
        browser.wait("document.getElementById('fields').childElementCount > 0")
        assert browser.run("document.documentElement.scrollWidth") <= width
        page, ink = (
            browser.run(f"getComputedStyle(document.body).{name}").removeprefix("rgb(")
            for name in ("backgroundColor", "color")
        )
        lighter = int(page.split(",")[0]) > int(ink.split(",")[0])
        assert lighter is not dark
        columns = browser.run(
            "new Set(['form', 'answer'].map(id => document.getElementById(id)"
            ".getBoundingClientRect().left)).size"
        )
        assert columns == (1 if width < 600 else 2)


def test_the_runtime_may_be_elsewhere_when_that_is_asked_for(
    every: EveryKind, ort_web: Path, browser: chromium.Page
) -> None:
    browser.said.clear()
    out = every.folder / "elsewhere"
    with chromium.served(every.folder) as url, chromium.served(ort_web / "dist") as other:
        given = ["export", str(every.model), "--target", "web", "--ort-web", other]
        assert main([*given, "-o", str(out)]) == 0
        assert not (out / "ort").exists()
        browser.open(f"{url}elsewhere/")
        browser.wait("document.getElementById('fields').childElementCount > 0")
        assert len(browser.run(ASK % json.dumps(every.rows[:1]))) == 1
        assert browser.said == []


def test_the_page_asks_no_other_site(site: Path) -> None:
    policy = re.search(
        r'Content-Security-Policy" content="([^"]*)"', (site / "index.html").read_text()
    )
    assert policy is not None
    assert "http" not in policy[1]
    assert "default-src 'none'" in policy[1]
    for path in site.glob("*.*"):
        if path.suffix in (".js", ".css", ".html"):
            assert not re.search(r"https?://", path.read_text()), path
