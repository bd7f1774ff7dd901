"""Weights that a command names: those of another run, or of a file."""

from __future__ import annotations

from pathlib import Path

from dlc.compiler import Compilation
from dlc.runtime.failures import io_failure
from dlc.runtime.training.checkpoint import load_weights
from dlc.runtime.training.storage import DISK, replace_file
from dlc.runtime.training.tensors import encode
from dlc.runtime.transfer.pretrained import Pretrained

_NAME = "weights.safetensors"


def given_weights(compilation: Compilation, place: Path, scratch: Path) -> Pretrained:
    """The weights in a safetensors file, or those that the run in a folder ended with; these
    are first put into a file in `scratch`. Names are changed as `transfer.rename` of the spec
    says. Raises `Failure` E0608, E0610, E0611."""
    path = place
    if place.is_dir():
        path = scratch / _NAME
        try:
            scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise io_failure("cannot make", scratch, error) from error
        replace_file(path, b"".join(map(bytes, encode(load_weights(place)))), DISK)
    return Pretrained(compilation=compilation, path=path, named_in_spec=False)
