"""From what a command is given to the model file, and how that is run."""

from __future__ import annotations

import os
from pathlib import Path

from dlc.runtime.bundle.layout import MODEL, OUTSIDE, SESSION
from dlc.runtime.bundle.manifest import damages, is_bundle, read_manifest, refusal
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.failures import USAGE, failure, io_failure, shown


def find_model(path: Path, model: str = MODEL) -> Path:
    """The model file: a file itself, or that of a run folder or of a bundle.

    Of a bundle, `model` and what running it reads are held against the manifest first. Raises
    `Failure` E0610 for a folder without a model, E0910 and E0911 for a bundle that is not as it
    was written. Whether the file is a sound model is for `open_model` to say.
    """
    if not path.is_dir():
        return path
    if is_bundle(path):
        manifest = read_manifest(path)
        if model not in manifest.files:
            raise failure(
                "E0610",
                f"the bundle `{shown(path)}` holds no `{model}`",
                help="make it anew: `dlc export RUN --bundle DIR`",
                exit_code=USAGE,
            )
        used = {name for name in manifest.files if name.endswith(OUTSIDE)} | {model}
        found = damages(path, manifest, used | ({SESSION} & set(manifest.files)))
        if found:
            raise refusal(path, found)
        return path / model
    if not (path / model).is_file():
        raise failure(
            "E0610",
            f"`{shown(path)}` is a folder without `{model}`",
            help=f"make it: `dlc export {shown(path)}`",
            exit_code=USAGE,
        )
    return path / model


def settings_beside(model: Path) -> SessionSettings:
    """How a model file is run: as `session.json` says where it is a file of a bundle, else as
    usual. Raises `Failure` E0910 and E0911."""
    folder = model.parent
    if not is_bundle(folder):
        return SessionSettings()
    manifest = read_manifest(folder)
    if model.name not in manifest.files or SESSION not in manifest.files:
        return SessionSettings()
    found = damages(folder, manifest, [SESSION])
    if found:
        raise refusal(folder, found)
    return read_settings(folder)


def read_settings(folder: Path) -> SessionSettings:
    """What `session.json` of a bundle says. Raises `Failure` E0910, E0611."""
    path = folder / SESSION
    try:
        return SessionSettings.parsed(path.read_bytes())
    except OSError as error:
        raise io_failure("cannot read", path, error) from None
    except (ValueError, TypeError) as error:
        raise failure(
            "E0910",
            f"`{shown(path)}` does not say how the model is run: {error}",
            help="make the bundle anew: `dlc export RUN --bundle DIR`",
        ) from None


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
