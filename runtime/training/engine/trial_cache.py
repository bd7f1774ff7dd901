"""What trials found, kept for the next run of the same network on the same machine.

One small JSON file a network, device and set of versions, in the user's cache folder. A file
that is damaged or of another version is as good as none, and one that cannot be written is
left out: nothing here stops a run.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from dlc.runtime.training.engine.choices import Choices, Compiled, Precision
from dlc.runtime.training.engine.trial import Measured

_FORMAT = 1
_LARGEST_FILE = 1 << 16


def cache_folder() -> Path:
    """The user's folder for what can be had again: `$XDG_CACHE_HOME/dlc`, or the platform's."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given) / "dlc"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "dlc"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dlc"
    return Path.home() / ".cache" / "dlc"


def load(key: Mapping[str, Any]) -> tuple[Measured, ...]:
    """What was measured under a key; empty where nothing was, or the file is not ours."""
    try:
        path = _path(key)
        if path.stat().st_size > _LARGEST_FILE:
            return ()
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT or content["key"] != dict(key):
            return ()
        return tuple(_measured(entry) for entry in content["measured"])
    # RuntimeError: there is no home folder; RecursionError: JSON nested without end.
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, RecursionError):
        return ()


def store(key: Mapping[str, Any], measured: Sequence[Measured]) -> None:
    """Keeps what was measured, where the folder can be written to."""
    content = {
        "format": _FORMAT,
        "key": dict(key),
        "measured": [record_of(found) for found in measured],
    }
    with suppress(OSError, RuntimeError):
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(json.dumps(content, indent=1) + "\n")
        Path(file.name).replace(path)


def record_of(found: Measured) -> dict[str, Any]:
    """As `run.json` and the cache keep it."""
    return {
        **found.choices.record(),
        "steps_per_second": round(found.steps_per_second, 4),
        "setup_seconds": round(found.setup_seconds, 3),
    }


def _path(key: Mapping[str, Any]) -> Path:
    text = json.dumps(dict(key), sort_keys=True)
    return cache_folder() / "trials" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _measured(entry: Mapping[str, Any]) -> Measured:
    """One entry; a ValueError where it is none."""
    choices = Choices.of(entry)
    flags = (choices.channels_last, choices.tf32, choices.cuda_graphs, choices.checkpointing)
    micro = choices.micro_batch
    speed, setup = float(entry["steps_per_second"]), float(entry["setup_seconds"])
    if not (
        choices.precision in get_args(Precision)
        and choices.compile in get_args(Compiled)
        and all(isinstance(flag, bool) for flag in flags)
        and (micro is None or (isinstance(micro, int) and micro > 0))
        and 0 < speed < math.inf
        and 0 <= setup < math.inf
    ):
        raise ValueError("it is not what was written")
    return Measured(choices=choices, steps_per_second=speed, setup_seconds=setup)
