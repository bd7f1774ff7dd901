"""Every page of cases, a case a test. The form is described in README.md."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from case_pages import BadPage, Case, pages, read_page, rewrite

from dlc.compiler import Result, Source, check
from dlc.compiler.cli.main import main
from dlc.compiler.diagnostics.render import render

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "grammar" / "spec.schema.json"


def _collect() -> Iterator[Any]:
    for path in pages():
        name = path.relative_to(HERE).with_suffix("").as_posix()
        try:
            cases = read_page(path)
        except BadPage as problem:
            # The page fails as a test of its own rather than stopping all others.
            yield pytest.param(path, -1, id=f"{name}: {problem}")
            continue
        for case in cases:
            yield pytest.param(path, case.index, id=f"{name}: {case.title}")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


@pytest.mark.parametrize(("path", "index"), list(_collect()))
def test_case(
    path: Path, index: int, update: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = read_page(path)[index]
    for name, text in case.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    result = check(Source(case.spec_name, case.spec.text, case.spec.language), root=Path.cwd())
    _compare_findings(case, result, update)
    _compare_graph(case, result, update)
    _compare_module(case, result, update)
    _compare_console(case, update)
    _compare_schema(case, result)


def _compare_findings(case: Case, result: Result, update: bool) -> None:
    found = [
        (
            d.primary.span.source.name if d.primary else "",
            d.primary.span.location.line if d.primary else 0,
            d.code.number,
        )
        for d in result.diagnostics
    ]
    annotations = case.annotations
    if annotations:
        assert sorted(found) == sorted(annotations)
    shown = render(result.diagnostics, dropped=result.dropped)
    expected = case.expected("diagnostics")
    given = shown + "\n" if shown else ""
    if update and given and (expected is not None or not annotations):
        rewrite(case, "diagnostics", given)
    elif expected is not None:
        assert given == expected.text
    elif not annotations:
        assert not shown


def _compare_graph(case: Case, result: Result, update: bool) -> None:
    expected = case.expected("graph")
    if expected is None:
        return
    assert result.ok, "a spec that is wrong has no graph"
    given = _run(f"dlc graph {case.spec_name}")
    if update:
        rewrite(case, "graph", given)
    else:
        assert given == expected.text


def _compare_module(case: Case, result: Result, update: bool) -> None:
    expected = case.expected("python")
    if expected is None:
        return
    from dlc.compiler.codegen.torch_module import generate

    assert result.compilation is not None, "a spec that is wrong has no module"
    # The digest changes with every argument that an op gains, and says nothing here.
    given = generate(result.compilation).replace(result.compilation.digest, "...")
    if update:
        rewrite(case, "python", given)
    else:
        assert given == expected.text


def _compare_console(case: Case, update: bool) -> None:
    consoles = [b for b in case.blocks if b.language == "console"]
    if not consoles:
        return
    [block] = consoles
    given = "".join(
        f"{line}\n{_run(line.removeprefix('$ '))}"
        for line in block.text.splitlines()
        if line.startswith("$ ")
    )
    if update:
        rewrite(read_page(case.path)[case.index], "console", given)
    else:
        assert given == block.text


def _run(line: str) -> str:
    """What a `dlc` command prints, both streams together, and its status where it is not 0."""
    program, *words = shlex.split(line)
    assert program == "dlc", f"only `dlc` is run, not `{program}`"
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = main(words)
    text = out.getvalue()
    return text if status == 0 else f"{text}[exit status {status}]\n"


def _compare_schema(case: Case, result: Result) -> None:
    if case.spec.language != "yaml" or not SCHEMA.is_file():
        return
    if result.ok:
        assert case.schema in (None, "accepts"), "the schema accepts all that dlc accepts"
        assert _schema_accepts(case.spec.text)
        return
    assert case.schema, "say `schema: refuses` or `schema: accepts`"
    assert _schema_accepts(case.spec.text) == (case.schema == "accepts")


def _schema_accepts(text: str) -> bool:
    """Whether an editor with the schema would take the file."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return bool(_validator().is_valid(document))


@cache
def _validator() -> Any:
    import jsonschema

    return jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_nothing_but_pages_lies_here() -> None:
    strangers = [
        p.name
        for p in HERE.rglob("*")
        if p.is_file() and p.suffix not in (".md", ".py") and "__pycache__" not in p.parts
    ]
    assert not strangers


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("no title", "begins with"),
        ("# t\n\nwords\n", "has no spec"),
        ("# t\n\n## a\n\nwords\n", "has no spec"),
        ("# t\n\n```yaml\ndlc: 1\n```\n\n## a\n\n```yaml\ndlc: 1\n```\n", "belongs to no case"),
        ("# t\n\n```yaml\ndlc: 1\n```\n\n```json\n{}\n```\n", "nobody reads"),
        ("# t\n\n```yaml\ndlc: 1\n", "has no spec"),
        ("# t\n\nschema: maybe\n\n```yaml\ndlc: 1\n```\n", "neither"),
        ("# t\n\n## a\n\n```dlc\n```\n\n## a\n\n```dlc\n```\n", "two cases with one title"),
    ],
)
def test_a_page_out_of_form_is_refused(page: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(page)
    with pytest.raises(BadPage, match=said):
        read_page(path)


def test_update_rewrites_only_the_block_and_adds_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    before = (
        "# t\n\n## a\n\n```yaml\nx\n```\n\n```diagnostics\nold\n```\n\n## b\n\n```dlc\ny\n```\n"
    )
    path.write_text(before)
    rewrite(read_page(path)[0], "diagnostics", "new\nlines\n")
    assert path.read_text() == before.replace("old\n", "new\nlines\n")
    rewrite(read_page(path)[1], "diagnostics", "more\n")
    assert path.read_text().endswith("```dlc\ny\n```\n\n```diagnostics\nmore\n```\n")
    assert [b.text for b in read_page(path)[1].blocks] == ["y\n", "more\n"]


def test_the_schema_lines_are_read_outside_of_blocks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "# t\n\nschema: refuses\n\n## a\n\n```yaml\nschema: accepts\n```\n\n"
        "## b\n\nschema: accepts\n\n```yaml\n```\n"
    )
    assert [case.schema for case in read_page(path)] == ["refuses", "accepts"]
