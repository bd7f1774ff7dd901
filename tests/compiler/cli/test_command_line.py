"""The command line: help, mistakes in the arguments, crashes, missing packages."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from dlc.compiler.cli import main as cli
from dlc.compiler.cli.output import add_common, report
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, DiagnosticError
from dlc.compiler.version import VERSION

Run = Callable[[argparse.Namespace], int]


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Puts a command `probe` into the table; its `run` is what the test gives."""

    def install(run: Run) -> None:
        module = ModuleType("dlc_probe")
        vars(module)["configure"] = lambda parser: add_common(parser)
        vars(module)["run"] = run
        monkeypatch.setitem(sys.modules, "dlc_probe", module)
        monkeypatch.setitem(
            cli.COMMANDS, "probe", cli.Command("probe", "dlc_probe", "a probe", "A spec")
        )

    return install


def test_the_help_fits_a_screen_and_begins_with_an_example(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Example: dlc check ")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in cli.COMMANDS)


def test_no_arguments_is_the_help_and_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert capsys.readouterr().out.startswith("Example: ")


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_the_help_of_a_command_fits_a_screen_and_begins_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Example: dlc {name}")
    assert len(out.splitlines()) <= 48
    assert max(map(len, out.splitlines())) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"dlc {VERSION}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek", "x.yaml"], "there is one with a similar name: `check`"),
        (["specs/lenet5.yaml"], "to check a spec: dlc check specs/lenet5.yaml"),
        (["--versoin"], "there is one with a similar name: `--version`"),
        (["zzzzzz\x1b[31m"], "dlc has no command `zzzzzz\ufffd[31m`"),
        (["explain"], "the following arguments are required: WORD"),
        (["explain", "E0402", "--fromat", "json"], "similar name: `--format`"),
        (["explain", "E0402", "--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_a_mistake_in_the_arguments_is_two_lines_and_status_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert not out
    assert said in err
    assert len(err.splitlines()) <= 3


def test_a_crash_names_the_place_and_shows_no_traceback(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise KeyError("stem")

    probe(run)
    assert cli.main(["probe"]) == 70
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("error[E0901]: internal error in `dlc probe`: KeyError: 'stem'\n")
    assert "Traceback" not in err


def test_a_crash_in_json_is_one_object(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise RecursionError

    probe(run)
    assert cli.main(["probe", "--format", "json"]) == 70
    out, err = capsys.readouterr()
    assert json.loads(out)["diagnostics"][0]["code"] == "E0901"
    assert not err


def test_debug_shows_the_traceback(probe: Callable[[Run], None]) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise KeyError("stem")

    probe(run)
    for words in (["--debug", "probe"], ["probe", "--debug"]):
        with pytest.raises(KeyError):
            cli.main(words)


def test_a_missing_package_is_one_line_with_the_command_that_brings_it(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")

    probe(run)
    assert cli.main(["probe"]) == 2
    assert capsys.readouterr().err == (
        "error[E0603]: `dlc probe` needs PyTorch: pip install 'dlc[train]'\n"
    )


def test_a_module_of_ours_that_is_missing_is_our_mistake(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise ModuleNotFoundError("No module named 'dlc.torch'", name="dlc.torch")

    probe(run)
    assert cli.main(["probe"]) == 70
    assert "E0901" in capsys.readouterr().err


def test_findings_that_escape_a_command_are_reported(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise DiagnosticError(Diagnostic(code("E0605"), "no column `x`"))

    probe(run)
    assert cli.main(["probe"]) == 65
    assert capsys.readouterr().err == "error[E0605]: no column `x`\n"


def test_an_interrupt_is_130_and_quiet(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    probe(run)
    assert cli.main(["probe"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_leaves_is_no_error_worth_a_word() -> None:
    # `head` of a pipe: the page is longer than what the reader takes before it leaves.
    script = (
        "import os, sys\n"
        "from dlc.compiler.cli.main import main\n"
        "read, write = os.pipe()\n"
        "os.dup2(write, 1); os.close(write); os.close(read)\n"
        "sys.exit(main(['explain', 'E0201']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_terminal_that_knows_only_ascii_gets_escapes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dlc.compiler.cli.main", "explain", "näme"],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert done.returncode == 2
    assert b"n\\xe4me" in done.stderr


def test_the_front_door_imports_nothing_heavy() -> None:
    script = (
        "import sys; from dlc.compiler.cli.main import main; main(['--version'])\n"
        "print(sorted({'argparse', 'yaml', 'lark', 'torch', 'numpy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_findings_go_to_standard_error_where_the_command_has_an_answer(
    probe: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    found = Diagnostic(code("W0101"), "nothing uses `x`")

    def run(arguments: argparse.Namespace) -> int:
        return report([found], arguments, "probe", {"n": 3}, answer="three")

    probe(run)
    assert cli.main(["probe"]) == 0
    out, err = capsys.readouterr()
    assert out == "three\n"
    assert err.startswith("warning[W0101]: nothing uses `x`")

    assert cli.main(["probe", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["n"] == 3
    assert not err


@pytest.mark.parametrize(
    ("options", "status", "shown"),
    [
        ([], 0, "warning[W0101]"),
        (["--deny", "unused-value"], 1, "error[W0101]"),
        (["--deny", "W0101"], 1, "error[W0101]"),
        (["--deny", "warnings"], 1, "error[W0101]"),
        (["--deny", "warnings", "--allow", "unused-value"], 0, ""),
        (["--allow", "unused-value", "--warn", "unused_value"], 0, "warning[W0101]"),
        (["--deny", "unused-param"], 0, "warning[W0101]"),
    ],
)
def test_lints_are_allowed_warned_about_or_denied_by_name(
    probe: Callable[[Run], None],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    status: int,
    shown: str,
) -> None:
    found = Diagnostic(code("W0101"), "nothing uses `x`")
    probe(lambda arguments: report([found], arguments, "probe"))
    assert cli.main(["probe", *options]) == status
    assert capsys.readouterr().out.startswith(shown)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--allow", "E0402"], "`E0402` is an error, which cannot be silenced"),
        (["--allow", "unused-valu"], "there is a lint with a similar name: `unused-value`"),
    ],
)
def test_a_lint_that_is_none_is_refused(
    probe: Callable[[Run], None],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    probe(lambda arguments: 0)
    assert cli.main(["probe", *options]) == 2
    assert said in capsys.readouterr().err
