"""`dlc verify`: whether a bundle is whole, and right, on the machine where it will run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dlc.compiler.cli.output import FINDINGS, OK, add_common, report
from dlc.runtime.bundle.verifying import Latency, Verification, verify
from dlc.runtime.cli.predict import positive
from dlc.runtime.cli.providers import add_provider
from dlc.runtime.failures import shown


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc verify out/
         dlc verify out/ --provider cuda --strict
         dlc verify out/ --format json

Needs no PyTorch. Every file is held against its SHA-256, the models against onnx.checker
before one is run; then they must give their golden answers. Shows which providers
really run, and how long one row takes. Exits with 1 where anything is wrong."""
    parser.add_argument("bundle", metavar="DIR", help="what `dlc export RUN --bundle DIR` wrote")
    add_provider(parser)
    parser.add_argument(
        "--runs",
        type=positive,
        default=50,
        metavar="N",
        help="how many calls the latency is the median of, 2 s at most (default: 50)",
    )
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    found = verify(
        Path(arguments.bundle), arguments.provider, strict=arguments.strict, runs=arguments.runs
    )
    report(
        found.findings,
        arguments,
        "verify",
        _record(arguments.bundle, found),
        answer=_text(found) if found.ok else None,
    )
    return OK if found.ok else FINDINGS


def _record(bundle: str, found: Verification) -> dict[str, Any]:
    manifest = found.manifest
    return {
        "bundle": bundle,
        "name": manifest.name if manifest is not None else None,
        "digest": manifest.digest if manifest is not None else None,
        "files": len(manifest.files) if manifest is not None else None,
        "provider": found.provider or None,
        "note": found.note or None,
        "golden": None
        if found.golden is None
        else {
            "rows": found.golden.rows,
            "atol": found.golden.tolerance.atol,
            "rtol": found.golden.tolerance.rtol,
            "max_abs": dict(found.differences),
        },
        "providers": {
            name: {"runs": not reason, "reason": reason or None}
            for name, reason in found.providers.items()
        },
        "latency": {
            name: {
                "milliseconds": round(one.milliseconds, 4),
                "rows": one.rows,
                "runs": one.runs,
            }
            for name, one in found.latency.items()
        },
    }


def _text(found: Verification) -> str:
    manifest, golden = found.manifest, found.golden
    assert manifest is not None
    assert golden is not None
    size = sum(entry.bytes for entry in manifest.files.values())
    lines = [
        f"{shown(found.path)} is sound: `{manifest.name}`, {len(manifest.files)} files of "
        f"{size:,} bytes, each as it was written"
    ]
    width = max(map(len, found.differences), default=0)
    for name, difference in found.differences.items():
        lines.append(
            f"  {name.ljust(width)}  gives its golden answers (largest difference "
            f"{difference:.1e}) in {_time(found.latency[name])}"
        )
    if golden.columns:
        lines.append(f"  the steps in front give their golden inputs: {', '.join(golden.columns)}")
    lines.append(found.note)
    width = max(map(len, found.providers))
    for name, reason in found.providers.items():
        lines.append(f"  {name.ljust(width)}  {reason or 'runs'}")
    return "\n".join(lines)


def _time(found: Latency) -> str:
    long = found.milliseconds >= 1000
    figure = f"{found.milliseconds / 1000:.3g} s" if long else f"{found.milliseconds:.3g} ms"
    return f"{figure} a row" if found.rows == 1 else f"{figure} for {found.rows} rows"
