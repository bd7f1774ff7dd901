"""torchvision's kernels on batches of pictures.

torchvision has no types, which stops here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

functional: Final[Any] = import_module("torchvision.transforms.v2.functional")
_MODES: Final[Any] = import_module("torchvision.transforms.v2").InterpolationMode
NEAREST: Final[Any] = _MODES.NEAREST
BILINEAR: Final[Any] = _MODES.BILINEAR
