"""`dlc check`: every mistake of a spec, with its place, before torch is imported."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlc.compiler.cli.compiling import add_spec, check_path
from dlc.compiler.cli.output import add_common, emit, exit_status, read_source, report, with_levels
from dlc.compiler.compilation import Result
from dlc.compiler.diagnostics.fixes import apply_edits
from dlc.compiler.diagnostics.model import Applicability, Diagnostic, Edit

if TYPE_CHECKING:
    from dlc.compiler.analysis.data_profile import DataProfile


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc check specs/lenet5.yaml\n\n"
        "Finds every mistake of a spec, with its line and column: names, values, shapes,\n"
        "element types. Neither torch nor the data is opened. Warnings do not fail.\n\n"
        "`--profile` adds what the sizes of the data tell: inputs that span widely, targets far\n"
        "from zero, classes of very different sizes, far fewer samples than parameters. The file\n"
        "is written by `dlc data`; the spec may have changed since."
    )
    add_spec(parser, several=True)
    parser.add_argument(
        "--schema", action="store_true", help="also hold YAML files against the JSON Schema"
    )
    parser.add_argument(
        "--profile", metavar="FILE", help="profile.json of `dlc data`, for lints about data"
    )
    parser.add_argument("--fix", action="store_true", help="write the safe fixes into the files")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    findings: list[Diagnostic] = []
    files: list[dict[str, object]] = []
    dropped = 0
    fixed = 0
    profile = _profile(arguments.profile)
    for path in arguments.specs:
        result = check_path(path, arguments)
        if arguments.fix:
            done = _fix(path, result)
            if done:
                fixed += done
                result = check_path(path, arguments)
        found = (
            *result.diagnostics,
            *(_schema(path) if arguments.schema else ()),
            *_of_data(result, profile),
        )
        findings.extend(found)
        dropped += result.dropped
        files.append(_summary(path, result))
    status = report(findings, arguments, "check", {"files": files, "fixed": fixed})
    status = max(status, exit_status(with_levels(findings, arguments.levels), dropped))
    if arguments.format == "text" and status == 0:
        emit(_all_well(files, fixed), sys.stdout)
    return status


def _fix(path: str, result: Result) -> int:
    """Applies the safe fixes of one file to it; gives how many."""
    source = result.file.source if result.file else None
    if source is None:
        return 0
    edits: list[Edit] = []
    count = 0
    for diagnostic in result.diagnostics:
        fix = diagnostic.fix
        if fix is None or fix.applicability is not Applicability.SAFE:
            continue
        if any(edit.span.source is not source or _overlaps(edit, edits) for edit in fix.edits):
            continue  # in another file, or in the way of one taken: the next run sees it
        edits.extend(fix.edits)
        count += 1
    if edits:
        Path(path).write_text(apply_edits(source.text, edits), encoding="utf-8")
    return count


def _overlaps(edit: Edit, others: list[Edit]) -> bool:
    return any(edit.span.start < o.span.end and o.span.start < edit.span.end for o in others)


def _profile(path: str | None) -> DataProfile | None:
    if path is None:
        return None
    from dlc.compiler.cli.profile import read_profile_file

    return read_profile_file(path)


def _of_data(result: Result, profile: DataProfile | None) -> tuple[Diagnostic, ...]:
    if result.compilation is None or profile is None:
        return ()
    from dlc.compiler.data_lints import data_findings

    return data_findings(result.compilation, profile)


def _schema(path: str) -> tuple[Diagnostic, ...]:
    if not path.endswith((".yaml", ".yml")):
        return ()
    from dlc.compiler.schema import validate

    return validate(read_source(path))


def _summary(path: str, result: Result) -> dict[str, object]:
    summary: dict[str, object] = {"file": path, "ok": result.ok}
    if result.compilation is not None:
        program = result.compilation.program
        summary |= {"model": program.name, "parameters": program.parameter_count}
    return summary


def _all_well(files: list[dict[str, object]], fixed: int) -> str:
    lines = []
    for file in files:
        if "model" in file:
            lines.append(f"{file['file']}: {file['model']}, {file['parameters']:,} parameters")
        else:
            lines.append(f"{file['file']}: blocks only, no mistakes")
    if fixed:
        lines.append(f"{fixed} fix{'es' if fixed != 1 else ''} written")
    return "\n".join(lines)
