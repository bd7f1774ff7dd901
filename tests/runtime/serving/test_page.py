"""The page at `/` of a server, in a real browser: it asks as a person would."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("uvicorn")

from serving_tools import running

from tests import chromium
from tests.runtime.every_kind import EveryKind, answered

if TYPE_CHECKING:
    from serving_tools import Running

pytestmark = chromium.needed
TOKEN = "a-token-of-some-length"
ASK = """
(async (rows) => {
  const {open} = await import(new URL('server.js', location.href));
  const model = await open({token() {}});
  await model.form(model.models[0]);
  const answers = [];
  for (const row of rows) {
    const bytes = Uint8Array.from(atob(row.photo), (c) => c.charCodeAt(0));
    row.photo = new Blob([bytes], {type: 'image/png'});
    answers.push(await model.answer(row));
  }
  return answers;
})(%s)
"""
READY = "document.getElementById('fields').childElementCount > 0"
FIRST = "document.querySelector('#fields input[type=number]')"


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Page]:
    with chromium.page() as opened:
        yield opened


def test_every_row_gets_the_answer_that_python_gives(
    every: EveryKind, browser: chromium.Page
) -> None:
    rows = [
        row | {"photo": base64.b64encode((every.folder / row["photo"]).read_bytes()).decode()}
        for row in every.rows
    ]
    with running({"every": every.model}) as server:
        browser.open(server.url)
        browser.wait(READY)
        found = browser.run(ASK % json.dumps(rows))
    assert browser.said == []
    wanted = answered(every.model, every.table)
    assert len(found) == len(wanted) == len(rows)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours["logits"]["label"] == theirs["logits_label"]
        assert list(ours["logits"]["probabilities"].values()) == pytest.approx(
            theirs["logits_probabilities"], rel=1e-4, abs=1e-6
        )
        assert ours["amount"]["value"] == pytest.approx(theirs["amount"][0], rel=1e-3, abs=1e-4)


def test_a_form_is_filled_in_and_answered(flowers: Running, browser: chromium.Page) -> None:
    browser.said.clear()
    browser.open(flowers.url, width=390)
    # What is usual stands in the fields, and is asked about at once.
    browser.wait("document.querySelectorAll('.bars li').length === 3")
    assert "Flowers" in browser.run("document.title")
    before = browser.run("document.getElementById('said').textContent")
    browser.run(f"{FIRST}.focus(), {FIRST}.select()")
    browser.type("1200")
    browser.key("Enter")
    browser.wait(f"document.getElementById('said').textContent !== {json.dumps(before)}")
    row = {
        f"m_{i}": float(
            browser.run(
                f"[...document.querySelectorAll('#fields input[type=number]')]"
                f".find(e => e.labels[0].textContent === 'm_{i}').value"
            )
        )
        for i in range(4)
    }
    assert 1200 in row.values()
    (answer,) = flowers.ask("/v2/models/flowers/rows", {"rows": [row]}).json["answers"]
    said = browser.run("document.getElementById('said').textContent")
    share = 100 * answer["logits"]["probability"]
    shown = "> 99.9" if 99.9 < share < 100 else f"{share:.1f}"
    assert said == f"{answer['logits']['label']}, {shown} %"
    # A field that holds nothing is told of, by its own message and aloud.
    browser.run(f"{FIRST}.focus(), {FIRST}.select()")
    browser.run(f"{FIRST}.value = ''")
    browser.key("Enter")
    browser.wait("!document.getElementById('problem').hidden")
    assert "A number is wanted here." in browser.text()
    assert browser.run(f"{FIRST}.getAttribute('aria-invalid')") == "true"
    assert browser.said == []


def test_a_model_is_chosen_among_several(flowers: Running, browser: chromium.Page) -> None:
    browser.said.clear()
    browser.open(flowers.url)
    browser.wait(READY)
    names = browser.run("[...document.getElementById('model').options].map(o => o.value)")
    assert names == ["flowers", "echo", "sums"]
    browser.run(
        "(() => { const m = document.getElementById('model');"
        "m.value = 'sums'; m.dispatchEvent(new Event('change')); })()"
    )
    browser.wait("document.title.startsWith('sums')")
    browser.run("document.querySelector('textarea').focus()")
    browser.type("1, 2.5  3")
    browser.wait("document.getElementById('said').textContent === '6.5'")
    browser.type(" x")
    browser.run("document.getElementById('ask').focus()")
    browser.key("Enter")
    browser.wait("!document.getElementById('problem').hidden")
    assert "“x” is no number." in browser.text()
    assert browser.said == []


def test_an_answer_that_is_overtaken_is_not_shown(flowers: Running, browser: chromium.Page) -> None:
    browser.open(flowers.url)
    browser.wait(READY)
    browser.run(
        "(() => { const m = document.getElementById('model');"
        "m.value = 'sums'; m.dispatchEvent(new Event('change')); })()"
    )
    browser.wait("document.title.startsWith('sums')")
    # The first answer takes long, the second comes at once.
    browser.run(
        "(() => { const sent = window.fetch; window.late = false;"
        "window.fetch = async (...given) => {"
        "const first = window.fetched === undefined; window.fetched = true;"
        "const found = await sent(...given);"
        "if (first) { await new Promise((go) => setTimeout(go, 400)); window.late = true; }"
        "return found; }; })()"
    )
    ask = "document.getElementById('form').requestSubmit()"
    browser.run("document.querySelector('textarea').focus()")
    browser.type("1 2")
    browser.run(ask)
    browser.type(" 4")
    browser.run(ask)
    browser.wait("document.getElementById('said').textContent === '7'")
    browser.wait("window.late")
    browser.run("new Promise((go) => setTimeout(go, 50))")
    assert browser.run("document.getElementById('said').textContent") == "7"


def test_a_token_is_asked_for(trained: object, browser: chromium.Page) -> None:
    model: Path = trained.model  # type: ignore[attr-defined]
    with running({"flowers": model}, token=TOKEN) as server:
        browser.open(server.url)
        browser.wait("document.getElementById('locked').open")
        assert browser.run("document.activeElement.id") == "token"
        browser.type("wrong")
        browser.key("Enter")
        browser.wait(
            "document.getElementById('locked').open && !document.getElementById('token').value"
        )
        browser.type(TOKEN)
        browser.key("Enter")
        browser.wait("document.querySelectorAll('.bars li').length === 3")
