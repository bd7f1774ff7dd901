"""`dlc data`: what the data of a spec holds, and what may go wrong with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.files import write_files
from dlc.compiler.cli.output import add_common, report
from dlc.compiler.compilation import Compilation
from dlc.compiler.version import VERSION
from dlc.runtime.data.audit.diagnose import diagnostics
from dlc.runtime.data.audit.examine import examine
from dlc.runtime.data.audit.facts import Facts
from dlc.runtime.data.audit.findings import Finding, find
from dlc.runtime.data.audit.table import table
from dlc.runtime.failures import shown

PROFILE = "profile.json"
_FORMAT = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc data specs/wine.yaml
         dlc data specs/wine.yaml --html wine.html

Audits the data: sizes and ranges of columns, and what is missing, repeated, leaked
into another part, mislabelled, skewed, far out or drifting. Every finding has a page:
dlc explain W0205."""
    add_spec(parser)
    parser.add_argument(
        "--show-augmented",
        metavar="FILE",
        help="draw augmented training pictures instead (PNG)",
    )
    parser.add_argument("--html", metavar="FILE", help="write a page with histograms")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        help="for profile.json (default: build/<spec>)",
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    if arguments.show_augmented:
        return _show_augmented(arguments, compilation)
    return _audit(arguments, compilation)


def _audit(arguments: argparse.Namespace, compilation: Compilation) -> int:
    facts = examine(compilation)
    found = diagnostics(find(facts), compilation)
    profile = _profile(facts, [finding for finding, _ in found], compilation)
    folder = Path(arguments.output or Path("build") / Path(arguments.spec).stem)
    write_files(folder, {PROFILE: json.dumps(profile, indent=1, ensure_ascii=False) + "\n"})
    answer = table(facts)
    if arguments.html:
        from dlc.runtime.data.audit.page import page

        place = Path(arguments.html)
        write_files(place.parent, {place.name: page(facts, [d for _, d in found])})
        answer += f"\n\n{shown(place)}: the page"
    extra = {"profile": str(folder / PROFILE), **profile}
    all_found = (*compilation.warnings, *(diagnostic for _, diagnostic in found))
    # Set off from the findings, which follow on standard error.
    answer += "\n\n" if all_found else ""
    return report(all_found, arguments, "data", extra, answer=answer)


def _show_augmented(arguments: argparse.Namespace, compilation: Compilation) -> int:
    import io

    import torch

    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.augmentation import sheet
    from dlc.runtime.training.assembly import augmenter_of
    from dlc.runtime.training.plan import plan_of
    from dlc.runtime.training.session import prepare_for
    from dlc.runtime.training.streamed import samples_of

    plan = plan_of(compilation, generate(compilation))
    sheet.refuse_pictureless(plan)
    data = prepare_for(plan)
    samples = samples_of(
        data, inputs=[*plan.inputs], targets=[*plan.targets], device=torch.device("cpu")
    )
    augmenter = augmenter_of(plan, data, samples)
    assert augmenter is not None
    found = sheet.examples(plan, data, samples, augmenter)
    content = io.BytesIO()
    sheet.drawn(found).save(content, "PNG")
    place = Path(arguments.show_augmented)
    write_files(place.parent, {place.name: content.getvalue()})
    names = ", ".join(step.name for step in plan.data.augment)
    answer = f"{shown(place)}: {len(found)} training samples under {names}"
    extra = {"sheet": str(place), "samples": len(found)}
    return report(compilation.warnings, arguments, "data", extra, answer=answer)


def _profile(facts: Facts, findings: list[Finding], compilation: Compilation) -> dict[str, Any]:
    return {
        "dlc": VERSION,
        "format": _FORMAT,
        "digest": compilation.digest,
        "data": {"path": shown(facts.path), "sha256": facts.sha256},
        **facts.record(),
        "findings": [finding.record() for finding in findings],
    }
