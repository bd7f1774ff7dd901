"""The report of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from dlc.runtime.failures import shown
from dlc.runtime.insight.report import answers, course, setting
from dlc.runtime.insight.report.facts import Facts
from dlc.runtime.insight.report.html import number, page, tile
from dlc.runtime.insight.report.style import STYLE
from dlc.runtime.training.progress import time_text

_SECTIONS: tuple[tuple[str, str, Callable[[Facts], Iterator[str]]], ...] = (
    ("advice", "What to do next", answers.advice),
    ("findings", "Findings", course.findings),
    ("curves", "Course", course.curves),
    ("errors", "Errors", answers.errors),
    ("inside", "Inside the network", course.inside),
    ("network", "Network", setting.network),
    ("cost", "Cost", setting.costs),
    ("data", "Data", setting.data),
    ("environment", "Environment", setting.environment),
    ("again", "To do it again", setting.again),
)
_STATES = {"early_stopping": "stopped early"}


def write_report(facts: Facts) -> str:
    """The text of the page."""
    run = facts.run
    links = " ".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in _SECTIONS)
    body = [f"<h1>{escape(run.name)}</h1>", f'<p class="sum">{escape(_sum(facts))}</p>']
    body += [f"<nav>{links}</nav>", '<div class="tiles">', *_tiles(facts), "</div>"]
    body += [f'<p class="soft">{escape(note)}.</p>' for note in facts.notes]
    for key, title, section in _SECTIONS:
        body.append(f'<section id="{key}"><h2>{escape(title)}</h2>')
        body.extend(section(facts))
        body.append("</section>")
    return page(f"{run.name}: report", STYLE, body)


def _sum(facts: Facts) -> str:
    run = facts.run
    state = _STATES.get(run.state, run.state)
    words = [shown(run.path), f"{state} after {run.step:,} steps", f"{run.epoch:.3g} epochs"]
    words.append(time_text(run.seconds))
    return " · ".join(words)


def _tiles(facts: Facts) -> Iterator[str]:
    run = facts.run
    named = run.best[0] if run.best is not None else None
    for name in dict.fromkeys(filter(None, (named, *run.all_figures()))):
        if "." not in name:
            yield tile(name.replace("_", " "), number(run.figure(name)))
    yield tile("parameters", f"{facts.compilation.program.parameter_count:,}")
