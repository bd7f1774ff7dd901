"""`dlc info`: devices, providers, versions, and what is wrong with them."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from typing import Any

from dlc.compiler.cli.output import add_common, report
from dlc.compiler.version import VERSION

_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "safetensors",
    "pyarrow",
    "lark",
    "pyyaml",
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc info

Shows versions, the devices that torch trains on, the providers that onnxruntime
answers with, and what is wrong with the installation."""
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    record = collect()
    return report((), arguments, "info", record, answer=_text(record))


def collect() -> dict[str, Any]:
    """All that the command shows."""
    versions = _versions()
    providers, problem = _providers()
    problems = [problem] if problem else []
    if versions["onnxruntime"] and versions["onnxruntime-gpu"]:
        problems.append(
            "onnxruntime and onnxruntime-gpu are both installed, and one overwrites files of "
            "the other: pip uninstall -y onnxruntime onnxruntime-gpu && pip install dlc"
        )
    devices, problem = _devices()
    if problem:
        problems.append(problem)
    return {
        "version": VERSION,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": _cores(),
        "packages": versions,
        "devices": devices,
        "providers": providers,
        "runs": _runs() if providers else {},
        "problems": problems,
    }


def _versions() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _devices() -> tuple[list[str], str | None]:
    try:
        import torch
    except ImportError:
        return [], "torch is not installed, so nothing can be trained: pip install 'dlc[train]'"
    from dlc.runtime.device import describe

    devices = [describe(torch.device("cpu"))]
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None:
        devices += [
            describe(torch.device(accelerator.type, index))
            for index in range(torch.accelerator.device_count())
        ]
    return devices, None


def _providers() -> tuple[list[str], str | None]:
    """What this build of onnxruntime has; whether a provider runs shows with a model."""
    try:
        # Imported first, torch brings the CUDA libraries that onnxruntime then finds.
        if "torch" not in sys.modules:
            import torch  # noqa: F401
    except ImportError:
        pass
    try:
        import onnxruntime

        return list(onnxruntime.get_available_providers()), None
    except (ImportError, AttributeError) as error:
        return [], f"onnxruntime cannot be used ({error}): pip install --force-reinstall dlc"


def _runs() -> dict[str, str]:
    """Why each choice of `--provider` does not run here, or nothing. That a build of onnxruntime
    has a provider says little: that of CUDA is in every one of the GPU package."""
    from dlc.runtime.inference.providers import registry

    return {provider.name: registry.why_not(provider.name) for provider in registry.ALL}


def _text(record: dict[str, Any]) -> str:
    lines = [
        f"dlc {record['version']}, Python {record['python']}, {record['platform']}, "
        f"{record['cores']} cores",
        "devices    " + (", ".join(record["devices"]) or "none"),
        "providers  " + (", ".join(record["providers"]) or "none"),
    ]
    for name, reason in record["runs"].items():
        lines.append(f"  {name:<16} {reason or 'runs'}")
    for name, version in record["packages"].items():
        lines.append(f"  {name:<16} {version or '-'}")
    lines += [f"problem: {problem}" for problem in record["problems"]]
    return "\n".join(lines)
