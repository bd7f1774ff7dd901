"""`dlc export --target`: a model as another program wants it."""

from __future__ import annotations

import argparse
from pathlib import Path

from dlc.compiler.cli.output import report
from dlc.runtime.cli.predict import positive
from dlc.runtime.failures import failure, shown
from dlc.runtime.targets.delivery import Origin
from dlc.runtime.targets.kserve import refuse_uri
from dlc.runtime.targets.triton import ACCELERATORS, MAX_BATCH, TritonOptions
from dlc.runtime.targets.web import find_runtime
from dlc.runtime.targets.writing import KINDS, TargetOptions, Written, write_target

#: The options that are for some targets alone, and which these are.
_FOR = {
    "ort_web": ("web",),
    "max_batch": ("triton", "kserve"),
    "instances": ("triton", "kserve"),
    "accelerator": ("triton", "kserve"),
    "storage_uri": ("kserve",),
}


def add_target(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    group = parser.add_argument_group("for other programs")
    group.add_argument(
        "--target",
        dest="kind",
        choices=tuple(KINDS),
        metavar="NAME",
        help="write a folder (-o): a page for the web, a repository for triton or kserve, a "
        "program for node or cpp",
    )
    group.add_argument(
        "--ort-web",
        metavar="DIR",
        help="web: the package onnxruntime-web, or a URL (default: node_modules here or above)",
    )
    group.add_argument(
        "--accelerator",
        choices=ACCELERATORS,
        metavar="NAME",
        help=f"triton, kserve: {', '.join(ACCELERATORS)} (default: auto)",
    )
    group.add_argument(
        "--max-batch",
        type=positive,
        metavar="N",
        help=f"triton, kserve: rows at once (default: {MAX_BATCH})",
    )
    group.add_argument(
        "--instances",
        type=positive,
        metavar="N",
        help="triton, kserve: copies on each device (default: 1)",
    )
    group.add_argument(
        "--storage-uri",
        metavar="URI",
        help="kserve: where the folder will be, s3://bucket/models",
    )


def run_target(arguments: argparse.Namespace, origin: Origin, default: Path | None) -> int:
    """Writes the folder and tells of it."""
    refuse_others(arguments)
    out = Path(arguments.output) if arguments.output else default
    if out is None:
        raise failure(
            "E0311",
            "`--target` of a model file needs a folder to write",
            help=f"name one: `-o {arguments.kind}/`",
            exit_code=2,
        )
    written = write_target(arguments.kind, origin, out, _options(arguments))
    return report(
        written.warnings,
        arguments,
        "export",
        {
            "target": arguments.target,
            "kind": written.kind,
            "path": str(written.path),
            "name": written.name,
            "bytes": written.bytes,
            "files": dict(written.files),
        },
        answer=_text(written),
    )


def refuse_others(arguments: argparse.Namespace) -> None:
    """Raises `Failure` E0311 for an option of another target, or of none."""
    for name, kinds in _FOR.items():
        if getattr(arguments, name) is not None and arguments.kind not in kinds:
            option = f"--{name.replace('_', '-')}"
            raise failure(
                "E0311",
                f"`{option}` is for `--target {' or '.join(kinds)}`"
                + (f", not for `{arguments.kind}`" if arguments.kind else ""),
                help="leave it out",
                exit_code=2,
            )
    if arguments.kind is not None and arguments.bundle is not None:
        raise failure(
            "E0311",
            "`--target` and `--bundle` exclude each other",
            help=f"make the bundle first, then `dlc export {shown(arguments.bundle)} --target ...`",
            exit_code=2,
        )


def _options(arguments: argparse.Namespace) -> TargetOptions:
    kind = arguments.kind
    found = TargetOptions(
        triton=TritonOptions(
            max_batch=arguments.max_batch or MAX_BATCH,
            instances=arguments.instances or 1,
            accelerator=arguments.accelerator or "auto",
        )
    )
    if kind == "web":
        return TargetOptions(runtime=find_runtime(arguments.ort_web))
    if kind == "kserve":
        uri = refuse_uri(arguments.storage_uri)
        return TargetOptions(triton=found.triton, storage=uri)
    return found


def _text(written: Written) -> str:
    width = max(map(len, written.files))
    lines = [f"wrote {shown(written.path)}: `{written.name}` for {written.kind}"]
    lines += [f"  {name.ljust(width)}  {_size(size):>8}" for name, size in written.files.items()]
    return "\n".join([*lines, *written.go_on])


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
