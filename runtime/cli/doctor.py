"""`dlc doctor`: examines a network before it is trained."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.output import add_common, report, wants_color
from dlc.compiler.codegen import identifiers
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.suggest import closest
from dlc.runtime.failures import USAGE, failure, shown

if TYPE_CHECKING:
    from dlc.runtime.insight.doctor.base import Verdict

_SIGNS = {"pass": "✓", "fail": "✗", "skip": "-"}
_COLORS = {"pass": "\x1b[32m", "fail": "\x1b[1;31m", "skip": "\x1b[2m"}
_RESET = "\x1b[0m"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc doctor specs/lenet5.yaml
         dlc doctor specs/lenet5.yaml --module build/lenet5/model.py

Checks gradients against differences, the loss at the start, whether a batch can be
learned, whether samples stay apart, whether ONNX computes the same, and more, on inputs
drawn from their types. Each check gives its figure, the line that it is held to, and the
remedy. With `--module` the given file is run in place of the module of the spec, and
compared with it."""
    add_spec(parser)
    parser.add_argument("--module", metavar="FILE", help="a module to hold against the spec")
    for word, what in (("only", "make this check alone"), ("skip", "leave this check out")):
        parser.add_argument(f"--{word}", action="append", default=[], metavar="NAME", help=what)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all draws")
    add_common(parser, lints=False)


def run(arguments: argparse.Namespace) -> int:
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.insight.doctor import examine
    from dlc.runtime.insight.doctor.base import Patient
    from dlc.runtime.loading import load_module

    compilation = compile_spec(arguments)
    _refuse_unknown([*arguments.only, *arguments.skip])
    own = load_module(generate(compilation))
    given = None if arguments.module is None else _given(Path(arguments.module))
    patient = Patient(
        compilation,
        given or own,
        reference=own if given is not None else None,
        seed=arguments.seed,
    )
    live = arguments.format == "text"
    verdicts: list[Verdict] = []
    began = time.monotonic()
    for verdict in examine(patient, only=arguments.only, skip=arguments.skip):
        verdicts.append(verdict)
        if live:
            color = wants_color(arguments.color, sys.stdout)
            print(_line(verdict, time.monotonic() - began, color=color), flush=True)
        began = time.monotonic()
    findings = tuple(_diagnostic(v, compilation) for v in verdicts if v.state == "fail")
    record = {"checks": [vars(v) for v in verdicts]}
    counts = {state: sum(v.state == state for v in verdicts) for state in _SIGNS}
    answer = (
        f"\n{compilation.program.name}: {counts['pass']} checks passed, {counts['fail']} failed, "
        f"{counts['skip']} do not apply\n"
    )
    return report(findings, arguments, "doctor", record, answer=answer if live else "")


def _refuse_unknown(names: list[str]) -> None:
    from dlc.runtime.insight.doctor import checks

    known = [check.NAME for check in checks()]
    for name in names:
        if name not in known:
            near = closest(name, known)
            raise failure(
                "E0202",
                f"there is no check `{name}`",
                help=f"`{near}` is one" if near else "there is " + ", ".join(known),
                exit_code=USAGE,
            )


def _given(path: Path) -> ModuleType:
    """A module of the user's own, run as it stands."""
    if not path.is_file():
        raise failure("E0604", f"there is no file `{shown(path)}`", exit_code=USAGE)
    spec = importlib.util.spec_from_file_location("dlc_given_module", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise failure(
            "E0802",
            f"`{shown(path)}` cannot be run: {type(error).__name__}: {error}",
            exit_code=USAGE,
        ) from None
    missing = [name for name in ("loss",) if not hasattr(module, name)]
    if missing:
        raise failure(
            "E0802",
            f"`{shown(path)}` has no `{missing[0]}`",
            help="`dlc build` writes a module with all that is needed",
            exit_code=USAGE,
        )
    return module


def _line(verdict: Verdict, seconds: float, *, color: bool) -> str:
    sign = _SIGNS[verdict.state]
    if color:
        sign = f"{_COLORS[verdict.state]}{sign}{_RESET}"
    text = f"{sign} {verdict.name:<19} {verdict.figure}"
    if verdict.state != "skip":
        text += f"  ({verdict.line}; {seconds:.1f} s)" if verdict.line else f"  ({seconds:.1f} s)"
    return "\n".join([text, *(f"{'':<22}{note}" for note in verdict.notes)])


def _diagnostic(verdict: Verdict, compilation: Compilation) -> Diagnostic:
    number = "E0802" if verdict.name == "against the spec" else "E0801"
    place = None
    for path, _, node in compilation.program.walk():
        if verdict.layer and verdict.layer in (path, identifiers.module_path(f"{path}.")[:-1]):
            place = node.span
    return Diagnostic(
        code(number),
        f"{verdict.name}: {verdict.figure}",
        Label(place) if place is not None else None,
        notes=(f"it should be {verdict.line}",) if verdict.line else (),
        help=verdict.remedy or None,
    )
